import { describe, expect, it } from '@jest/globals';
import { AssociateBody } from '../../../src/pdu/associateBody';

const LENGTH = 1_000_000;

/** A body of which all but the last byte has come. */
function begun(): AssociateBody {
  const body = new AssociateBody(LENGTH);
  body.add(Buffer.alloc(LENGTH - 1), 0);
  return body;
}

function end(body: AssociateBody): boolean {
  body.add(Buffer.alloc(1), 0);
  return body.isComplete;
}

describe('large A-ASSOCIATE bodies that do not become complete', () => {
  it('have 32 MiB together: beyond that the oldest is given up', () => {
    const bodies = Array.from({ length: 40 }, begun);
    for (const body of bodies.slice(0, 7)) expect(() => end(body)).toThrow('others needed the memory');
    for (const body of bodies.slice(7)) expect(end(body)).toBe(true);
  });

  it('leave small ones and complete ones alone', () => {
    const small = new AssociateBody(20_000);
    small.add(Buffer.alloc(16_000), 0);
    const ended = begun();
    expect(end(ended)).toBe(true);
    const bodies = Array.from({ length: 40 }, begun);
    small.add(Buffer.alloc(4000), 0);
    expect([small.isComplete, ended.take().length]).toEqual([true, LENGTH]);
    // Their memory is free again.
    for (const body of bodies.slice(7)) expect(end(body)).toBe(true);
    const next = Array.from({ length: 33 }, begun);
    for (const body of next) expect(end(body)).toBe(true);
  });
});

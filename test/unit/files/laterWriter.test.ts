import { describe, expect, it } from '@jest/globals';
import { LaterWriter, type LaterWriterOptions } from '../../../src/files/laterWriter';

function writerOf(options: Partial<LaterWriterOptions>) {
  return new LaterWriter({ write: async () => {}, failed: () => {}, delayMs: 1e6, ...options });
}

describe('LaterWriter', () => {
  it('writes what there is when it is closed, once and without waiting', async () => {
    const written: string[] = [];
    let now = 'before';
    const writer = writerOf({ write: async () => void written.push(now) });
    writer.changed();
    now = 'after';
    writer.changed();
    expect(written).toEqual([]);
    await writer.close();
    expect(written).toEqual(['after']);
  });

  it('writes nothing where nothing has changed', async () => {
    const written: string[] = [];
    await writerOf({ write: async () => void written.push('something') }).close();
    expect(written).toEqual([]);
  });

  it('reports once that it cannot write, and again after it could', async () => {
    const failures: string[] = [];
    let isFull = true;
    const writer = writerOf({
      write: async () => {
        if (isFull) throw new Error('the disk is full');
      },
      failed: (message) => failures.push(message),
    });
    const write = async () => {
      writer.changed();
      await writer.close();
    };
    await write();
    await write();
    expect(failures).toEqual(['the disk is full']);
    isFull = false;
    await write();
    isFull = true;
    await write();
    expect(failures).toHaveLength(2);
  });
});

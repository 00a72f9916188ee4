import { expect, it } from '@jest/globals';
import { collectAll } from '../../../src/gateway/heap';

it('frees what nobody holds any more', async () => {
  const references = Array.from({ length: 10 }, () => new WeakRef(new Array(1000).fill(0)));
  // A weak reference holds its target until the turn that made it is over.
  await new Promise(setImmediate);
  collectAll();
  expect(references.filter((reference) => reference.deref() !== undefined)).toEqual([]);
});

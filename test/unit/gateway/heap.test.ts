import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { settleHeap } from '../../../src/gateway/heap';

function turn() {
  return new Promise(setImmediate);
}

function youngBytes() {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}

let garbage: WeakRef<number[]>[] = [];

beforeAll(async () => {
  garbage = Array.from({ length: 10 }, () => new WeakRef(new Array<number>(1000).fill(0)));
  // A weak reference holds its target until the turn that made it is over.
  await turn();
  settleHeap();
  await turn();
});
afterAll(() => setFlagsFromString('--semi-space-growth-factor=2'));

// Both fail where a later V8 has it no more.

it('frees what nobody holds any more', () => {
  expect(garbage.filter((reference) => reference.deref() !== undefined)).toEqual([]);
});

it('keeps the young generation as large as it was, whatever survives', () => {
  const before = youngBytes();
  const surviving = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
  expect(surviving).toHaveLength(1_000_000);
  expect(youngBytes()).toBeLessThanOrEqual(before);
});

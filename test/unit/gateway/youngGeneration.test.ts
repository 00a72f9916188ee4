import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { afterAll, expect, it } from '@jest/globals';
import { keepYoungGenerationSmall } from '../../../src/gateway/youngGeneration';

const youngBytes = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;

afterAll(() => setFlagsFromString('--semi-space-growth-factor=2'));

/** Fails where a later V8 no longer takes the flag from a process that runs. */
it('keeps the young generation as large as it was, whatever survives', () => {
  keepYoungGenerationSmall();
  const before = youngBytes();
  const surviving = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
  expect(surviving).toHaveLength(1_000_000);
  expect(youngBytes()).toBeLessThanOrEqual(before);
});

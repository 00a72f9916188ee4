import assert from 'node:assert/strict';
import { it } from '@jest/globals';
import fc from 'fast-check';
import { decodeCommandSet } from '../../src/dimse/commandSet';
import { encodeCommandSet } from '../../src/dimse/encodeCommandSet';
import { commandSets, expectStrictDecoding, hostileBytes } from '../support/commandSetArbitraries';

const runs = Number(process.env.FUZZ_RUNS ?? 1_000_000);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff);
const HOUR_MS = 3_600_000;

it(
  `hostile command sets end in CommandSetError or in a value (${runs} runs, FUZZ_SEED=${seed})`,
  () => {
    fc.assert(fc.property(hostileBytes, expectStrictDecoding), { seed, numRuns: runs });
  },
  HOUR_MS,
);

it(
  `any command set survives encoding and decoding (${Math.ceil(runs / 10)} runs, FUZZ_SEED=${seed})`,
  () => {
    const survives = fc.property(commandSets, (set) => {
      assert.deepEqual(decodeCommandSet(encodeCommandSet(set)), set);
    });
    fc.assert(survives, { seed, numRuns: Math.ceil(runs / 10) });
  },
  HOUR_MS,
);

/** The short version of `npm run fuzz`, always with the same inputs, so that a target cannot stop working unseen. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { Fuzzing } from '../../fuzz/fuzz';
import type { FuzzTarget } from '../../fuzz/target';
import { targets } from '../../fuzz/targets';

const SEED = 1;
/** Of a target whose inputs take microseconds. */
const INPUTS = 2000;
const MINUTE_MS = 60_000;

/** What may take longer gets fewer. */
function inputsOf({ maxInputMs = 10 }: FuzzTarget): number {
  return Math.ceil((INPUTS * 10) / maxInputMs);
}

afterAll(async () => {
  for (const target of targets) await target.close?.();
});

describe('fuzz', () => {
  it.each(targets.map((target) => [target.name, target] as const))(
    '%s holds for the same inputs each time',
    async (_name, target) => {
      const fuzzing = new Fuzzing(target, SEED);
      await fuzzing.runInputs(inputsOf(target));
      expect(fuzzing.inputs).toBeGreaterThanOrEqual(target.seeds.length + inputsOf(target));
    },
    MINUTE_MS,
  );
});

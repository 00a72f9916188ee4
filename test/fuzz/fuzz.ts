/**
 * Throws many inputs at a decoder. Whatever they are, each has to end in a value or in the decoder's own
 * error, soon, and without leaving memory behind.
 */

import { heldBytes } from '../support/heldBytes';
import { mutated } from './mutate';
import { Random } from './random';

/** Seconds would be a denial of service; this leaves room for a busy machine. Asserted on the best of several. */
const MAX_INPUT_MS = 10;
const MAX_GROWTH_BYTES = 4 * 2 ** 20;

export interface FuzzTarget {
  /** Valid inputs, of which the mutated ones are made. */
  readonly corpus: readonly Buffer[];
  /**
   * Runs the decoder and throws for every finding. It catches the decoder's own error itself. What it draws
   * from `random` is repeated when the input is.
   */
  check(input: Buffer, random: Random): void;
}

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
}

/** `FUZZ_RUNS` (default a million) and `FUZZ_SEED` (default a new one each time, printed). */
export function fuzzOptionsFromEnvironment(): FuzzOptions {
  const { FUZZ_RUNS, FUZZ_SEED } = process.env;
  const seed = FUZZ_SEED === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(FUZZ_SEED);
  process.stderr.write(`FUZZ_SEED=${seed}\n`);
  return { runs: Number(FUZZ_RUNS ?? 1_000_000), seed };
}

/** Rejects with the input that was a finding and with what repeats it. */
export async function fuzz(target: FuzzTarget, { runs, seed }: FuzzOptions): Promise<void> {
  const before = await heldBytes();
  for (let run = 0; run < runs; run++) {
    const random = new Random(seed + run);
    const input = mutated(target.corpus, random);
    const start = performance.now();
    try {
      target.check(input, random);
    } catch (error) {
      throw finding(error, input, seed + run);
    }
    if (performance.now() - start > MAX_INPUT_MS) {
      expectSoon(target, seed + run);
    }
  }
  const growth = (await heldBytes()) - before;
  if (growth > MAX_GROWTH_BYTES) {
    throw new Error(`memory grew by ${growth} bytes in ${runs} runs from FUZZ_SEED=${seed}`);
  }
}

/** A slow run may be the machine's fault; a slow input is slow each time. */
function expectSoon(target: FuzzTarget, seed: number): void {
  let best = Number.POSITIVE_INFINITY;
  let input: Buffer = Buffer.alloc(0);
  for (let round = 0; round < 5; round++) {
    const random = new Random(seed);
    input = mutated(target.corpus, random);
    const start = performance.now();
    target.check(input, random);
    best = Math.min(best, performance.now() - start);
  }
  if (best > MAX_INPUT_MS) {
    throw finding(new Error(`took ${best.toFixed(1)} ms`), input, seed);
  }
}

function finding(cause: unknown, input: Buffer, seed: number): Error {
  return new Error(
    `${String(cause)}\ninput: ${input.toString('hex')}\nrepeat with FUZZ_RUNS=1 FUZZ_SEED=${seed}`,
    { cause },
  );
}

/**
 * What is fuzzed: inputs to begin with, and what must hold for every input. Knows nothing of how inputs are made.
 */
import type { Random } from './random';

/** Enough for what is slow with the length of an input to show, and as much as is collected of anything. */
export const MAX_INPUT_BYTES = 64 * 1024;
/** Of the 10 ms that 64 KiB may take, most is left for a busy machine. Measured as the best of several. */
const MAX_INPUT_MS = 10;

export interface FuzzTarget {
  readonly name: string;
  /** What must hold, in a few words. */
  readonly invariant: string;
  /** Valid inputs, of which the first mutated ones are made. */
  readonly seeds: readonly Buffer[];
  /** Words of the language, where the input is a text. */
  readonly words?: readonly string[];
  /** How long an input may take; default 10 ms. */
  readonly maxInputMs?: number;
  /**
   * Runs the code and throws for every finding. It catches the code's own error itself. What it draws from `random` is
   * the same each time for the same input.
   */
  check(input: Buffer, random: Random): void | Promise<void>;
  /** Ends what the target has started. */
  close?(): Promise<void>;
}

/** A finding that is not an exception of the code under test. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

export function maxInputMs({ maxInputMs: own = MAX_INPUT_MS }: FuzzTarget): number {
  return own;
}

/** Undefined where the code refused the input with one of its own errors; throws every other error. */
export function unlessRefused<Value>(
  refusals: readonly (new (...fields: never[]) => Error)[],
  act: () => Value,
): Value | undefined {
  try {
    return act();
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal)) return undefined;
    throw error;
  }
}

/** The input in one to many pieces, wherever `random` cuts it. */
export function pieces(input: Buffer, random: Random): Buffer[] {
  const longest = random.pick([2, 30, 400, 20_000]);
  const cut: Buffer[] = [];
  for (let offset = 0; offset < input.length; ) {
    const length = random.below(longest + 1);
    cut.push(input.subarray(offset, offset + length));
    offset += length;
  }
  return cut;
}

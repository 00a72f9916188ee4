/**
 * Runs a target with one input after the other: whatever they are, each has to end as the target says, soon, and without
 * leaving memory behind. Keeps the inputs that reach new places of the source. Knows neither files nor arguments.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { heldBytes } from '../support/heldBytes';
import type { Coverage } from './coverage';
import { mutated } from './mutate';
import { Random } from './random';
import { type FuzzTarget, MAX_INPUT_BYTES, maxInputMs } from './target';

/** Between two looks at the coverage, which takes some milliseconds. */
const BATCH_MS = 250;
/** The longest input that is kept: what is made of long ones takes long. */
const MAX_KEPT_BYTES = 8 * 1024;
/** What compiled code and caches of the runtime take; a leak of one byte for each input is more in a minute. */
const MAX_GROWTH_BYTES = 8 * 2 ** 20;

/** An input that did not end as it has to. */
export class Crash extends Error {
  readonly target: string;
  readonly input: Buffer;

  constructor(target: FuzzTarget, input: Buffer, cause: unknown) {
    super(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause), { cause });
    this.target = target.name;
    this.input = input;
  }
}

/** What may look on: the one who ends a process that hangs, and the one who keeps the corpus. */
export interface Observer {
  begins?(target: FuzzTarget, input: Buffer): void;
  keeps?(target: FuzzTarget, input: Buffer): void;
}

export class Fuzzing {
  readonly target: FuzzTarget;
  readonly #random: Random;
  readonly #coverage: Coverage | undefined;
  readonly #observer: Observer;
  readonly #corpus: Buffer[];
  #hasBegun = false;
  inputs = 0;
  elapsedMs = 0;
  newBlocks = 0;
  grownBytes = 0;

  constructor(
    target: FuzzTarget,
    seed: number,
    {
      coverage,
      observer = {},
      corpus = [],
    }: { coverage?: Coverage; observer?: Observer; corpus?: Buffer[] } = {},
  ) {
    this.target = target;
    this.#random = new Random(seed);
    this.#coverage = coverage;
    this.#observer = observer;
    this.#corpus = [...target.seeds, ...corpus];
  }

  get corpusSize(): number {
    return this.#corpus.length;
  }

  /** Rejects with a {@link Crash}. */
  async runFor(durationMs: number): Promise<void> {
    const isFirst = !this.#hasBegun;
    await this.#begin();
    const before = (await heldBytes()) - this.#corpusBytes();
    const start = performance.now();
    const end = start + durationMs;
    while (performance.now() < end) {
      await this.#runBatch(Math.min(end, performance.now() + BATCH_MS));
      // What inputs left for the end of the turn, such as the closing of sockets, happens.
      await nextTurn();
    }
    this.elapsedMs += performance.now() - start;
    const grown = (await heldBytes()) - this.#corpusBytes() - before;
    // The first time, code is compiled and caches are filled.
    if (!isFirst) this.grownBytes += grown;
    if (this.grownBytes > MAX_GROWTH_BYTES) {
      throw new Error(
        `${this.target.name}: memory grew by ${this.grownBytes} bytes in ${this.inputs} inputs`,
      );
    }
  }

  /** So many inputs, always the same ones for a seed. Rejects with a {@link Crash}. */
  async runInputs(count: number): Promise<void> {
    await this.#runAll(this.#corpus);
    for (let run = 0; run < count; run += 1) {
      const running = this.#runOne(this.#next());
      if (running !== undefined) await running;
    }
  }

  /** The corpus once, to know what it reaches. */
  async #begin(): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#coverage?.take();
    await this.#runAll(this.#corpus);
    this.#coverage?.add(this.#coverage.take());
  }

  async #runBatch(endMs: number): Promise<void> {
    const inputs: Buffer[] = [];
    const blocks = this.#coverage?.blocks ?? 0;
    do {
      const input = this.#next();
      inputs.push(input);
      const running = this.#runOne(input);
      if (running !== undefined) await running;
    } while (performance.now() < endMs);
    const covered = this.#coverage?.take();
    if (this.#coverage === undefined || covered === undefined || !this.#coverage.hasNews(covered)) return;
    await this.#keepNews(this.#coverage, inputs);
    // What was new and did not happen again.
    this.#coverage.add(covered);
    this.newBlocks += this.#coverage.blocks - blocks;
  }

  /** Finds those of the inputs that reach something new: half of them, and half of that. */
  async #keepNews(coverage: Coverage, inputs: readonly Buffer[]): Promise<void> {
    const middle = Math.ceil(inputs.length / 2);
    for (const part of [inputs.slice(0, middle), inputs.slice(middle)]) {
      if (part.length === 0) continue;
      await this.#runAll(part);
      const covered = coverage.take();
      if (!coverage.hasNews(covered)) continue;
      if (part.length > 1) {
        await this.#keepNews(coverage, part);
        continue;
      }
      coverage.add(covered);
      const [kept] = part;
      if (kept === undefined || kept.length > MAX_KEPT_BYTES) continue;
      this.#corpus.push(kept);
      this.#observer.keeps?.(this.target, kept);
    }
  }

  #next(): Buffer {
    return mutated(this.#corpus, this.#random, this.target.words).subarray(0, MAX_INPUT_BYTES);
  }

  async #runAll(inputs: readonly Buffer[]): Promise<void> {
    for (const input of inputs) {
      const running = this.#runOne(input);
      if (running !== undefined) await running;
    }
  }

  /** No promise where none is needed: it would take longer than most inputs. */
  #runOne(input: Buffer): void | Promise<void> {
    this.inputs += 1;
    this.#observer.begins?.(this.target, input);
    const start = performance.now();
    const ended = () => {
      if (performance.now() - start > maxInputMs(this.target)) return expectSoon(this.target, input);
      return undefined;
    };
    const checking = checkInput(this.target, input);
    return checking === undefined ? ended() : checking.then(ended);
  }

  #corpusBytes(): number {
    return this.#corpus.reduce((total, { length }) => total + length, 0);
  }
}

/** One input, as it is repeated from a file. Throws or rejects with a {@link Crash}. */
export function checkInput(target: FuzzTarget, input: Buffer): void | Promise<void> {
  const crash = (error: unknown): never => {
    throw new Crash(target, input, error);
  };
  try {
    return target.check(input, new Random(seedOf(input)))?.catch(crash);
  } catch (error) {
    return crash(error);
  }
}

/**
 * A slow run may be the machine's fault; a slow input is slow each time, in time of the processor. Rejects with a
 * {@link Crash}.
 */
export async function expectSoon(target: FuzzTarget, input: Buffer): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 8 && best > maxInputMs(target); round += 1) {
    const start = process.cpuUsage();
    await checkInput(target, input);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  if (best <= maxInputMs(target)) return;
  throw new Crash(
    target,
    input,
    new Error(`took ${best.toFixed(1)} ms; ${maxInputMs(target)} ms are allowed`),
  );
}

const { imul } = Math;

/** What the target draws depends on the input alone, so that a file repeats it (FNV-1a). */
function seedOf(input: Buffer): number {
  let hash = 0x811c9dc5;
  for (const byte of input.subarray(0, 256)) hash = imul(hash ^ byte, 0x01000193);
  return hash ^ input.length;
}

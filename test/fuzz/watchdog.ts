/**
 * Ends a run that hangs in one input, and keeps the input. A loop without an end blocks its thread, so that only another
 * one can see it.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Corpus } from './corpus';
import type { Observer } from './fuzz';
import { type FuzzTarget, MAX_INPUT_BYTES } from './target';

/** Long enough for the slowest input on a busy machine, and for a garbage collection between two. */
const MAX_SILENCE_MS = 30_000;
/** Inputs begun, the place of the target in the list, and the length of the input; -1: none runs. */
const HEADER_INTS = 3;

interface Shared {
  readonly memory: SharedArrayBuffer;
  readonly folder: string;
  readonly names: readonly string[];
}

export class Watchdog implements Observer {
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #names: readonly string[];
  readonly #worker: Worker;

  constructor(folder: string, names: readonly string[]) {
    const memory = new SharedArrayBuffer(HEADER_INTS * 4 + MAX_INPUT_BYTES);
    this.#header = new Int32Array(memory, 0, HEADER_INTS);
    this.#bytes = new Uint8Array(memory, HEADER_INTS * 4);
    this.#names = names;
    this.rest();
    const workerData: Shared = { memory, folder, names };
    this.#worker = new Worker(__filename, { workerData });
    this.#worker.unref();
  }

  begins({ name }: FuzzTarget, input: Buffer): void {
    this.#bytes.set(input);
    this.#header[1] = this.#names.indexOf(name);
    this.#header[2] = input.length;
    this.#header[0] = this.#header[0]! + 1;
  }

  /** No input runs. */
  rest(): void {
    this.#header[2] = -1;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function watch({ memory, folder, names }: Shared): void {
  const header = new Int32Array(memory, 0, HEADER_INTS);
  let last = -1;
  setInterval(() => {
    const [count = 0, target = 0, length = -1] = header;
    if (count !== last || length < 0) {
      last = count;
      return;
    }
    const input = Buffer.from(new Uint8Array(memory, HEADER_INTS * 4, length));
    const what = `it did not end in ${MAX_SILENCE_MS / 1000} s`;
    const file = new Corpus(folder).keepCrash(names[target]!, input, what);
    process.stderr.write(`\n${names[target]}: ${what}; the input is in ${file}\n`);
    process.kill(process.pid, 'SIGKILL');
  }, MAX_SILENCE_MS);
}

if (!isMainThread) watch(workerData as Shared);

/**
 * Which places of our own source have run, as V8 counts them. No tool of others has to be installed and nothing is
 * compiled differently. Knows nothing of inputs.
 */
import { type Profiler, Session } from 'node:inspector';
import { relative, sep } from 'node:path';

/** Where the compiled source is. */
const SOURCE = `${sep}src${sep}`;

/** What ran since the last look, by file: each byte is a character of its source. */
export type Covered = ReadonlyMap<string, Uint8Array>;

export class Coverage {
  readonly #session = new Session();
  readonly #root: string;
  readonly #seen = new Map<string, Uint8Array>();
  /** Pieces of source that were new when they were seen. */
  blocks = 0;

  /** Counts the files under `root`/src; what was compiled before is counted from its next call on. */
  constructor(root: string) {
    this.#root = root;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What has run since this was last called. */
  take(): Covered {
    let scripts: Profiler.ScriptCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      scripts = answer.result;
    });
    const covered = new Map<string, Uint8Array>();
    for (const { url, functions } of scripts) {
      const file = this.#fileOf(url);
      if (file !== undefined) covered.set(file, charactersOf(functions));
    }
    return covered;
  }

  /** Whether something ran that was never seen before. */
  hasNews(covered: Covered): boolean {
    for (const [file, ran] of covered) {
      const seen = this.#seen.get(file);
      if (ran.some((count, at) => count > 0 && !seen?.[at])) return true;
    }
    return false;
  }

  /** From now on this counts as seen. */
  add(covered: Covered): void {
    for (const [file, ran] of covered) {
      const seen = this.#seenOf(file, ran.length);
      let wasNew = false;
      for (const [at, count] of ran.entries()) {
        const isNew = count > 0 && seen[at] === 0;
        if (isNew) seen[at] = 1;
        if (isNew && !wasNew) this.blocks += 1;
        wasNew = isNew;
      }
    }
  }

  close(): void {
    this.#session.disconnect();
  }

  #seenOf(file: string, length: number): Uint8Array {
    const seen = this.#seen.get(file);
    if (seen !== undefined && seen.length >= length) return seen;
    const longer = new Uint8Array(length);
    longer.set(seen ?? []);
    this.#seen.set(file, longer);
    return longer;
  }

  #fileOf(url: string): string | undefined {
    if (!url.startsWith('file:')) return undefined;
    const file = relative(this.#root, decodeURIComponent(url.slice('file://'.length)));
    return `${sep}${file}`.startsWith(SOURCE) ? file : undefined;
  }
}

/** Functions come with those around them first, and so do the blocks of each: the inner one counts. */
function charactersOf(functions: readonly Profiler.FunctionCoverage[]): Uint8Array {
  const ranges = functions.flatMap((each) => each.ranges);
  const characters = new Uint8Array(Math.max(0, ...ranges.map(({ endOffset }) => endOffset)));
  for (const { startOffset, endOffset, count } of ranges) {
    characters.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  return characters;
}

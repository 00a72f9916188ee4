/**
 * Notices that files have changed, by looking at them every few seconds. That works on every file system, through
 * symbolic links that are swapped (as container platforms do), and for files that are missing for a moment. Reads no
 * file.
 */
import { statSync } from 'node:fs';

/** Soon enough for the operator who waits, rare enough to cost nothing. */
const INTERVAL_MS = 2000;

/** By the path of each file: a value that changes with its content. */
export type FileStates = ReadonlyMap<string, string>;

export class FileWatch {
  readonly #timer: NodeJS.Timeout;
  /** What was acted on. */
  #known: FileStates;
  #seen: FileStates;

  /** `changed` is called once the files have stopped changing: it takes a moment to copy several of them. */
  constructor(files: readonly string[], changed: () => void, intervalMs = INTERVAL_MS) {
    this.#known = this.#seen = statesOf(files);
    this.#timer = setInterval(() => {
      const now = this.states();
      const isSettled = isSame(now, this.#seen);
      this.#seen = now;
      if (!isSettled || isSame(now, this.#known)) return;
      this.#known = now;
      changed();
    }, intervalMs).unref();
  }

  /** What the files look like now. */
  states(): FileStates {
    return statesOf([...this.#known.keys()]);
  }

  /** Other files count from now on. What was read of them is what they looked like in `read`, where they are in it. */
  replace(files: readonly string[], read: FileStates): void {
    this.#known = this.#seen = new Map(files.map((file) => [file, read.get(file) ?? stateOf(file)]));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function statesOf(files: readonly string[]): FileStates {
  return new Map(files.map((file) => [file, stateOf(file)]));
}

function isSame(one: FileStates, other: FileStates): boolean {
  return one.size === other.size && [...one].every(([file, state]) => other.get(file) === state);
}

/** Of the target of a link, not of the link: what is read is what counts. */
function stateOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}

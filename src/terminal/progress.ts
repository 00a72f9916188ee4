/**
 * How far long work has come, on a terminal only, in a line that writes over itself and is gone in the end.
 */

/** What is done faster than this needs no word. */
const FIRST_AFTER_MS = 2000;
const EVERY_MS = 500;
const MIB = 1024 * 1024;

export class ProgressLine {
  readonly #write: (text: string) => void;
  #nextMs = performance.now() + FIRST_AFTER_MS;
  #shown = '';

  constructor(write: (text: string) => void, isTerminal: boolean) {
    this.#write = isTerminal ? write : () => {};
  }

  /** Shows the text, unless another was shown a moment ago. */
  show(text: string): void {
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EVERY_MS;
    this.#put(text);
  }

  end(): void {
    if (this.#shown !== '') this.#put('');
  }

  #put(text: string): void {
    const line = text.padEnd(this.#shown.length);
    this.#write(text === '' ? `\r${line}\r` : `\r${line}`);
    this.#shown = line;
  }
}

/** Of the reading of a long log. */
export class Progress {
  readonly #totalBytes: number;
  readonly #line: ProgressLine;
  #readBytes = 0;

  constructor(
    files: readonly { readonly sizeBytes: number }[],
    write: (text: string) => void,
    isTerminal: boolean,
  ) {
    this.#totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#line = new ProgressLine(write, isTerminal);
  }

  add(bytes: number): void {
    this.#readBytes += bytes;
    this.#line.show(`read ${Math.round(this.#readBytes / MIB)} of ${Math.round(this.#totalBytes / MIB)} MiB`);
  }

  end(): void {
    this.#line.end();
  }
}

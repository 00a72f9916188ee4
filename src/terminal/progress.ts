/**
 * How far the reading of a long log has come, on a terminal only, in a line that writes over itself and is gone in the
 * end.
 */

/** What is read faster than this needs no word. */
const FIRST_AFTER_MS = 2000;
const EVERY_MS = 500;
const MIB = 1024 * 1024;

export class Progress {
  readonly #totalBytes: number;
  readonly #write: (text: string) => void;
  #readBytes = 0;
  #nextMs = performance.now() + FIRST_AFTER_MS;
  #shown = '';

  constructor(
    files: readonly { readonly sizeBytes: number }[],
    write: (text: string) => void,
    isTerminal: boolean,
  ) {
    this.#totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#write = isTerminal ? write : () => {};
  }

  add(bytes: number): void {
    this.#readBytes += bytes;
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EVERY_MS;
    this.#show(`read ${Math.round(this.#readBytes / MIB)} of ${Math.round(this.#totalBytes / MIB)} MiB`);
  }

  end(): void {
    if (this.#shown !== '') this.#show('');
  }

  #show(text: string): void {
    const line = text.padEnd(this.#shown.length);
    this.#write(text === '' ? `\r${line}\r` : `\r${line}`);
    this.#shown = line;
  }
}

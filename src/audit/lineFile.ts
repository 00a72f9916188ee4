/**
 * A file that lines are appended to, some at a time. Owns what happens when the disk is full; knows no events.
 *
 * Writes are synchronous on purpose, as to stdout. Lines that wait in memory are lost with the process, and a peer that
 * is refused a hundred thousand times a second would fill the memory with them. A write to the page cache takes some
 * microseconds.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { OperatorError } from '../errors';
import { fileError } from '../files/systemErrors';

const LINE_FEED = 0x0a;

export class LineFile extends Writable {
  readonly #descriptor: number;
  readonly #failed: (message: string) => void;
  #isFailing = false;
  /** The last write ended inside a line: the next one must not be appended to it. */
  #isInsideLine = false;

  /**
   * `failed` is called when a write fails, and again only after one succeeded. Lines that could not be written are lost.
   * Throws OperatorError if the file cannot be opened: without its audit log the gateway does not start.
   */
  constructor(file: string, failed: (message: string) => void) {
    super({ decodeStrings: true });
    this.#failed = failed;
    try {
      this.#descriptor = openSync(file, 'a', 0o640);
    } catch (error) {
      throw new OperatorError(`audit.file ${fileError('write', error, file).message}`);
    }
  }

  override _write(lines: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#append(lines);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    closeSync(this.#descriptor);
    done(error);
  }

  #append(lines: Buffer): void {
    const bytes = this.#isInsideLine ? Buffer.concat([Buffer.of(LINE_FEED), lines]) : lines;
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
      this.#isInsideLine = false;
      this.#isFailing = false;
    } catch (error) {
      if (written > 0) this.#isInsideLine = bytes[written - 1] !== LINE_FEED;
      if (!this.#isFailing) this.#failed((error as Error).message);
      this.#isFailing = true;
    }
  }
}

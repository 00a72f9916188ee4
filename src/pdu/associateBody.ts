/**
 * Collects the body of one A-ASSOCIATE PDU, the only PDU that is ever held whole. Promises that memory grows with what was
 * received, not with the declared length: otherwise a thousand connections that send six bytes each could make us hold a
 * gigabyte. Knows nothing of what is in the body.
 */

/** A request with one context is about 200 bytes, one with 128 contexts about 20 KB: three doublings. */
const FIRST_BUFFER_BYTES = 4096;

export class AssociateBody {
  readonly #length: number;
  #buffer = Buffer.alloc(0);
  #received = 0;

  /** `length` is the length in the PDU's header, already judged. */
  constructor(length: number) {
    this.#length = length;
  }

  get isComplete(): boolean {
    return this.#received === this.#length;
  }

  /** Copies the part of the body that begins at `offset` of the chunk; returns where that part ends. */
  add(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#length - this.#received);
    const needed = this.#received + end - offset;
    if (needed > this.#buffer.length) {
      const doubled = Math.max(needed, 2 * this.#buffer.length, FIRST_BUFFER_BYTES);
      const grown = Buffer.allocUnsafe(Math.min(doubled, this.#length));
      this.#buffer.copy(grown, 0, 0, this.#received);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.#received, offset, end);
    this.#received = needed;
    return end;
  }

  /** The complete body; the buffer is never longer than the declared length, so nothing else is in it. */
  take(): Buffer {
    return this.#buffer;
  }
}

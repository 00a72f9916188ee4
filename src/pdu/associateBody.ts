/**
 * Collects the body of one A-ASSOCIATE PDU, the only PDU that is ever held whole. Promises that memory grows with what was
 * received, not with the declared length: otherwise a thousand connections that send six bytes each could make us hold a
 * gigabyte. And that all large bodies together have a bound. Knows nothing of what is in the body.
 */
import { PduError } from './types';

/** A request with one context is about 200 bytes, one with 128 contexts about 20 KB: three doublings. */
const FIRST_BUFFER_BYTES = 4096;
/** Each body may have this. What is longer is large, and real ones are complete within milliseconds. */
const MAX_SMALL_BYTES = 16 * 1024;
/** For all large bodies that are not complete. Beyond it the oldest is given up: a real one is never the oldest for long. */
const MAX_LARGE_BYTES = 32 * 1024 * 1024;
/** One for all: each empty buffer would be one more for V8 to sweep. */
const NOTHING = Buffer.alloc(0);

/**
 * Large bodies, the oldest first, with their bytes. Not kept for this: the body of a connection that is gone is garbage,
 * although its bytes count until it is the oldest.
 */
const large = new Map<WeakRef<AssociateBody>, number>();
let largeBytes = 0;

export class AssociateBody {
  readonly #length: number;
  #buffer = NOTHING;
  #received = 0;
  /** Once it is large. */
  #reference: WeakRef<AssociateBody> | undefined;
  #isGivenUp = false;

  /** `length` is the length in the PDU's header, already judged. */
  constructor(length: number) {
    this.#length = length;
  }

  get isComplete(): boolean {
    return this.#received === this.#length;
  }

  /** Copies the part of the body that begins at `offset` of the chunk; returns where that part ends. Throws PduError. */
  add(chunk: Buffer, offset: number): number {
    if (this.#isGivenUp) {
      throw new PduError(
        'pdu-length-invalid',
        `A-ASSOCIATE: ${this.#length} bytes did not come before others needed the memory`,
      );
    }
    const end = Math.min(chunk.length, offset + this.#length - this.#received);
    const needed = this.#received + end - offset;
    if (needed > this.#buffer.length) this.#grow(needed);
    chunk.copy(this.#buffer, this.#received, offset, end);
    this.#received = needed;
    if (this.isComplete) this.#uncount();
    return end;
  }

  /** The complete body; the buffer is never longer than the declared length, so nothing else is in it. */
  take(): Buffer {
    return this.#buffer;
  }

  #grow(needed: number): void {
    const doubled = Math.max(needed, 2 * this.#buffer.length, FIRST_BUFFER_BYTES);
    const grown = Buffer.allocUnsafe(Math.min(doubled, this.#length));
    this.#buffer.copy(grown, 0, 0, this.#received);
    this.#buffer = grown;
    if (grown.length > MAX_SMALL_BYTES && needed < this.#length) this.#count(grown.length);
  }

  #count(bytes: number): void {
    this.#reference ??= new WeakRef(this);
    largeBytes += bytes - (large.get(this.#reference) ?? 0);
    large.set(this.#reference, bytes);
    for (const [oldest, its] of large) {
      if (largeBytes <= MAX_LARGE_BYTES) break;
      large.delete(oldest);
      largeBytes -= its;
      const body = oldest.deref();
      if (body !== undefined) body.#giveUp();
    }
  }

  #uncount(): void {
    if (this.#reference === undefined) return;
    largeBytes -= large.get(this.#reference) ?? 0;
    large.delete(this.#reference);
  }

  #giveUp(): void {
    this.#isGivenUp = true;
    this.#buffer = NOTHING;
  }
}

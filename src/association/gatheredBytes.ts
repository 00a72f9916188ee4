/** Bytes that come in pieces and are needed as one. Grows by doubling, so that a peer that sends little takes little. */

const NOTHING = Buffer.alloc(0);
/** Most command sets are shorter. */
const FIRST_BYTES = 256;

export class GatheredBytes {
  readonly #maxBytes: number;
  #bytes: Buffer = NOTHING;
  length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Copies them, because what was read is only lent. Returns how many there was room for. */
  add(bytes: Buffer): number {
    const end = Math.min(this.length + bytes.length, this.#maxBytes);
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(2 * end, FIRST_BYTES), this.#maxBytes));
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    const added = bytes.copy(this.#bytes, this.length, 0, end - this.length);
    this.length = end;
    return added;
  }

  /** All of them, still kept. */
  get view(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** All of them, now of the caller. */
  take(): Buffer {
    const { view } = this;
    this.#bytes = NOTHING;
    this.length = 0;
    return view;
  }
}

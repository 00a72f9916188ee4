/**
 * Bytes that wait, as views in the order in which they came. Owns the balance between copying and keeping:
 * long slices are kept as they are, short ones are copied together, so that a million fragments of two bytes
 * do not become a million buffers to write, each keeping a chunk alive.
 */

/** Below this a copy costs less than one more buffer in a write. */
const COPIED_BELOW_BYTES = 512;
/** Where short slices are copied to. Small, because an idle association may keep one. */
const COPY_BUFFER_BYTES = 4096;

export class SliceQueue {
  private slices: Buffer[] = [];
  private waitingBytes = 0;
  private copies = Buffer.alloc(0);
  /** `copies` is given out up to here; from here to `copiedTo` it holds the bytes that wait last. */
  private copiedFrom = 0;
  private copiedTo = 0;

  get bytes(): number {
    return this.waitingBytes;
  }

  /** Appends bytes. A long slice is kept as a view and must not change until it is written. */
  add(slice: Buffer): void {
    this.waitingBytes += slice.length;
    if (slice.length >= COPIED_BELOW_BYTES) {
      this.endCopies();
      this.slices.push(slice);
    } else if (slice.length > 0) {
      this.copy(slice);
    }
  }

  /** Takes everything, in order, but the last byte where their number is odd. */
  takeEven(): Buffer[] {
    this.endCopies();
    const taken = this.slices;
    const isOdd = this.waitingBytes % 2 !== 0;
    this.slices = [];
    this.waitingBytes = 0;
    if (isOdd) {
      const last = taken.pop()!;
      const split = last.length - 1;
      if (split > 0) {
        taken.push(last.subarray(0, split));
      }
      this.add(last.subarray(split));
    }
    return taken;
  }

  private copy(slice: Buffer): void {
    if (this.copiedTo + slice.length > this.copies.length) {
      this.endCopies();
      this.copies = Buffer.allocUnsafe(COPY_BUFFER_BYTES);
      this.copiedFrom = 0;
      this.copiedTo = 0;
    }
    slice.copy(this.copies, this.copiedTo);
    this.copiedTo += slice.length;
  }

  private endCopies(): void {
    if (this.copiedTo > this.copiedFrom) {
      this.slices.push(this.copies.subarray(this.copiedFrom, this.copiedTo));
      this.copiedFrom = this.copiedTo;
    }
  }
}

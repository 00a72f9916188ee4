/**
 * Bytes that may be shown, and runs of bytes of which only the number is known. What was blanked never comes here, so that
 * nothing behind this can show it. Knows no PDUs.
 */

type Piece = Buffer | number;

export class RedactedBytes {
  readonly #pieces: Piece[] = [];
  #length = 0;

  /** Of everything, blanked bytes included. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy. */
  keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pieces.push(Buffer.from(bytes));
    this.#length += bytes.length;
  }

  blank(count: number): void {
    if (count === 0) return;
    const last = this.#pieces.length - 1;
    const before = this.#pieces[last];
    if (typeof before === 'number') this.#pieces[last] = before + count;
    else this.#pieces.push(count);
    this.#length += count;
  }

  /** What was kept from that place on is not shown after all. */
  blankFrom(start: number): void {
    let offset = this.#length;
    while (offset > start) {
      const piece = this.#pieces.pop()!;
      offset -= typeof piece === 'number' ? piece : piece.length;
      if (offset < start)
        this.#pieces.push(typeof piece === 'number' ? start - offset : piece.subarray(0, start - offset));
    }
    const blanked = this.#length - start;
    this.#length = start;
    this.blank(blanked);
  }

  /** Up to the last byte that may be shown; blanked bytes before it are zeros. */
  get shown(): Buffer {
    const isEndBlank = typeof this.#pieces.at(-1) === 'number';
    const pieces = isEndBlank ? this.#pieces.slice(0, -1) : this.#pieces;
    return Buffer.concat(pieces.map((piece) => (typeof piece === 'number' ? Buffer.alloc(piece) : piece)));
  }

  /** The bytes from `start` to before `end`, each as a number, and undefined where it is blanked. */
  slice(start: number, end: number): (number | undefined)[] {
    const values: (number | undefined)[] = [];
    let offset = 0;
    for (const piece of this.#pieces) {
      const length = typeof piece === 'number' ? piece : piece.length;
      const last = Math.min(end, offset + length);
      for (let at = Math.max(start, offset); at < last; at += 1) {
        values.push(typeof piece === 'number' ? undefined : piece[at - offset]);
      }
      offset += length;
    }
    return values;
  }
}

/** Random numbers that a seed repeats. */

/** Taken once: jest makes every use of a global slow. */
const { imul } = Math;

export class Random {
  #state: number;

  constructor(state: number) {
    this.#state = state;
    this.#state |= 0;
  }

  /** Any unsigned number of 32 bits (splitmix32). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let value = this.#state;
    value = imul(value ^ (value >>> 16), 0x21f0aaad);
    value = imul(value ^ (value >>> 15), 0x735a2d97);
    return (value ^ (value >>> 15)) >>> 0;
  }

  /** 0 to `bound` - 1. */
  below(bound: number): number {
    return this.next() % bound;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let index = 0; index < length; index++) {
      bytes[index] = this.next();
    }
    return bytes;
  }
}

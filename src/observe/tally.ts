/**
 * Counts of distinct things, of which there may be only so many: a log of gigabytes must fit into constant memory,
 * whatever peers called themselves in it.
 */

/** More distinct AE titles, addresses or kinds of requests than these are nobody's to read; the rest is one number. */
const MAX_DISTINCT = 200;

export class Tally<Value> {
  readonly #countByKey = new Map<string, { readonly value: Value; count: number }>();
  /** How often something came that was not among the first 200. */
  others = 0;

  add(key: string, value: Value): void {
    const known = this.#countByKey.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#countByKey.size < MAX_DISTINCT) this.#countByKey.set(key, { value, count: 1 });
    else this.others += 1;
  }

  /** The most frequent first. */
  get entries(): readonly { readonly value: Value; readonly count: number }[] {
    return [...this.#countByKey.values()].sort((one, other) => other.count - one.count);
  }

  get values(): readonly Value[] {
    return [...this.#countByKey.values()].map(({ value }) => value);
  }
}

/**
 * Sets that are made once for all who want the same: of 10,000 entries most have the same permissions and listeners,
 * and a set is large beside the two or three names in it.
 */
export class SharedSets {
  readonly #setByNames = new Map<string, ReadonlySet<string>>();

  of<Name extends string>(names: readonly Name[]): ReadonlySet<Name> {
    const key = JSON.stringify(names);
    const set = this.#setByNames.get(key) ?? new Set(names);
    this.#setByNames.set(key, set);
    return set as ReadonlySet<Name>;
  }
}

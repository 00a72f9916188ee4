/**
 * Entries of Orthanc that share an AE title: which of them the gateway could tell apart, and which one Orthanc means
 * when it sends to that title.
 */

export interface Claimant {
  readonly name: string;
  /** What AE titles are compared by; undefined where it is none. */
  readonly aeTitleKey: string | undefined;
  readonly from: readonly string[];
}

export interface Sharing {
  /** The entry that has the same AE title and address: nobody could tell the two apart. */
  readonly sameAs: string | undefined;
  /** Entries with this AE title that Orthanc puts before this one, and sends to instead. */
  readonly behind: readonly string[];
}

/** By the name of the entry. Orthanc keeps its entries in the order of their names, and goes by the first that fits. */
export function findSharing(claimants: readonly Claimant[]): ReadonlyMap<string, Sharing> {
  const sharing = new Map<string, Sharing>();
  const takenByKey = new Map<string, Claimant[]>();
  for (const claimant of [...claimants].sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const { name, aeTitleKey, from } = claimant;
    const taken = aeTitleKey === undefined ? [] : (takenByKey.get(aeTitleKey) ?? []);
    const same = taken.find((other) => other.from.some((address) => from.includes(address)));
    sharing.set(name, { sameAs: same?.name, behind: taken.map((other) => other.name) });
    if (aeTitleKey !== undefined && same === undefined) takenByKey.set(aeTitleKey, [...taken, claimant]);
  }
  return sharing;
}

/**
 * Finds entries that one peer could be at the same time. Such a policy has no single answer, so it is refused
 * rather than decided by the order of the file.
 */
import { parseAddressBlock } from '../text/addresses';
import { certificatesMayOverlap } from './certificate';
import type { CallingAeTitleEntries, CompiledModality } from './policy';

/** Two entries that one peer could be at once; `first` is the earlier one in the configuration. */
export interface Overlap {
  readonly first: CompiledModality;
  readonly second: CompiledModality;
  /** One AE title that both have. */
  readonly callingAeTitle: string;
}

/**
 * One mistake, such as the same block in every entry, makes each entry overlap each other. So many are enough
 * to see it; the bound keeps work and output small.
 */
const MAX_OVERLAPS = 100;

/** At most 100 overlaps. Work grows with the number of entries that share an AE title and an address. */
export function findOverlaps(
  entriesByCallingAeTitle: ReadonlyMap<string, CallingAeTitleEntries>,
): readonly Overlap[] {
  const overlaps: Overlap[] = [];
  for (const [callingAeTitle, entries] of entriesByCallingAeTitle) {
    if (entries.modalities.length < 2) continue;
    for (const [one, other] of pairsWithCommonAddress(entries)) {
      if (!haveCommonListener(one, other) || !certificatesMayOverlap(one.certificates, other.certificates)) {
        continue;
      }
      const isOneFirst = entries.modalities.indexOf(one) < entries.modalities.indexOf(other);
      const [first, second] = isOneFirst ? [one, other] : [other, one];
      if (overlaps.some((known) => known.first === first && known.second === second)) continue;
      overlaps.push({ first, second, callingAeTitle });
      if (overlaps.length === MAX_OVERLAPS) return overlaps;
    }
  }
  return overlaps;
}

/** Every pair at least once. The smaller of two blocks finds the larger one, so each entry looks for itself. */
function* pairsWithCommonAddress({ modalities, modalitiesByAddress }: CallingAeTitleEntries) {
  for (const one of modalities) {
    for (const text of one.configuration.from) {
      const block = parseAddressBlock(text);
      if (block === undefined) continue;
      for (const other of modalitiesByAddress.covering(block)) {
        if (other !== one) yield [one, other] as const;
      }
    }
  }
}

function haveCommonListener(one: CompiledModality, other: CompiledModality): boolean {
  return [...one.listeners].some((listener) => other.listeners.has(listener));
}

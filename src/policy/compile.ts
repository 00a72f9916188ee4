/**
 * Makes the policy from a configuration, once, so that a decision is a few lookups whatever the number of entries.
 * Collects every problem that shows only when the parts are seen together. Files, defaults and what one part alone shows
 * are for the loader.
 */

import type { Configuration } from '../config/schema';
import { AddressSet, AddressTable, parseAddressBlock } from '../text/addresses';
import { AeTitleSet, aeTitleKey, EVERY_AE_TITLE } from '../text/aeTitle';
import { formatPath } from '../text/problems';
import { quoteValue } from '../text/quote';
import { type CertificateMatchers, certificatesMayOverlap, pinsOf } from './certificate';
import { compileEgress } from './compileEgress';
import { compileModality, SharedSets } from './compileModality';
import { isInTime, nextChangeMs } from './entryTimes';
import { localAddressesOf } from './localAddresses';
import type {
  CallingAeTitleEntries,
  CompiledListener,
  CompiledModality,
  CompiledUpstream,
  Policy,
  PolicyProblem,
  Suspensions,
} from './policy';

export interface CompiledPolicy {
  /** Must not be used where a problem is an error. */
  readonly policy: Policy;
  /** In the order of the configuration; overlaps come last. */
  readonly problems: readonly PolicyProblem[];
}

/**
 * The schema has accepted the configuration; `nowMs` is the time, in ms since 1970, for entries that observe or count
 * until a date. No modality is locked in it: see locks.ts. 10,000 entries take a fraction of a second.
 */
export function compilePolicy(configuration: Configuration, nowMs: number): CompiledPolicy {
  const { strictAeTitles, unknownAddresses } = configuration;
  const problems: PolicyProblem[] = [];
  const listenerByName = compileListeners(configuration, problems);
  const { upstreamByCalledAeTitle, catchAllUpstream } = compileUpstreams(configuration, problems);
  const sets = new SharedSets();
  const compilation = {
    strictAeTitles,
    listenerByName,
    upstreamByCalledAeTitle,
    hasCatchAll: catchAllUpstream !== undefined,
    nowMs,
    problems,
    sets,
  };
  const modalities = Object.entries(configuration.modalities).map(([name, entry]) =>
    compileModality(name, entry, compilation),
  );
  const entriesByCallingAeTitle = indexByCallingAeTitle(modalities, strictAeTitles);
  for (const { first, second, callingAeTitle } of findOverlaps(entriesByCallingAeTitle)) {
    problems.push({
      severity: 'error',
      path: ['modalities', second.name],
      message:
        `overlaps ${formatPath(['modalities', first.name])}: a peer with the calling AE title ${quoteValue(callingAeTitle)} could be ` +
        'both; give them addresses, listeners or certificates (fingerprints or common names) that have nothing in common',
    });
  }
  const addresses = new AddressSet(modalities.flatMap((modality) => modality.configuration.from));
  const canaryAeTitles = compileCanaries(configuration, problems);
  const suspensions: Suspensions = {
    locks: new Map(),
    outOfTime: new Set(modalities.filter((each) => !isInTime(each, nowMs)).map(({ name }) => name)),
  };
  const egress = compileEgress(configuration, modalities, suspensions, problems);
  return {
    policy: {
      validUntilMs: modalities
        .map((modality) => nextChangeMs(modality, nowMs))
        .reduce((one, other) => Math.min(one, other), Infinity),
      ...suspensions,
      strictAeTitles,
      unknownAddresses,
      addresses,
      certificatesByAddress: indexCertificates(modalities),
      canaryAeTitles,
      pins: new Set(modalities.flatMap(({ certificates }) => pinsOf(certificates))),
      entriesByCallingAeTitle,
      upstreamByCalledAeTitle,
      catchAllUpstream,
      listenerByName,
      egress,
      localAddressByModality: localAddressesOf(configuration),
    },
    problems,
  };
}

function indexCertificates(modalities: readonly CompiledModality[]): AddressTable<CertificateMatchers> {
  const table = new AddressTable<CertificateMatchers>();
  for (const { certificates, configuration } of modalities) {
    if (certificates === undefined) continue;
    for (const text of configuration.from) {
      const block = parseAddressBlock(text);
      if (block !== undefined) table.add(block, certificates);
    }
  }
  return table;
}

/** A device that is configured would raise the alarm with each association. */
function compileCanaries(configuration: Configuration, problems: PolicyProblem[]): AeTitleSet | undefined {
  const { canaryAeTitles, modalities, upstreams, strictAeTitles } = configuration;
  if (canaryAeTitles.length === 0) return undefined;
  const used = new AeTitleSet(
    [...Object.values(modalities).flatMap(({ callingAeTitle }) => callingAeTitle), ...Object.keys(upstreams)],
    strictAeTitles,
  );
  for (const [index, title] of canaryAeTitles.entries()) {
    if (!used.has(title)) continue;
    problems.push({
      severity: 'error',
      path: ['canaryAeTitles', index],
      message: `${quoteValue(title)} is the AE title of an entry or an upstream; name one that no device uses`,
    });
  }
  return new AeTitleSet(canaryAeTitles, strictAeTitles);
}

/**
 * The policy as it is meant to be, whatever the time: each entry enforces, also one in observe mode, and counts, also one
 * that is over or yet to begin. For a configuration without errors.
 */
export function compileEnforced(configuration: Configuration): Policy {
  const modalities = Object.entries(configuration.modalities).map(([name, entry]) => [
    name,
    { ...entry, mode: 'enforce' as const, validFrom: undefined, validUntil: undefined },
  ]);
  return compilePolicy({ ...configuration, modalities: Object.fromEntries(modalities) }, 0).policy;
}

function compileListeners({ listeners }: Configuration, problems: PolicyProblem[]) {
  const listenerByName = new Map<string, CompiledListener>();
  for (const [index, { name, tls }] of listeners.entries()) {
    if (listenerByName.has(name)) {
      problems.push({
        severity: 'error',
        path: ['listeners', index, 'name'],
        message: `${quoteValue(name)} is the name of an earlier listener too; an entry could not say which of the two it means`,
      });
    }
    const requiresCertificate = tls?.clientCertificate === 'required';
    listenerByName.set(name, { name, isTls: tls !== undefined, requiresCertificate });
  }
  return listenerByName;
}

function compileUpstreams({ upstreams, strictAeTitles }: Configuration, problems: PolicyProblem[]) {
  const upstreamByCalledAeTitle = new Map<string, CompiledUpstream>();
  let catchAllUpstream: CompiledUpstream | undefined;
  for (const [calledAeTitle, configuration] of Object.entries(upstreams)) {
    if (calledAeTitle === EVERY_AE_TITLE) {
      catchAllUpstream = { calledAeTitle, configuration };
      problems.push({
        severity: 'warning',
        path: ['upstreams', calledAeTitle],
        message:
          'takes every called AE title that no other upstream has: a device that calls the wrong archive reaches this one; ' +
          'name the AE titles instead where you know them',
      });
      continue;
    }
    const key = aeTitleKey(calledAeTitle, strictAeTitles) ?? calledAeTitle;
    const earlier = upstreamByCalledAeTitle.get(key);
    if (earlier !== undefined) {
      problems.push({
        severity: 'error',
        path: ['upstreams', calledAeTitle],
        message:
          `is the same AE title as ${quoteValue(earlier.calledAeTitle)} when upper and lower case are one; ` +
          'rename one of them or set strictAeTitles to true',
      });
      continue;
    }
    upstreamByCalledAeTitle.set(key, { calledAeTitle, configuration });
  }
  return { upstreamByCalledAeTitle, catchAllUpstream };
}

function indexByCallingAeTitle(modalities: readonly CompiledModality[], strictAeTitles: boolean) {
  const entriesByKey = new Map<
    string,
    { modalities: CompiledModality[]; modalitiesByAddress: AddressTable<CompiledModality> }
  >();
  for (const modality of modalities) {
    const keys = new Set(modality.callingAeTitles.titles.map((title) => aeTitleKey(title, strictAeTitles)));
    for (const key of keys) {
      if (key === undefined) continue;
      const known = entriesByKey.get(key);
      known?.modalities.push(modality);
      const entries = known ?? { modalities: [modality], modalitiesByAddress: new AddressTable() };
      entriesByKey.set(key, entries);
      for (const text of modality.configuration.from) {
        const block = parseAddressBlock(text);
        if (block !== undefined) entries.modalitiesByAddress.add(block, modality);
      }
    }
  }
  return entriesByKey satisfies ReadonlyMap<string, CallingAeTitleEntries>;
}

/**
 * Two entries that one peer could be at once; `first` is the earlier one in the configuration. Such a policy has no
 * single answer, so it is refused rather than decided by the order of the file.
 */
interface Overlap {
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
function findOverlaps(
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

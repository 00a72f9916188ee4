/**
 * The checks of gate 3 in their order: each with its reason, how it decides, and its words for `aegis explain`. Live
 * traffic and `aegis explain` run these very lists, so a new check is one object here. Limits of associations, and
 * whether an upstream is up, are the gateway's to know.
 */
import { APPLICATION_CONTEXT_NAME } from '../pdu/types';
import { type AddressTable, canonicalAddress, parseAddress } from '../text/addresses';
import { aeTitleKey } from '../text/aeTitle';
import { describeValidity } from '../text/moments';
import { quoteValue } from '../text/quote';
import { matchesCertificate } from './certificate';
import type { AssociationRequest } from './decide';
import { describeLock } from './locks';
import type { CompiledEgress, CompiledModality, CompiledUpstream, Policy, Suspensions } from './policy';
import type { ReasonCode } from './reasons';
import {
  describeAddress,
  describeCertificates,
  describeSources,
  entryPath,
  entryPaths,
  listed,
} from './words';

/** Which entries the association can still belong to, and what it calls, as far as the checks have come. */
export interface Candidates {
  /** None before an AE title has named them; exactly one when all checks have passed. */
  readonly modalities: readonly CompiledModality[];
  /** The same, filed under their addresses. */
  readonly modalitiesByAddress?: AddressTable<CompiledModality>;
  readonly upstream?: CompiledUpstream;
}

/** One check. The ground is what it compares with: the policy of ingress, or that of egress. */
export interface AssociationCheck<Ground, Request = AssociationRequest> {
  readonly reason: ReasonCode;
  /** What it looks at, as `aegis explain` shows it. */
  readonly name: string;
  /** What the reason alone does not say, for the log. */
  readonly detail?: string;
  /**
   * Observe mode lets a denial pass. Only for checks that come after identification. An AE title alone is not an
   * identity, anybody can send one: to let it in from a foreign address would open the archive, not observe it.
   */
  readonly isObservable?: true;
  /** The candidates that pass; undefined where none does. Pure. */
  readonly narrow: (ground: Ground, request: Request, left: Candidates) => Candidates | undefined;
  /** What was compared with what, for the operator. */
  readonly words: (comparison: Comparison<Ground, Request>) => string;
}

interface Comparison<Ground, Request> {
  readonly ground: Ground;
  readonly request: Request;
  /** The entry that matched, or that alone came near. */
  readonly modality: CompiledModality | undefined;
  readonly isDenied: boolean;
}

/** Bit 0 of the protocol version field is version 1, the only one; other bits are not tested (PS3.8 §9.3.2). */
const PROTOCOL_VERSION_1 = 0x0001;

/** What every association of DICOM has to have, in both directions. */
const preconditions: readonly AssociationCheck<unknown>[] = [
  {
    reason: 'protocol-version',
    name: 'protocol version',
    narrow: (_ground, { protocolVersion }, left) =>
      (protocolVersion & PROTOCOL_VERSION_1) === 0 ? undefined : left,
    words: ({ request, isDenied }) =>
      isDenied ? `${request.protocolVersion} has bit 0 not set` : 'version 1',
  },
  {
    reason: 'application-context',
    name: 'application context',
    narrow: (_ground, { applicationContextName }, left) =>
      applicationContextName === APPLICATION_CONTEXT_NAME ? left : undefined,
    words: ({ request }) => quoteValue(request.applicationContextName),
  },
];

/**
 * Who the peer is: AE title, address, listener and certificate must all be of one entry. Of the entries with its AE
 * title, the one that gets furthest decides the reason. The peer sees the same three bytes for each of them, so it
 * learns nothing about the allowlist.
 */
const identification: readonly AssociationCheck<Policy>[] = [
  {
    reason: 'calling-ae-title-unknown',
    name: 'calling AE title',
    narrow: (policy, request) => entriesWithTitle(policy, request),
    words({ ground, request, isDenied }) {
      const title = quoteValue(request.callingAeTitle);
      if (!isDenied) return `${title} is in ${entryPaths(nearest(ground, request, undefined))}`;
      const isAeTitle = aeTitleKey(request.callingAeTitle, ground.strictAeTitles) !== undefined;
      return `${title} is ${isAeTitle ? 'in no modality entry' : 'not an AE title'}`;
    },
  },
  {
    reason: 'source-address-mismatch',
    name: 'address of the entry',
    narrow(_policy, { sourceAddress }, { modalitiesByAddress }) {
      const address = parseAddress(sourceAddress);
      const found = address === undefined ? undefined : modalitiesByAddress?.covering(address);
      return found === undefined || found.size === 0 ? undefined : { modalities: [...found] };
    },
    words({ ground, request, modality, isDenied }) {
      const address = canonicalAddress(request.sourceAddress) ?? quoteValue(request.sourceAddress);
      const addresses = describeSources(nearest(ground, request, modality));
      return `${address} is ${isDenied ? 'not ' : ''}in ${addresses}`;
    },
  },
  {
    reason: 'listener-not-allowed',
    name: 'listener of the entry',
    narrow: (_policy, { listener }, left) => only(left, ({ listeners }) => listeners.has(listener)),
    words({ ground, request, modality, isDenied }) {
      const entries = nearest(ground, request, modality);
      const listeners = listed(entries.flatMap((entry) => [...entry.listeners].map(quoteValue)));
      return `${quoteValue(request.listener)} is ${isDenied ? 'not ' : ''}among those of ${entryPaths(entries)}: ${listeners}`;
    },
  },
  {
    reason: 'certificate-mismatch',
    name: 'certificate of the entry',
    narrow: (_policy, { certificate }, left) =>
      only(left, ({ certificates }) =>
        certificates === undefined
          ? certificate?.untrusted === undefined
          : certificate !== undefined && matchesCertificate(certificates, certificate),
      ),
    words({ ground, request, modality, isDenied }) {
      return describeCertificates(request, nearest(ground, request, modality), isDenied);
    },
  },
];

/** Whether the entry may be used at all at the moment. Never observed: it is shut, not tried out. */
const suspensions: readonly AssociationCheck<Suspensions>[] = [
  {
    reason: 'modality-locked',
    name: 'lock',
    narrow: ({ locks }, _request, left) => only(left, ({ name }) => !locks.has(name)),
    words({ ground: { locks }, modality }) {
      if (modality === undefined) return '';
      const lock = locks.get(modality.name);
      return `${entryPath(modality)} is ${lock === undefined ? 'not locked' : describeLock(lock)}`;
    },
  },
  {
    reason: 'entry-not-valid-now',
    name: 'time of the entry',
    narrow: ({ outOfTime }, _request, left) => only(left, ({ name }) => !outOfTime.has(name)),
    words({ modality, isDenied }) {
      if (modality === undefined) return '';
      const period = describeValidity(modality.configuration);
      if (period === undefined) return `${entryPath(modality)} has no end`;
      return `${entryPath(modality)} is ${isDenied ? 'not valid now' : 'valid'}: ${period}`;
    },
  },
];

/** Whether the modality may call this AE title, and which upstream that means. Known as soon as the modality is. */
export const calledAeTitleChecks: readonly AssociationCheck<
  Policy,
  Pick<AssociationRequest, 'calledAeTitle'>
>[] = [
  {
    // Stays denied in observe mode: there is nowhere to relay to.
    reason: 'called-ae-title-unknown',
    name: 'called AE title',
    narrow({ strictAeTitles, upstreamByCalledAeTitle, catchAllUpstream }, { calledAeTitle }, { modalities }) {
      const key = aeTitleKey(calledAeTitle, strictAeTitles);
      const upstream = key === undefined ? undefined : (upstreamByCalledAeTitle.get(key) ?? catchAllUpstream);
      return upstream === undefined ? undefined : { modalities, upstream };
    },
    words({ ground, request, isDenied }) {
      const title = quoteValue(request.calledAeTitle);
      const { upstreamByCalledAeTitle, strictAeTitles, catchAllUpstream } = ground;
      if (!isDenied) {
        const isNamed = upstreamByCalledAeTitle.has(aeTitleKey(request.calledAeTitle, strictAeTitles) ?? '');
        return `${title} is ${isNamed ? 'an upstream' : 'not an upstream, so the upstream "*" takes it'}`;
      }
      if (catchAllUpstream !== undefined) return `${title} is not an AE title`;
      const known = [...upstreamByCalledAeTitle.values()].map(({ calledAeTitle }) => calledAeTitle);
      return `${title} is not an upstream; there is: ${listed(known)}`;
    },
  },
  {
    reason: 'called-ae-title-not-allowed',
    name: 'called AE title of the entry',
    isObservable: true,
    narrow: (_policy, { calledAeTitle }, left) =>
      only(left, ({ calledAeTitles }) => calledAeTitles === undefined || calledAeTitles.has(calledAeTitle)),
    words({ modality }) {
      if (modality === undefined) return '';
      const titles = modality.calledAeTitles?.titles;
      return `${entryPath(modality)} may call${titles === undefined ? ' every upstream' : `: ${listed(titles)}`}`;
    },
  },
];

/** Gate 3 of what modalities send. */
const ingressChecks: readonly AssociationCheck<Policy>[] = [
  ...preconditions,
  ...identification,
  ...suspensions,
  ...calledAeTitleChecks,
];

/** Who names one has read it where an attacker reads, or guesses: whatever else is wrong with the request. */
const canaryCheck: AssociationCheck<Policy> = {
  reason: 'canary',
  name: 'canary AE titles',
  narrow: ({ canaryAeTitles }, { callingAeTitle, calledAeTitle }, left) =>
    canaryAeTitles?.has(callingAeTitle) === true || canaryAeTitles?.has(calledAeTitle) === true
      ? undefined
      : left,
  words: ({ isDenied }) => (isDenied ? 'one of canaryAeTitles is used' : 'none is used'),
};

export const ingressChecksWithCanaries: readonly AssociationCheck<Policy>[] = [canaryCheck, ...ingressChecks];

/** Those of this policy. */
export function ingressChecksOf({ canaryAeTitles }: Policy): readonly AssociationCheck<Policy>[] {
  return canaryAeTitles === undefined ? ingressChecks : ingressChecksWithCanaries;
}

/** Gate 3 of what archives send: whether an archive is calling, and which modality it calls. */
export const egressChecks: readonly AssociationCheck<CompiledEgress>[] = [
  ...preconditions,
  {
    reason: 'calling-ae-title-unknown',
    name: 'calling AE title',
    detail: 'egress takes the AE titles of the archives only',
    narrow: ({ callingAeTitles }, { callingAeTitle }, left) =>
      callingAeTitles.has(callingAeTitle) ? left : undefined,
    words({ ground, request }) {
      const titles = listed(ground.callingAeTitles.titles.map(quoteValue));
      return `${quoteValue(request.callingAeTitle)}; the AE titles of the archives: ${titles}`;
    },
  },
  {
    reason: 'called-ae-title-unknown',
    name: 'called AE title',
    detail: 'it stands for no modality with an address',
    narrow({ strictAeTitles, modalityByCalledAeTitle }, { calledAeTitle }) {
      const key = aeTitleKey(calledAeTitle, strictAeTitles);
      const modality = key === undefined ? undefined : modalityByCalledAeTitle.get(key);
      return modality === undefined ? undefined : { modalities: [modality] };
    },
    words({ ground, request, modality }) {
      const title = quoteValue(request.calledAeTitle);
      if (modality !== undefined) return `${title} is ${entryPath(modality)}, ${describeAddress(modality)}`;
      const known = listed([...ground.modalityByCalledAeTitle.keys()].map(quoteValue));
      return `${title} leads to no modality with an address; there is: ${known}`;
    },
  },
  ...suspensions,
];

/** Those of the candidates that pass. Nearly always there is one, and it does: then nothing is copied. */
function only(left: Candidates, passes: (modality: CompiledModality) => boolean): Candidates | undefined {
  const [first] = left.modalities;
  if (left.modalities.length === 1 && passes(first!)) return left;
  const modalities = left.modalities.filter(passes);
  return modalities.length === 0 ? undefined : { ...left, modalities };
}

function entriesWithTitle(policy: Policy, { callingAeTitle }: AssociationRequest) {
  const key = aeTitleKey(callingAeTitle, policy.strictAeTitles);
  return key === undefined ? undefined : policy.entriesByCallingAeTitle.get(key);
}

/** The entry that is meant, or all that have the AE title. */
function nearest(
  policy: Policy,
  request: AssociationRequest,
  modality: CompiledModality | undefined,
): readonly CompiledModality[] {
  return modality === undefined ? (entriesWithTitle(policy, request)?.modalities ?? []) : [modality];
}

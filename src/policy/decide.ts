/**
 * The gates. Each is a pure function of the compiled policy and of what the peer said, and the first check that fails
 * decides. What gates 3 and 4 check is in associationChecks.ts and commandChecks.ts. Counting (limits of associations)
 * and looking (whether an upstream is up) are the gateway's.
 */
import { parseAddress } from '../text/addresses';
import {
  type AssociationCheck,
  type Candidates,
  calledAeTitleChecks,
  egressChecks,
  ingressChecksOf,
} from './associationChecks';
import { type CertificateMatchers, matchesCertificate, type PeerCertificate } from './certificate';
import { type CommandCheck, egressCommandChecks, ingressCommandChecks } from './commandChecks';
import type { CompiledEgress, CompiledModality, CompiledUpstream, Policy } from './policy';
import type { Decision, ReasonCode } from './reasons';

/** What is known when an A-ASSOCIATE-RQ is complete. Strings of the peer are as on the wire, not trimmed. */
export interface AssociationRequest {
  /** Name of the listener that took the connection. */
  readonly listener: string;
  readonly sourceAddress: string;
  /** Absent where TLS asked for none or the listener is plain. */
  readonly certificate?: PeerCertificate;
  readonly protocolVersion: number;
  readonly applicationContextName: string;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
}

export interface AssociationDenial {
  readonly allowed: false;
  readonly reason: ReasonCode;
  /** What the reason alone does not say, for the log. */
  readonly detail?: string;
  /** The entry that was matched, or that alone got furthest, for the log; never for the peer. */
  readonly modality?: CompiledModality;
}

interface AssociationAdmission {
  readonly allowed: true;
  readonly modality: CompiledModality;
  readonly upstream: CompiledUpstream | undefined;
  /** Set where an entry in observe mode let pass what it would refuse. */
  readonly wouldDeny: ReasonCode | undefined;
}

/** What archives send leads to a modality, so there is no upstream. */
export type EgressDecision = AssociationDenial | AssociationAdmission;

export type AssociationDecision =
  | AssociationDenial
  | (AssociationAdmission & { readonly upstream: CompiledUpstream });

/** What a command set asks for. */
export interface CommandRequest {
  /** PS3.7 §E.1. Requests only; C-CANCEL is not decided on, since it can only end what was allowed. */
  readonly commandField: number;
  /** The affected or requested SOP class UID. */
  readonly sopClassUid: string;
  /** C-MOVE only. */
  readonly moveDestination?: string;
}

const allowed: Decision = { allowed: true };

function denied(reason: ReasonCode) {
  return { allowed: false, reason } as const;
}

/**
 * Gate 1: whether any entry could be meant by a connection from this address. With unknownAddresses "reject"
 * every address may go on, to be refused by its AE title where the pending list sees it.
 */
export function decideAddress(policy: Policy, address: string): Decision {
  if (parseAddress(address) === undefined) return denied('source-address-unknown');
  if (policy.unknownAddresses === 'reject' || policy.addresses.has(address)) return allowed;
  return denied('source-address-unknown');
}

/** Gate 1 of egress: whether an archive may come from this address. */
export function decideEgressAddress(egress: CompiledEgress, address: string): Decision {
  return parseAddress(address) !== undefined && egress.addresses.has(address)
    ? allowed
    : denied('source-address-unknown');
}

/** Whether an entry for this address names a certificate, so that TLS can say who comes from there. */
export function isBoundAddress(policy: Policy, address: string): boolean {
  return boundTo(policy, address).size > 0;
}

/**
 * Whether an entry for this address names this certificate: then the certificate is known, and others at the
 * address do not count.
 */
export function isBoundCertificate(policy: Policy, address: string, certificate: PeerCertificate): boolean {
  return [...boundTo(policy, address)].some((certificates) => matchesCertificate(certificates, certificate));
}

function boundTo({ certificatesByAddress }: Policy, address: string): ReadonlySet<CertificateMatchers> {
  const block = parseAddress(address);
  return block === undefined ? new Set() : certificatesByAddress.covering(block);
}

type Named = Pick<PeerCertificate, 'fingerprint256' | 'spkiSha256'>;

/**
 * Gate 2 for a certificate that no trusted CA stands behind: it may go on where an entry names it or its key. With
 * unknownAddresses "reject" every one may, to be refused by gate 3 where the pending list sees its AE title.
 */
export function decideUntrusted(
  { unknownAddresses, pins }: Pick<Policy, 'unknownAddresses' | 'pins'>,
  certificate: Named,
): Decision {
  return isNamedBy(pins, certificate) || unknownAddresses === 'reject'
    ? allowed
    : denied('certificate-untrusted');
}

function isNamedBy(pins: ReadonlySet<string>, { fingerprint256, spkiSha256 }: Named): boolean {
  return pins.has(`sha256:${fingerprint256}`) || pins.has(`spki-sha256:${spkiSha256}`);
}

const NOBODY: Candidates = { modalities: [] };

/** Gate 3: who the peer is, and whether it may call what it calls. */
export function decideAssociation(policy: Policy, request: AssociationRequest): AssociationDecision {
  const decision = withUpstream(runChecks(ingressChecksOf(policy), policy, request, NOBODY));
  const { certificate } = request;
  // Of a key that an entry names, this is as it should be.
  if (decision.allowed || certificate?.untrusted === undefined || isNamedBy(policy.pins, certificate)) {
    return decision;
  }
  return { ...decision, detail: `its certificate is not trusted: ${certificate.untrusted.why}` };
}

/** The last checks of gate 3: whether this modality may call this AE title, and which upstream that means. */
export function decideCalledAeTitle(
  policy: Policy,
  modality: CompiledModality,
  calledAeTitle: string,
): AssociationDecision {
  return withUpstream(runChecks(calledAeTitleChecks, policy, { calledAeTitle }, { modalities: [modality] }));
}

/** Gate 3 of egress: whether an archive is calling, and which modality. */
export function decideEgressAssociation(egress: CompiledEgress, request: AssociationRequest): EgressDecision {
  return runChecks(egressChecks, egress, request, NOBODY);
}

function runChecks<Ground, Request>(
  checks: readonly AssociationCheck<Ground, Request>[],
  ground: Ground,
  request: Request,
  everybody: Candidates,
): EgressDecision {
  let left = everybody;
  let wouldDeny: ReasonCode | undefined;
  for (const check of checks) {
    const passing = check.narrow(ground, request, left);
    if (passing !== undefined) left = passing;
    else if (check.isObservable === true && left.modalities[0]?.isObserved === true) {
      wouldDeny ??= check.reason;
    } else return deniedNear(check, left.modalities);
  }
  const [modality] = left.modalities;
  // Never so: the lists have checks that name the entry. Without one nobody gets in.
  if (modality === undefined) throw new Error('the checks of gate 3 have named no entry');
  return { allowed: true, modality, upstream: left.upstream, wouldDeny };
}

/** Names the entry that came nearest only where it is one: a guess between several would mislead the log. */
function deniedNear(
  { reason, detail }: Pick<AssociationCheck<never>, 'reason' | 'detail'>,
  [modality, ...others]: readonly CompiledModality[],
): AssociationDenial {
  return {
    ...denied(reason),
    ...(detail === undefined ? {} : { detail }),
    ...(modality === undefined || others.length > 0 ? {} : { modality }),
  };
}

function withUpstream(decision: EgressDecision): AssociationDecision {
  if (!hasUpstream(decision)) throw new Error('the checks of gate 3 have named no upstream');
  return decision;
}

function hasUpstream(decision: EgressDecision): decision is AssociationDecision {
  return !decision.allowed || decision.upstream !== undefined;
}

/** Gate 4: whether this modality may have this command. */
export function decideCommand(modality: CompiledModality, command: CommandRequest): Decision {
  return runCommandChecks(ingressCommandChecks, modality, command);
}

/** Gate 4 of egress: whether the archive may send this to the modality. */
export function decideEgressCommand(modality: CompiledModality, command: CommandRequest): Decision {
  return runCommandChecks(egressCommandChecks, modality, command);
}

function runCommandChecks(
  checks: readonly CommandCheck[],
  modality: CompiledModality,
  command: CommandRequest,
): Decision {
  for (const { reason, isObservable, passes } of checks) {
    if (passes(modality, command)) continue;
    return isObservable === true && modality.isObserved
      ? { allowed: true, wouldDeny: reason }
      : denied(reason);
  }
  return allowed;
}

/**
 * What a request shows of the device behind it, for the person who decides later whether to admit it: its certificate,
 * its maker, what it wants to do. UIDs and names of implementations only. Never looks at user identity.
 */
import type { AuditEvent, RefusedContext } from '../audit/events';
import type { CommandSet } from '../dimse/commandSet';
import { sopClassKeyword } from '../dimse/sopClasses';
import type { InboundConnection, TlsFacts } from '../net/inboundConnection';
import type { AssociateAc, AssociateRq, UserInformation } from '../pdu/types';
import type { PeerCertificate } from '../policy/certificate';
import type { AssociationRequest, CommandRequest } from '../policy/decide';
import { type ReasonCode, reasons } from '../policy/reasons';

/** "Calling AE title not recognized" and the same of the called one (PS3.8 Table 9-21). */
const AE_TITLE_REASONS: readonly number[] = [3, 7];

/** Whether the allowlist is the cause: the answer says that an AE title is not recognized. */
export function isOfAllowlist(reason: ReasonCode): boolean {
  const { wire } = reasons[reason];
  return wire.kind === 'reject' && wire.source === 1 && AE_TITLE_REASONS.includes(wire.reason);
}

/** What gate 4 looks at. */
export function commandRequest(command: CommandSet): CommandRequest {
  return {
    commandField: command.CommandField,
    sopClassUid: command.AffectedSOPClassUID ?? command.RequestedSOPClassUID ?? '',
    ...(command.MoveDestination === undefined ? {} : { moveDestination: command.MoveDestination }),
  };
}

/** The facts of TLS with those that identify the certificate and say when it ends. */
export function callerTlsFacts(
  tls: TlsFacts | undefined,
  certificate: PeerCertificate | undefined,
): Pick<AuditEvent, 'tls'> {
  if (tls === undefined || certificate === undefined) return {};
  const { spkiSha256 } = certificate;
  const notAfter = notAfterOf(certificate);
  return { tls: Object.assign({}, tls, { spkiSha256 }, notAfter === undefined ? undefined : { notAfter }) };
}

/** The listener gives the same facts for the same certificate: its date is read once. */
const notAfterByCertificate = new WeakMap<PeerCertificate, string>();

function notAfterOf(certificate: PeerCertificate): string | undefined {
  const known = notAfterByCertificate.get(certificate);
  if (known !== undefined) return known;
  const date = new Date(certificate.validTo);
  // OpenSSL has judged the date before; should it ever be none, the association does not suffer for it.
  if (Number.isNaN(date.getTime())) return undefined;
  const notAfter = date.toISOString();
  notAfterByCertificate.set(certificate, notAfter);
  return notAfter;
}

type ImplementationFacts = Pick<AuditEvent, 'implementationClassUid' | 'implementationVersionName'>;

/** The maker, as the peer says. */
export function implementationFacts({
  implementationClassUid,
  implementationVersionName,
}: UserInformation): ImplementationFacts {
  return {
    ...(implementationClassUid === '' ? {} : { implementationClassUid }),
    ...(implementationVersionName === undefined ? {} : { implementationVersionName }),
  };
}

/** At most 256 SOP classes: a presentation context has an id of one byte. */
export function proposalFacts({
  userInformation,
  presentationContexts,
}: AssociateRq): ImplementationFacts & Pick<AuditEvent, 'proposedSopClasses'> {
  const uids = new Set(presentationContexts.map(({ abstractSyntax }) => abstractSyntax).filter(Boolean));
  return {
    ...implementationFacts(userInformation),
    proposedSopClasses: [...uids].map((uid) => sopClassKeyword(uid) ?? uid),
  };
}

/** The ids of presentation contexts. */
export type Ids = { readonly size: number; has(id: number): boolean };

/** PS3.8 Table 9-18. */
const RESULTS: Readonly<Record<number, string>> = {
  0: 'accepted, but not as proposed',
  1: 'user rejection',
  3: 'abstract syntax not supported',
  4: 'transfer syntaxes not supported',
};

/** Devices propose a hundred classes each time: more than these of what the entry does not allow would fill the log. */
const MAX_NOT_ALLOWED = 10;

/**
 * What was proposed and cannot be used, and why: each SOP class once for each result. `answered` are those that the other
 * end answered; what the gateway itself refused never came there. Of `notAllowed`, what the entry does not allow, only
 * the first ones.
 */
export function refusedContexts(
  proposed: AssociateRq['presentationContexts'],
  answered: AssociateAc['presentationContexts'],
  acceptedIds: Ids,
  notAllowed: ReadonlyMap<string, ReasonCode>,
): RefusedContext[] {
  const resultById = new Map(answered.map(({ id, result }) => [id, result]));
  const shown = new Set([...notAllowed.keys()].slice(0, MAX_NOT_ALLOWED));
  const refused = new Map<string, RefusedContext>();
  for (const { id, abstractSyntax, refusal } of proposed) {
    const reason = notAllowed.get(abstractSyntax);
    if (acceptedIds.has(id) || (reason !== undefined && !shown.has(abstractSyntax))) continue;
    const result = RESULTS[refusal ?? resultById.get(id) ?? -1] ?? 'no reason given';
    const sopClass = sopClassKeyword(abstractSyntax) ?? (abstractSyntax || 'not a UID');
    refused.set(`${sopClass} ${result}`, { sopClass, result, reason });
  }
  return [...refused.values()];
}

/** What policy looks at, and no more: it is kept as long as the association lives. */
export function associationRequest(
  { listener, sourceAddress, certificate }: InboundConnection,
  { protocolVersion, applicationContextName, callingAeTitle, calledAeTitle }: AssociateRq,
): AssociationRequest {
  return {
    listener,
    sourceAddress,
    ...(certificate === undefined ? {} : { certificate }),
    protocolVersion,
    applicationContextName,
    callingAeTitle,
    calledAeTitle,
  };
}

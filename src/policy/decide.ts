/**
 * The gates. Each is a pure function of the compiled policy and of what the peer said, and the first check
 * that fails decides. Live traffic and `aegis explain` call these very functions. Counting (limits of
 * associations) and looking (whether an upstream is up) are the gateway's.
 */
import { CommandField, isKnownRequest } from '../dimse/commands';
import { permissionFor } from '../dimse/services';
import { APPLICATION_CONTEXT_NAME } from '../pdu/types';
import { parseAddress } from '../text/addresses';
import { aeTitleKey } from '../text/aeTitle';
import { matchesCertificate, type PeerCertificate } from './certificate';
import type { CompiledModality, CompiledUpstream, Policy } from './policy';
import type { Decision, ReasonCode } from './reasons';

/** Bit 0 of the protocol version field is version 1, the only one; other bits are not tested (PS3.8 §9.3.2). */
const PROTOCOL_VERSION_1 = 0x0001;

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

export type AssociationDecision =
  | {
      readonly allowed: true;
      readonly modality: CompiledModality;
      readonly upstream: CompiledUpstream;
      /** Set where an entry in observe mode let pass what it would refuse. */
      readonly wouldDeny?: ReasonCode;
    }
  | {
      readonly allowed: false;
      readonly reason: ReasonCode;
      /** The entry that was matched, or that alone got furthest, for the log; never for the peer. */
      readonly modality?: CompiledModality;
    };

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
const denied = (reason: ReasonCode) => ({ allowed: false, reason }) as const;

/**
 * Gate 1: whether any entry could be meant by a connection from this address. With unknownAddresses "reject"
 * every address may go on, to be refused by its AE title where the pending list sees it.
 */
export function decideAddress(policy: Policy, address: string): Decision {
  if (parseAddress(address) === undefined) return denied('source-address-unknown');
  if (policy.unknownAddresses === 'reject' || policy.addresses.has(address)) return allowed;
  return denied('source-address-unknown');
}

/** The checks of decideAssociation in their order, each by the reason that it gives. */
export const associationChecks = [
  'protocol-version',
  'application-context',
  'calling-ae-title-unknown',
  'source-address-mismatch',
  'listener-not-allowed',
  'certificate-mismatch',
  'called-ae-title-unknown',
  'called-ae-title-not-allowed',
] as const satisfies readonly ReasonCode[];

/**
 * Gate 3: who the peer is (AE title, address, listener and certificate, which must all be of one entry) and
 * whether it may call whom it calls.
 *
 * Observe mode lets pass only what comes after identification. An AE title alone is no identity, anybody can
 * send one: letting it in from a foreign address would open the archive, not observe it. An unknown called AE
 * title stays denied because there is nowhere to relay to.
 */
export function decideAssociation(policy: Policy, request: AssociationRequest): AssociationDecision {
  const precondition = preconditionDenial(request);
  if (precondition !== undefined) return denied(precondition);

  const identity = identify(policy, request);
  if (!identity.allowed) return identity;
  const { modality } = identity;
  return { ...decideCalledAeTitle(policy, modality, request.calledAeTitle), modality };
}

/** The last checks of gate 3: whether this modality may call this AE title, and whom that means. */
export function decideCalledAeTitle(policy: Policy, modality: CompiledModality, calledAeTitle: string) {
  const calledKey = aeTitleKey(calledAeTitle, policy.strictAeTitles);
  const upstream = calledKey === undefined ? undefined : policy.upstreamByCalledAeTitle.get(calledKey);
  if (upstream === undefined) return denied('called-ae-title-unknown');
  if (modality.calledAeTitles === undefined || modality.calledAeTitles.has(calledAeTitle)) {
    return { allowed: true, upstream } as const;
  }
  const reason = 'called-ae-title-not-allowed';
  return modality.isObserved ? ({ allowed: true, upstream, wouldDeny: reason } as const) : denied(reason);
}

/** What keeps any association from being one of DICOM, whoever asks for it. */
export function preconditionDenial(request: AssociationRequest): ReasonCode | undefined {
  if ((request.protocolVersion & PROTOCOL_VERSION_1) === 0) return 'protocol-version';
  return request.applicationContextName === APPLICATION_CONTEXT_NAME ? undefined : 'application-context';
}

/**
 * Finds the entry that the peer is. Among the entries with its AE title the one that gets furthest decides the
 * reason; the peer sees the same three bytes for each of them, so it learns nothing about the allowlist.
 */
function identify(
  policy: Policy,
  request: AssociationRequest,
): { allowed: true; modality: CompiledModality } | Extract<AssociationDecision, { allowed: false }> {
  const callingKey = aeTitleKey(request.callingAeTitle, policy.strictAeTitles);
  const entries = callingKey === undefined ? undefined : policy.entriesByCallingAeTitle.get(callingKey);
  if (entries === undefined) return denied('calling-ae-title-unknown');

  const address = parseAddress(request.sourceAddress);
  const inAddress = address === undefined ? [] : [...entries.modalitiesByAddress.covering(address)];
  if (inAddress.length === 0) return deniedNear('source-address-mismatch', entries.modalities);

  const inListener = inAddress.filter((modality) => modality.listeners.has(request.listener));
  if (inListener.length === 0) return deniedNear('listener-not-allowed', inAddress);

  const modality = inListener.find((candidate) => hasCertificate(candidate, request.certificate));
  return modality === undefined
    ? deniedNear('certificate-mismatch', inListener)
    : { allowed: true, modality };
}

function hasCertificate(modality: CompiledModality, certificate: PeerCertificate | undefined): boolean {
  if (modality.certificates === undefined) return true;
  return certificate !== undefined && matchesCertificate(modality.certificates, certificate);
}

/** Names the entry that came nearest only where it is one: a guess between several would mislead the log. */
function deniedNear(reason: ReasonCode, nearest: readonly CompiledModality[]) {
  const modality = nearest[0];
  return modality === undefined || nearest.length > 1 ? denied(reason) : { ...denied(reason), modality };
}

/**
 * Gate 4: whether this modality may have this command. Observe mode lets a denial pass, except for a command
 * field that the standard does not define: nobody knows what a data set or a response to it would look like.
 */
export function decideCommand(modality: CompiledModality, command: CommandRequest): Decision {
  if (!isKnownRequest(command.commandField)) return denied('command-unknown');
  const reason = commandDenial(modality, command);
  if (reason === undefined) return allowed;
  return modality.isObserved ? { allowed: true, wouldDeny: reason } : denied(reason);
}

function commandDenial(modality: CompiledModality, command: CommandRequest): ReasonCode | undefined {
  const permission = permissionFor(command.commandField, command.sopClassUid);
  if (permission === undefined || !modality.permissions.has(permission)) return 'command-not-allowed';
  if (command.commandField === CommandField.CStoreRq) {
    const sopClasses = modality.storeSopClasses;
    return sopClasses === undefined || sopClasses.has(command.sopClassUid)
      ? undefined
      : 'sop-class-not-allowed';
  }
  if (command.commandField === CommandField.CMoveRq && modality.moveDestinations !== 'any') {
    const destination = command.moveDestination ?? '';
    return modality.moveDestinations.has(destination) ? undefined : 'move-destination-not-allowed';
  }
  return undefined;
}

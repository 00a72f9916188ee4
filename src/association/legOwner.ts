/** What a leg is given when it is made, and what it reports: types only. */
import type { AuditSink } from '../audit/events';
import type { Timeouts } from '../config/schema';
import type { QuickAck } from '../net/quickAck';
import type { Abort, AssociateRj } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';
import type { ProtocolError } from './protocolError';
import type { Role } from './states';

/** Why an association on a leg ended other than by release or rejection. */
export interface LegFailure {
  readonly reason: ReasonCode;
  readonly detail?: string;
  /** The A-ABORT that the peer sent. */
  readonly abort?: Abort;
  /** Code of the error with which the socket was closed. */
  readonly socketError?: string;
}

/**
 * Owns a leg until the association is relayed. Calls come from socket events. An exception ends this association only.
 */
export interface LegOwner {
  /** The body of the PDU; the leg reads no further until it is answered. Acceptor only. */
  associateRq?(body: Buffer): void;
  /** Requestor only. */
  associateAc?(body: Buffer): void;
  /** Requestor only; the leg closes by itself. */
  associateRj?(rj: AssociateRj): void;
  /** The association is over. At most once, and before the peer is answered; the leg closes by itself. */
  failed(failure: LegFailure): void;
}

/** Owns a leg whose messages are relayed. They go to its {@link MessageFlow}; all else comes here. */
export interface RelayedLegOwner extends Pick<LegOwner, 'failed'> {
  /** Whether the peer goes on sending without hearing from us: inside a message, or with answers that are due. */
  readonly awaitsMore: boolean;
  /** Whether a command announced a data set of which nothing has come. */
  readonly awaitsDataSet: boolean;
  /** Whether a peer that sends no more, and ended between two messages, has an answer to wait for. */
  readonly isPeerOwed: boolean;
  /** Bytes of an association came in. */
  active(): void;
  /** The peer sent A-RELEASE-RQ; answer with {@link Leg.confirmRelease}. */
  releaseRequested(): void;
  /** The peer answered our A-RELEASE-RQ; the leg closes by itself. */
  releaseConfirmed(): void;
  /** More is waiting to be written than should be; stop feeding this leg until {@link drained}. */
  congested(): void;
  drained(): void;
  /** The kernel has taken all that was written to this leg. */
  written?(): void;
}

/** Sees the bytes of a leg in both directions, as they are on the wire. They are lent: once a call returns, they change. */
export interface LegTap {
  received(chunk: Buffer): void;
  /** Whole PDUs. */
  sent(pdus: readonly Buffer[]): void;
}

/** Where a tap is put and taken away. */
export interface TapPoint {
  tap?: LegTap | undefined;
}

/** Bytes that the peer may not send. They are lent, and not redacted. */
export interface Violation {
  readonly peer: LegOptions['peer'];
  /** What was read last: it begins with a PDU. */
  readonly chunk: Buffer;
  /** PDUs of it before the one that is not allowed. */
  readonly pdusBefore: number;
}

export interface LegOptions extends TapPoint {
  /** Is shown what ends the association, before the end is reported. */
  readonly violations?: { violated(violation: Violation): void } | undefined;
  /** What was recorded is written before bytes go to the peer. */
  readonly audit?: Pick<AuditSink, 'flush'> | undefined;
  readonly role: Role;
  /** The peer at the other end: `modality` and `archive` dialled us, `upstream` we dialled. */
  readonly peer: 'modality' | 'archive' | 'upstream';
  /** Global ones until the caller is known, then those of its association. */
  timeouts: Timeouts;
  /** How long a silent connection may be before TCP asks whether the peer is there; 0 for never. */
  readonly keepAliveSeconds: number;
  /** What this side announces in item 51H. */
  readonly maxPduLength: number;
  /** On a plain listener: a first byte that begins a TLS handshake is reported as such. */
  readonly detectTls?: boolean;
  readonly quickAck: QuickAck;
  /** The socket is closed. Exactly once, the last call. */
  closed(): void;
}

/** What the reading of the socket reports: it ends the association. */
export interface LegSocketEvents {
  /** The bytes, or what the sink made of them, are an error; nothing more is parsed. */
  invalid(error: ProtocolError): void;
  tlsDetected(): void;
  /** A PDU, or the data set that a command announced, did not come in time. */
  stalled(detail: string): void;
}

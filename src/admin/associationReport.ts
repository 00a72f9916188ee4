/** Associations as the page shows them, open and ended ones: types only. */
import type { TlsFacts } from '../net/inboundConnection';
import type { ReasonCode } from '../policy/reasons';
import type { AssociationStatus } from './statusReport';

/** The answer of `GET /api/v1/associations`. */
export interface AssociationsReport {
  readonly total: number;
  /** The newest first: at most 1,000. */
  readonly open: readonly AssociationStatus[];
  /** The last 50 that ended, the newest first. */
  readonly ended: readonly EndedAssociation[];
}

export interface EndedAssociation extends AssociationStatus {
  readonly endedAt: string;
  readonly durationMs: number;
  /** `association.released` or `association.aborted`. */
  readonly end: string;
  readonly reason?: ReasonCode;
  /** The reason in words. */
  readonly text?: string;
  readonly detail?: string;
}

/** The answer of `GET /api/v1/associations/ID`, open or ended not long ago. */
export interface AssociationDetail extends AssociationStatus {
  readonly isOpen: boolean;
  readonly endedAt?: string;
  readonly durationMs: number;
  readonly end?: string;
  readonly reason?: ReasonCode;
  readonly text?: string;
  readonly detail?: string;
  readonly tls?: TlsFacts;
  readonly upstreamTlsFacts?: TlsFacts;
  readonly implementationClassUid?: string;
  readonly implementationVersionName?: string;
  /** On which messages can flow; empty once it has ended. */
  readonly acceptedContexts: readonly AcceptedContextReport[];
  /** Each SOP class once for each result. */
  readonly refusedContexts: readonly RefusedContextReport[];
  /** The last 50, the newest first. */
  readonly lastCommands: readonly CommandReport[];
}

export interface AcceptedContextReport {
  readonly id: number;
  /** By keyword if it has one; so is the transfer syntax. */
  readonly sopClass: string;
  readonly transferSyntax: string;
}

export interface RefusedContextReport {
  readonly sopClass: string;
  /** PS3.8 Table 9-18, in words. */
  readonly result: string;
  /** Where the entry is the cause, with its words. */
  readonly reason?: ReasonCode;
  readonly text?: string;
}

export interface CommandReport {
  readonly time: string;
  readonly command: string;
  readonly sopClass?: string;
  readonly outcome: string;
  readonly status?: string;
  readonly reason?: ReasonCode;
  readonly text?: string;
  readonly bytes?: number;
  readonly durationMs?: number;
  readonly moveDestination?: string;
}

/**
 * The last protocol violation of each peer, for `aegis show errors`: kept in memory, for a bounded number of peers. Learns of
 * them from audit events. Shows nothing of a patient, because events hold nothing of one.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import type { ReasonCode } from '../policy/reasons';

/** More than anybody reads; strangers come here too. The one that was not seen for longest goes. */
const MAX_PEERS = 100;

const VIOLATION =
  /^(pdu|command-set|state)-|^(sop-class-uid-invalid|sop-instance-uid-invalid|upstream-protocol-error)$/;

/** What is shown of one peer. */
export type PeerError = Pick<
  AuditEvent,
  | 'detail'
  | 'connectionId'
  | 'modality'
  | 'direction'
  | 'sourceAddress'
  | 'callingAeTitle'
  | 'upstream'
  | 'excerpt'
> & {
  readonly time: string;
  /** Who sent it: a modality or an archive that called, or the server that was called. */
  readonly peer: string;
  readonly reason: ReasonCode;
  /** Of this peer, since the start of the gateway or since it was last dropped from the list. */
  readonly count: number;
};

export class LastErrors implements AuditSink {
  readonly #errorByPeer = new Map<string, PeerError>();

  record(event: AuditEvent): void {
    const { reason, detail, connectionId, modality, direction, sourceAddress, callingAeTitle } = event;
    if (reason === undefined || !VIOLATION.test(reason)) return;
    const { upstream, excerpt } = event;
    const peer = peerOf(event);
    const count = (this.#errorByPeer.get(peer)?.count ?? 0) + 1;
    // Behind all others.
    this.#errorByPeer.delete(peer);
    const [oldest] = this.#errorByPeer.keys();
    if (this.#errorByPeer.size >= MAX_PEERS) this.#errorByPeer.delete(oldest!);
    this.#errorByPeer.set(peer, {
      ...{ time: new Date().toISOString(), peer, reason, count, detail, connectionId, modality, direction },
      ...{ sourceAddress, callingAeTitle, upstream, excerpt },
    });
  }

  /** The latest first. */
  get list(): readonly PeerError[] {
    return [...this.#errorByPeer.values()].reverse();
  }
}

function peerOf({ reason, modality, callingAeTitle, sourceAddress, upstream, excerpt }: AuditEvent): string {
  const isUpstream = excerpt?.peer === 'upstream' || reason === 'upstream-protocol-error';
  if (isUpstream && upstream !== undefined) return upstream;
  if (modality !== undefined && excerpt?.peer !== 'archive') return modality;
  return callingAeTitle === undefined ? `${sourceAddress}` : `${callingAeTitle}@${sourceAddress}`;
}

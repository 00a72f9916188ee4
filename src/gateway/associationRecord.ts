/**
 * What is told about one connection and its association: the facts that every audit line carries, gathered
 * as they become known, and one method for each thing that can happen. Text from the network is escaped by
 * the audit log, not here.
 */
import type { AuditEvent, AuditSink, TlsFacts } from '../audit/events';
import type { CommandSet } from '../dimse/commandSet';
import { commandName, formatStatus } from '../dimse/commands';
import { sopClassKeyword } from '../dimse/sopClasses';
import type { InboundConnection } from '../net/listener';
import type { AssociateRq } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';
import { certificateFacts, isOfAllowlist, proposalFacts } from './callerFacts';
import type { Operation } from './operations';
import type { Route } from './route';

type Draft<T> = { -readonly [K in keyof T]: T[K] };

const justClosed: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'modality-closed',
  'modality-aborted',
  'archive-closed',
  'archive-aborted',
]);

export class AssociationRecord {
  readonly #audit: AuditSink;
  readonly #startedMs = performance.now();
  readonly #certificate: InboundConnection['certificate'];
  /** Until it is answered. */
  #request: AssociateRq | undefined;
  readonly #facts: Draft<Partial<AuditEvent>>;
  #bytes = 0;
  #isOver = false;

  constructor(audit: AuditSink, connection: InboundConnection, direction: Route['direction']) {
    this.#audit = audit;
    this.#certificate = connection.certificate;
    this.#facts = {
      connectionId: connection.connectionId,
      listener: connection.listener,
      direction,
      sourceAddress: connection.sourceAddress,
      sourcePort: connection.sourcePort,
      ...(connection.tls === undefined ? {} : { tls: connection.tls }),
    };
  }

  requested(rq: AssociateRq): void {
    this.#request = rq;
    this.#facts.callingAeTitle = rq.callingAeTitle;
    this.#facts.calledAeTitle = rq.calledAeTitle;
  }

  matched(modality: string): void {
    this.#facts.modality = modality;
  }

  /** Where it went, or tried to. `tls` is that of the way there; of a modality that called, its own stays. */
  wentTo(upstream: string, tls: TlsFacts | undefined): void {
    this.#facts.upstream = upstream;
    if (tls !== undefined) this.#facts.tls = tls;
  }

  /** The connection ended before there was an association request. */
  connectionRefused(reason: ReasonCode, detail?: string): void {
    // A port check by a load balancer connects and closes: nothing was refused then.
    const outcome = justClosed.has(reason) ? 'info' : 'denied';
    this.#end({ event: 'connection.refused', outcome, reason, ...optional({ detail }) });
  }

  /** `isDenied`: it was the gateway that said no, not the other end or the way there. */
  rejected(reason: ReasonCode, isDenied: boolean, detail?: string): void {
    this.#end({
      event: 'association.rejected',
      outcome: isDenied ? 'denied' : 'failed',
      reason,
      ...optional({ detail }),
      ...certificateFacts(this.#facts.tls, this.#certificate),
      ...(this.#request !== undefined && isOfAllowlist(reason) ? proposalFacts(this.#request) : {}),
    });
  }

  accepted(wouldDeny: ReasonCode | undefined): void {
    this.#request = undefined;
    this.#record({
      event: 'association.accepted',
      ...certificateFacts(this.#facts.tls, this.#certificate),
      ...(wouldDeny === undefined ? { outcome: 'allowed' } : { outcome: 'would-deny', reason: wouldDeny }),
      durationMs: this.#ageMs,
    });
  }

  released(reason?: ReasonCode): void {
    this.#end({
      event: 'association.released',
      outcome: 'info',
      ...optional({ reason }),
      bytes: this.#bytes,
    });
  }

  aborted(reason: ReasonCode, detail?: string): void {
    this.#end({
      event: 'association.aborted',
      outcome: 'failed',
      reason,
      ...optional({ detail }),
      bytes: this.#bytes,
    });
  }

  /** The final response went by, or (`reason`) none will come any more. */
  operationEnded(operation: Operation, response: CommandSet | undefined, reason?: ReasonCode): void {
    this.#bytes += operation.bytes;
    const { wouldDeny } = operation;
    this.#record({
      event: 'command.completed',
      outcome: reason === undefined ? (wouldDeny === undefined ? 'allowed' : 'would-deny') : 'failed',
      ...optional({ reason: reason ?? wouldDeny }),
      ...commandFacts(operation.request),
      ...(response?.Status === undefined ? {} : { status: formatStatus(response.Status) }),
      bytes: operation.bytes,
      durationMs: roundMs(performance.now() - operation.startedMs),
    });
  }

  commandRefused(request: CommandSet, reason: ReasonCode, status: number, bytes: number): void {
    this.#record({
      event: 'command.refused',
      outcome: 'denied',
      reason,
      ...commandFacts(request),
      status: formatStatus(status),
      bytes,
    });
  }

  get #ageMs(): number {
    return roundMs(performance.now() - this.#startedMs);
  }

  /** The last line of this connection; what comes after it is an echo of the end. */
  #end(event: Draft<AuditEvent>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    event.durationMs = this.#ageMs;
    this.#record(event);
  }

  /**
   * The facts as they are now, then what the event adds. Not a literal that begins with a spread: V8 makes new hidden
   * classes for every such object that has more behind it.
   */
  #record(event: AuditEvent): void {
    const { event: name, outcome } = event;
    this.#audit.record(Object.assign({ event: name, outcome }, this.#facts, event));
  }
}

function commandFacts(request: CommandSet) {
  const sopClassUid = request.AffectedSOPClassUID ?? request.RequestedSOPClassUID;
  return optional({
    command: commandName(request.CommandField),
    sopClass: sopClassUid === undefined ? undefined : (sopClassKeyword(sopClassUid) ?? sopClassUid),
    sopInstance: request.AffectedSOPInstanceUID ?? request.RequestedSOPInstanceUID,
    messageId: request.MessageID,
    moveDestination: request.MoveDestination,
  });
}

/** Leaves out what is undefined, so that absent facts are absent keys. */
function optional<T extends object>(facts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const known: Partial<T> = {};
  for (const key in facts) if (facts[key] !== undefined) known[key] = facts[key];
  return known as never;
}

function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}

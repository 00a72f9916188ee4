/**
 * The audit lines of one connection and its association: the facts that every line carries, gathered as they become
 * known, and one method for each event. Does not write them, nor escape text from the network: the audit log does.
 */
import type { Violation } from '../association/legOwner';
import type { AcceptedContexts } from '../association/negotiation';
import type { AuditEvent, AuditEventName, AuditSink, Excerpt, Outcome, Sender } from '../audit/events';
import { excerptOf } from '../capture/excerpt';
import type { CommandSet } from '../dimse/commandSet';
import { CommandField } from '../dimse/commands';
import { sopClassKeyword } from '../dimse/sopClasses';
import { transferSyntaxKeyword } from '../dimse/transferSyntaxes';
import type { TlsFacts } from '../net/inboundConnection';
import type { InboundConnection } from '../net/listener';
import type { AssociateAc, AssociateRq } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';
import {
  callerTlsFacts,
  implementationFacts,
  isOfAllowlist,
  proposalFacts,
  refusedContexts,
} from './callerFacts';
import { commandFacts, deviationsOf } from './commandFacts';
import { DataSetTap, type DisclosureSink } from './dataSetTap';
import type { InboundContext } from './inboundContext';
import type { Operation } from './operations';
import type { RelayHalf } from './relayHalf';
import type { Route } from './route';

const justClosed: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'modality-closed',
  'modality-aborted',
  'archive-closed',
  'archive-aborted',
]);

const NO_CONTEXTS: AcceptedContexts = new Map();
const NOTHING: ReadonlyMap<string, ReasonCode> = new Map();

type Facts = { -readonly [Key in keyof Omit<AuditEvent, 'event' | 'outcome' | 'reason'>]: AuditEvent[Key] };

export class AssociationRecord {
  readonly #audit: AuditSink;
  readonly #disclosures: DisclosureSink | undefined;
  readonly #startedMs = performance.now();
  readonly #certificate: InboundConnection['certificate'];
  /** Until it is answered. */
  #request: AssociateRq | undefined;
  readonly #facts: Facts;
  /** Of the way to the archive. Once for an association is enough: only its first line has it. */
  #upstreamTls: TlsFacts | undefined;
  /** Those on which messages flow. */
  #contexts = NO_CONTEXTS;
  /** Abstract syntaxes that were refused because the entry allows nothing on them. */
  #notAllowed = NOTHING;
  /** Until a request is made. */
  #isUnused = true;
  #bytes = 0;
  #excerpt: Excerpt | undefined;
  #isOver = false;

  constructor(
    { audit, disclosures }: Pick<InboundContext, 'audit' | 'disclosures'>,
    connection: InboundConnection,
    direction: Route['direction'],
  ) {
    this.#audit = audit;
    this.#disclosures = disclosures;
    this.#certificate = connection.certificate;
    this.#facts = {
      connectionId: connection.connectionId,
      listener: connection.listener,
      direction,
      sourceAddress: connection.sourceAddress,
      sourcePort: connection.sourcePort,
    };
    if (connection.tls !== undefined) this.#facts.tls = connection.tls;
  }

  /** Before the end that it causes. */
  violated(violation: Violation): void {
    this.#excerpt = excerptOf(violation);
  }

  get connectionId(): string {
    return this.#facts.connectionId ?? '';
  }

  /** What stands in front of this half for DICOM audit messages; undefined where there are none. */
  tapOf(half: RelayHalf, contexts: AcceptedContexts, isUpstream: boolean): DataSetTap | undefined {
    const wants = this.#disclosures?.wants ?? 'nothing';
    if (wants === 'nothing') return undefined;
    return new DataSetTap(half, contexts, isUpstream, wants === 'patients');
  }

  requested(rq: AssociateRq): void {
    this.#request = rq;
    this.#facts.callingAeTitle = rq.callingAeTitle;
    this.#facts.calledAeTitle = rq.calledAeTitle;
  }

  /** The request as it goes on, without the contexts that the entry does not allow. */
  narrowed(rq: AssociateRq, notAllowed: ReadonlyMap<string, ReasonCode>): void {
    this.#request = rq;
    this.#notAllowed = notAllowed;
  }

  matched(modality: string | undefined): void {
    if (modality !== undefined) this.#facts.modality = modality;
  }

  /** Where it went, or tried to. `tls` is that of the way there. The caller of egress has none, so it takes that place. */
  wentTo(upstream: string, tls: TlsFacts | undefined): void {
    this.#facts.upstream = upstream;
    if (this.#facts.direction === 'ingress') this.#upstreamTls = tls;
    else if (tls !== undefined) this.#facts.tls = tls;
  }

  /** The connection ended before there was an association request; `isSilent`: not a byte had come. */
  connectionRefused(reason: ReasonCode, detail?: string, isSilent = false): void {
    // Who closes by itself was not refused. A port check by a load balancer connects and closes.
    const outcome = !justClosed.has(reason) ? 'denied' : isSilent ? 'debug' : 'info';
    this.#end('connection.refused', outcome, reason, { detail, durationMs: this.#ageMs });
  }

  /** `isDenied`: it was the gateway that said no, not the other end or the way there. */
  rejected(reason: ReasonCode, isDenied: boolean, detail?: string): void {
    this.#end('association.rejected', isDenied ? 'denied' : 'failed', reason, {
      detail,
      ...callerTlsFacts(this.#facts.tls, this.#certificate),
      upstreamTls: this.#upstreamTls,
      ...(this.#request !== undefined && isOfAllowlist(reason) ? proposalFacts(this.#request) : {}),
      durationMs: this.#ageMs,
    });
  }

  /**
   * `deviations`: what was refused, repaired or left out of the two A-ASSOCIATE PDUs. `answer` is that of the other end,
   * and `contexts` those on which messages can flow.
   */
  accepted(
    wouldDeny: ReasonCode | undefined,
    deviations: readonly string[],
    answer?: AssociateAc,
    contexts?: AcceptedContexts,
  ): void {
    this.#accepted(wouldDeny, deviations, answer, contexts);
  }

  /** Accepted, but every presentation context was refused by the gateway: the other end was not asked. */
  unserved(wouldDeny: ReasonCode | undefined, deviations: readonly string[]): void {
    this.#accepted(wouldDeny, deviations, undefined, NO_CONTEXTS, 'presentation-contexts-unusable');
  }

  /** `refusal`: why the other end was not asked. */
  #accepted(
    wouldDeny: ReasonCode | undefined,
    deviations: readonly string[],
    answer: AssociateAc | undefined,
    contexts: AcceptedContexts | undefined,
    refusal?: ReasonCode,
  ): void {
    const proposed = this.#request?.presentationContexts ?? [];
    // Whichever end the modality is at.
    const modality = this.#facts.direction === 'ingress' ? this.#request : answer;
    this.#request = undefined;
    if (contexts !== undefined) this.#contexts = contexts;
    const notes = this.#notAllowed.size === 0 ? deviations : [...deviations, this.#narrowing];
    const facts: Facts = {
      ...(notes.length === 0 ? {} : { detail: notes.join('; ') }),
      durationMs: this.#ageMs,
      ...callerTlsFacts(this.#facts.tls, this.#certificate),
      upstreamTls: this.#upstreamTls,
      ...(modality === undefined ? {} : implementationFacts(modality.userInformation)),
    };
    this.#upstreamTls = undefined;
    if (contexts !== undefined && contexts.size < proposed.length) {
      const answered = answer?.presentationContexts ?? [];
      facts.refusedContexts = refusedContexts(proposed, answered, contexts, this.#notAllowed);
    }
    const outcome = wouldDeny === undefined ? 'allowed' : 'would-deny';
    this.#record('association.accepted', outcome, wouldDeny, facts);
    if (contexts?.size !== 0) return;
    const detail = `all of its presentation contexts were refused (${proposed.length})`;
    this.#record('association.unusable', refusal === undefined ? 'failed' : 'denied', refusal, {
      detail,
      refusedContexts: facts.refusedContexts,
    });
  }

  released(reason?: ReasonCode, detail?: string): void {
    if (this.#isUnused) this.#gaveUp('it was released without a request');
    this.#end('association.released', 'info', reason, {
      detail,
      bytes: this.#bytes,
      durationMs: this.#ageMs,
    });
  }

  /** A device that leaves because of a refused context: without this line nobody would see why it does not work. */
  #gaveUp(how: string): void {
    const [first] = this.#notAllowed.values();
    if (first === undefined || this.#isOver) return;
    this.#record('association.unusable', 'denied', first, { detail: `${how}; ${this.#narrowing}` });
  }

  get #narrowing(): string {
    const [first = ''] = this.#notAllowed.keys();
    const others = this.#notAllowed.size - 1;
    const classes = `${sopClassKeyword(first) ?? first}${others === 0 ? '' : ` and ${others} other SOP class${others === 1 ? '' : 'es'}`}`;
    return `the entry allows nothing on ${classes}`;
  }

  aborted(reason: ReasonCode, detail?: string): void {
    if (justClosed.has(reason)) this.#gaveUp('its peer broke it off');
    this.#end('association.aborted', 'failed', reason, {
      detail,
      bytes: this.#bytes,
      durationMs: this.#ageMs,
    });
  }

  /** The final response went by, or (`reason`) none will come any more. */
  operationEnded(operation: Operation, response: CommandSet | undefined, reason?: ReasonCode): void {
    const { contextId, request, requestor, wouldDeny, bytes, startedMs } = operation;
    this.#isUnused = false;
    this.#bytes += bytes;
    const outcome = reason === undefined ? (wouldDeny === undefined ? 'allowed' : 'would-deny') : 'failed';
    const durationMs = roundMs(performance.now() - startedMs);
    const facts: Facts = commandFacts(request, response?.Status, bytes, durationMs);
    const syntax = request.CommandField === CommandField.CStoreRq && this.#contexts.get(contextId);
    if (syntax) facts.transferSyntax = transferSyntaxKeyword(syntax.transferSyntax) ?? syntax.transferSyntax;
    if (requestor !== undefined) facts.requestor = requestor;
    const detail = deviationsOf(operation);
    if (operation.disclosed !== undefined) {
      this.#disclosures?.disclose({
        connectionId: this.connectionId,
        ...operation.disclosed,
        completed: response?.NumberOfCompletedSuboperations,
        failed: response?.NumberOfFailedSuboperations,
      });
    }
    this.#record('command.completed', outcome, reason ?? wouldDeny, detail ? { ...facts, detail } : facts);
  }

  commandRefused(
    request: CommandSet,
    reason: ReasonCode,
    status: number | undefined,
    bytes: number,
    detail?: string,
  ): void {
    this.#isUnused = false;
    this.#record('command.refused', 'denied', reason, { ...commandFacts(request, status, bytes), detail });
  }

  /** Pauses who caused the line that was recorded last, where the log cannot take more. */
  hold(sender: Sender, outcome: Outcome): void {
    this.#audit.hold?.(sender, outcome);
  }

  get #ageMs(): number {
    return roundMs(performance.now() - this.#startedMs);
  }

  /** The last line of this connection; what comes after it is an echo of the end. */
  #end(event: AuditEventName, outcome: Outcome, reason: ReasonCode | undefined, facts: Facts): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const excerpt = this.#excerpt;
    this.#record(event, outcome, reason, excerpt === undefined ? facts : { ...facts, excerpt });
  }

  /**
   * Keys of its own come first: an object that begins with a spread gets a hidden class of its own from V8, which for
   * one line costs more than all the rest of it.
   */
  #record(event: AuditEventName, outcome: Outcome, reason: ReasonCode | undefined, facts: Facts): void {
    this.#audit.record({ event, outcome, reason, ...this.#facts, ...facts });
  }
}

function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}

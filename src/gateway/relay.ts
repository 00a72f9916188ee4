/**
 * Two associations as one: the halves of both legs, the timers between them, release, and an end on one side that is
 * always an end on the other. An end is recorded before the peers hear of it. Leaves each message to the half it came to.
 */

import { Deadline } from '../association/deadline';
import type { Leg } from '../association/leg';
import type { LegFailure } from '../association/legOwner';
import type { AcceptedContexts } from '../association/negotiation';
import { ProtocolError } from '../association/protocolError';
import type { Limits, Timeouts } from '../config/schema';
import type { CommandSet } from '../dimse/commandSet';
import { CommandField, commandName } from '../dimse/commands';
import { providerAbort } from '../pdu/types';
import type { ChecksOfSides } from '../policy/policy';
import type { Decision, ReasonCode } from '../policy/reasons';
import type { AssociationProgress } from './associationProgress';
import type { AssociationRecord } from './associationRecord';
import type { CommandPace } from './commandPace';
import { Endurance } from './endurance';
import { RelayHalf } from './relayHalf';
import { yieldingIdleMs } from './sharedPlaces';

export interface RelayOptions {
  /** The leg of the peer that dialled us. */
  readonly inbound: Leg;
  readonly upstream: Leg;
  readonly contexts: AcceptedContexts;
  /** The same with those on which requests of the inbound peer are only refused. */
  readonly inboundContexts: AcceptedContexts;
  readonly record: AssociationRecord;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  /** Of the peer that dialled us; absent where nothing limits it. Ends with the relay. */
  readonly pace?: CommandPace | undefined;
  /** Gate 4 for a request, whichever side sends it. */
  decideCommand(request: CommandSet): Decision;
  /** The same for the data sets of C-STOREs. */
  readonly dataSetChecks: ChecksOfSides;
  /** The association is over, whatever became of it; the sockets close by themselves. Once. */
  ended(): void;
}

const NO_REASON = providerAbort(0);
const NOT_NEGOTIATED: Decision = { allowed: false, reason: 'command-not-allowed' };
const CLOSED: ReadonlySet<ReasonCode> = new Set(['modality-closed', 'archive-closed', 'upstream-closed']);

export class Relay {
  readonly #options: RelayOptions;
  readonly #inbound: RelayHalf;
  readonly #upstream: RelayHalf;
  readonly #idle = new Deadline(() => this.abort('idle-timeout'));
  readonly #response = new Deadline(() => this.abort('response-timeout'));
  readonly #release = new Deadline(() => this.#releaseTimedOut());
  readonly #endurance: Endurance | undefined;
  #isReleasing = false;
  #isOver = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    options.pace?.attach(options.inbound);
    this.#inbound = new RelayHalf(this, options.inbound, options, options.dataSetChecks.inbound);
    this.#upstream = new RelayHalf(this, options.upstream, options, options.dataSetChecks.upstream);
    this.#upstream.requested.requestor = 'upstream';
    RelayHalf.join(this.#inbound, this.#upstream);
    this.touched();
    this.#endurance = Endurance.of(this, options);
  }

  /** Whether it has ended, whatever is still to be written. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is under way, from what the halves count anyway; undefined where nothing is, unless this is `wanted`. */
  progress(wanted?: string): AssociationProgress | undefined {
    const { record, contexts } = this.#options;
    const isWanted = record.connectionId === wanted;
    if (this.#isOver || !(this.#hasOutstanding || isWanted)) return undefined;
    const [operation] = [...this.#inbound.requested, ...this.#upstream.requested];
    return {
      connectionId: record.connectionId,
      command: operation && commandName(operation.request.CommandField),
      bytes: this.#inbound.bytesInProgress + this.#upstream.bytesInProgress,
      ...(isWanted ? { contexts: [...contexts].map(([id, context]) => ({ id, ...context })) } : {}),
    };
  }

  /** Ends both associations: a timeout, the gateway stops, or a reload no longer allows them. */
  abort(reason: ReasonCode, detail?: string): void {
    this.#aborted(reason, detail);
    this.#options.inbound.abortAssociation(NO_REASON);
    this.#options.upstream.abortAssociation(NO_REASON);
  }

  /**
   * Another modality waits for the place at the upstream: gives it up where nothing has moved for a while. Never inside a
   * message, nor while an answer is due.
   */
  yieldPlace(held: number): void {
    if (!this.isBetweenMessages) return;
    const idleMs = this.#options.timeouts.idleSeconds * 1000 - this.#idle.remainingMs;
    if (idleMs >= yieldingIdleMs(held)) this.abort('place-yielded');
  }

  /**
   * Gate 4. The upstream asks on its own only for what the peer that dialled us began: C-STORE for a C-GET under way
   * (PS3.4 §C.4.3), and reports that the permissions of the modality cover.
   */
  decide(from: RelayHalf, contextId: number, request: CommandSet): Decision {
    const decision = this.#decide(from, request);
    const abstractSyntax = this.#options.contexts.get(contextId)?.abstractSyntax;
    // The other end has never heard of the context, whatever a reload has allowed since.
    if (abstractSyntax === undefined) return decision.allowed ? NOT_NEGOTIATED : decision;
    const isOfContext = request.AffectedSOPClassUID === abstractSyntax;
    if (!decision.allowed || isOfContext || request.CommandField !== CommandField.CStoreRq) return decision;
    // A retired class on the context of its successor, or the reverse: the modality needs both.
    const other = this.#decide(from, { ...request, AffectedSOPClassUID: abstractSyntax });
    return other.allowed && other.wouldDeny === undefined ? decision : other;
  }

  #decide(from: RelayHalf, request: CommandSet): Decision {
    const { CommandField: field } = request;
    if (from === this.#inbound || field === CommandField.NEventReportRq) {
      return this.#options.decideCommand(request);
    }
    if (field === CommandField.CStoreRq && this.#inbound.requested.has(CommandField.CGetRq)) {
      return { allowed: true };
    }
    throw new ProtocolError(
      'state-request-unexpected',
      `the upstream sent a request with command field 0x${field.toString(16).padStart(4, '0')}`,
    );
  }

  get isInsideRequest(): boolean {
    return this.#inbound.isInsideMessage;
  }

  // Timers.

  get #hasOutstanding(): boolean {
    return this.#inbound.requested.size > 0 || this.#upstream.requested.size > 0;
  }

  /** Neither side is in a message, owes an answer, or waits for the end of the release. */
  get isBetweenMessages(): boolean {
    if (this.#isOver || this.#isReleasing || this.#hasOutstanding) return false;
    return !this.#inbound.isInsideMessage && !this.#upstream.isInsideMessage;
  }

  /** Whether all that was asked was sent, and the other side has not begun to answer. */
  get #awaitsAnswer(): boolean {
    return this.#hasOutstanding && !this.#inbound.isInsideMessage && !this.#upstream.isInsideMessage;
  }

  /**
   * Something moved. One of two deadlines always runs: that of the answer while one is awaited, else that of an
   * idle association; also inside a message, or a peer that loses its power between two PDUs would stay for ever.
   */
  touched(): void {
    if (this.#isOver) return;
    if (!this.#awaitsAnswer) {
      this.#response.stop();
      this.#idle.start(this.#options.timeouts.idleSeconds * 1000);
      return;
    }
    this.#idle.stop();
    if (!this.#response.isRunning) this.#startResponse();
  }

  /** The outstanding operations changed, or one of them made progress. */
  progressed(): void {
    if (this.#isOver) return;
    this.#endurance?.progressed();
    if (this.#hasOutstanding) {
      this.#startResponse();
      return;
    }
    this.#response.stop();
    if (this.#isReleasing) this.#release.start(this.#options.timeouts.releaseSeconds * 1000);
  }

  #startResponse(): void {
    const { responseSeconds, retrieveResponseSeconds } = this.#options.timeouts;
    const { isRetrieving } = this.#inbound.requested;
    this.#response.start((isRetrieving ? retrieveResponseSeconds : responseSeconds) * 1000);
  }

  // Release (PS3.8 §7.2). Only the peer that dialled us, as requestor of the whole, may ask for it (PS3.7 §A.5).

  releaseRequested(from: RelayHalf): void {
    if (from === this.#upstream) {
      this.#upstreamReleased();
      return;
    }
    if (this.#inbound.isInsideMessage) {
      throw new ProtocolError('state-release-in-message', 'A-RELEASE-RQ inside a message');
    }
    this.#isReleasing = true;
    this.#options.upstream.requestRelease();
    // Answers that are still due come before the release is answered; their deadline counts until then.
    if (!this.#hasOutstanding) this.progressed();
  }

  // A release must not end a message that has come in part only: the peer could take it for the whole.

  releaseConfirmed(): void {
    if (this.#isOver) {
      this.#release.dispose();
      return;
    }
    if (this.#upstream.isInsideMessage) {
      this.#aborted('state-release-in-message', 'the upstream confirmed the release inside a message');
      this.#options.inbound.abortAssociation(NO_REASON);
      return;
    }
    this.#over('response-missing', (record) => record.released());
    this.#options.inbound.confirmRelease();
  }

  /** The work is done and answered: the peer that dialled us gets its release, the upstream an abort. */
  #releaseTimedOut(): void {
    if (this.#isOver) this.#options.upstream.abortAssociation(NO_REASON);
    else if (this.#upstream.isInsideMessage) {
      this.abort('release-timeout');
    } else {
      this.#over('release-timeout', (record) => record.released('release-timeout'));
      this.#options.inbound.confirmRelease();
      this.#options.upstream.abortAssociation(NO_REASON);
    }
  }

  #upstreamReleased(): void {
    this.#aborted('upstream-released');
    this.#options.upstream.confirmRelease();
    this.#options.inbound.abortAssociation(NO_REASON);
  }

  // Ends.

  legFailed(failed: RelayHalf, { reason, detail, abort }: LegFailure): void {
    if (this.#isOver) {
      this.#release.dispose();
      return;
    }
    if (this.#isWorkDone && CLOSED.has(reason)) {
      this.#closedInRelease(failed);
      return;
    }
    this.#aborted(reason, detail);
    const { inbound, upstream } = this.#options;
    (failed === this.#inbound ? upstream : inbound).abortAssociation(abort ?? NO_REASON);
  }

  /** Whether the release was asked for with nothing left to answer: an end of the connection is then no loss. */
  get #isWorkDone(): boolean {
    return this.#isReleasing && !this.#hasOutstanding && !this.#upstream.isInsideMessage;
  }

  /** Some modalities close as soon as they have asked for the release, and some archives instead of answering it. */
  #closedInRelease(closed: RelayHalf): void {
    if (closed === this.#upstream) {
      const detail = 'the upstream closed the connection without an answer to the release';
      this.#over('response-missing', (record) => record.released(undefined, detail));
      this.#options.inbound.confirmRelease();
      return;
    }
    this.#over('response-missing', (record) => record.released());
    // The upstream was asked, and may still answer.
    this.#release.start(this.#options.timeouts.releaseSeconds * 1000);
  }

  #aborted(reason: ReasonCode, detail?: string): void {
    this.#over(reason, (record) => record.aborted(reason, detail));
  }

  /** `unanswered` is the reason for operations that have no final response and will get none. */
  #over(unanswered: ReasonCode, recordEnd: (record: AssociationRecord) => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.dispose();
    this.#response.dispose();
    this.#release.dispose();
    this.#endurance?.dispose();
    const { record, pace } = this.#options;
    pace?.end();
    for (const { requested } of [this.#inbound, this.#upstream]) {
      for (const operation of requested) record.operationEnded(operation, undefined, unanswered);
    }
    recordEnd(record);
    this.#options.ended();
  }
}

/**
 * Joins the association of a modality with the one at the upstream: two directions, the timers between them,
 * and an end on one side that is always an end on the other.
 */

import { Deadline } from '../association/deadline';
import type { Leg } from '../association/leg';
import type { LegFailure, LegOwner } from '../association/legOwner';
import type { AcceptedContexts } from '../association/negotiation';
import { ProtocolError } from '../association/protocolError';
import type { Limits, Timeouts } from '../config/schema';
import type { CommandSet } from '../dimse/commandSet';
import { CommandField } from '../dimse/commands';
import { AbortSource } from '../pdu/types';
import type { Decision, ReasonCode } from '../policy/reasons';
import type { AssociationRecord } from './associationRecord';
import { Direction } from './direction';

export interface RelayOptions {
  readonly modality: Leg;
  readonly upstream: Leg;
  readonly contexts: AcceptedContexts;
  readonly record: AssociationRecord;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  /** Gate 4 for a request, whichever side sends it. */
  decideCommand(request: CommandSet): Decision;
  /** The association is over, whatever became of it; the sockets close by themselves. Once. */
  ended(): void;
}

const providerAbort = { source: AbortSource.ServiceProvider, reason: 0 } as const;

export class Relay {
  readonly #options: RelayOptions;
  readonly #fromModality: Direction;
  readonly #fromUpstream: Direction;
  readonly #idle = new Deadline(() => this.abort('idle-timeout'));
  readonly #response = new Deadline(() => this.abort('response-timeout'));
  readonly #release = new Deadline(() => this.#releaseTimedOut());
  #isReleasing = false;
  #isOver = false;

  constructor(options: RelayOptions) {
    const { modality, upstream, contexts, record, limits } = options;
    this.#options = options;
    const { maxCommandSetBytes } = limits;
    const progressed = () => this.#progressed();
    this.#fromModality = new Direction({
      from: modality,
      to: upstream,
      contexts,
      maxCommandSetBytes,
      record,
      decide: (request) => options.decideCommand(request),
      progressed,
    });
    this.#fromUpstream = new Direction({
      from: upstream,
      to: modality,
      contexts,
      maxCommandSetBytes,
      record,
      decide: (request) => this.#decideUpstream(request),
      progressed,
    });
    Direction.join(this.#fromModality, this.#fromUpstream);
    modality.owner = new RelayedLeg(this, this.#fromModality, this.#fromUpstream, upstream);
    upstream.owner = new RelayedLeg(this, this.#fromUpstream, this.#fromModality, modality);
    this.touched();
  }

  /** Whether it has ended, whatever is still to be written. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends both associations: a timeout, the gateway stops, or a reload no longer allows them. */
  abort(reason: ReasonCode, detail?: string): void {
    this.#options.modality.abortAssociation(providerAbort);
    this.#options.upstream.abortAssociation(providerAbort);
    this.#aborted(reason, detail);
  }

  /**
   * The upstream asks on its own only for what the modality began: C-STORE for a C-GET under way
   * (PS3.4 §C.4.3), and reports that the modality's permissions cover.
   */
  #decideUpstream(request: CommandSet): Decision {
    if (
      request.CommandField === CommandField.CStoreRq &&
      this.#fromModality.requested.has(CommandField.CGetRq)
    ) {
      return { allowed: true };
    }
    if (request.CommandField === CommandField.NEventReportRq) return this.#options.decideCommand(request);
    throw new ProtocolError(
      'state-request-unexpected',
      `the upstream sent a request with command field 0x${request.CommandField.toString(16).padStart(4, '0')}`,
    );
  }

  // Timers.

  get #hasOutstanding(): boolean {
    return this.#fromModality.requested.size > 0 || this.#fromUpstream.requested.size > 0;
  }

  /** Whether all that was asked was sent, and the other side has not begun to answer. */
  get #awaitsAnswer(): boolean {
    return (
      this.#hasOutstanding &&
      !this.#fromModality.flow.isInsideMessage &&
      !this.#fromUpstream.flow.isInsideMessage
    );
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

  #progressed(): void {
    if (this.#isOver) return;
    if (this.#hasOutstanding) {
      this.#startResponse();
      return;
    }
    this.#response.stop();
    if (this.#isReleasing) this.#release.start(this.#options.timeouts.releaseSeconds * 1000);
  }

  #startResponse(): void {
    const { responseSeconds, retrieveResponseSeconds } = this.#options.timeouts;
    const { isRetrieving } = this.#fromModality.requested;
    this.#response.start((isRetrieving ? retrieveResponseSeconds : responseSeconds) * 1000);
  }

  // Release (PS3.8 §7.2). Only the modality, as requestor of the whole, may ask for it (PS3.7 §A.5).

  /** `from` is the direction of the side that asks. */
  releaseRequested(from: Direction): void {
    if (from === this.#fromUpstream) {
      this.#upstreamReleased();
      return;
    }
    if (this.#fromModality.flow.isInsideMessage) {
      throw new ProtocolError('state-release-in-message', 'A-RELEASE-RQ inside a message');
    }
    this.#isReleasing = true;
    this.#options.upstream.requestRelease();
    // Answers that are still due come before the release is answered; their deadline counts until then.
    if (!this.#hasOutstanding) this.#progressed();
  }

  // A release must not end a message that has come in part only: the modality could take it for the whole.

  releaseConfirmed(): void {
    if (this.#fromUpstream.flow.isInsideMessage) {
      this.#options.modality.abortAssociation(providerAbort);
      this.#aborted('state-release-in-message', 'the upstream confirmed the release inside a message');
      return;
    }
    this.#options.modality.confirmRelease();
    this.#over('response-timeout', (record) => record.released());
  }

  /** The modality's work is done and answered: it gets its release, the upstream an abort. */
  #releaseTimedOut(): void {
    if (this.#fromUpstream.flow.isInsideMessage) {
      this.abort('release-timeout');
      return;
    }
    this.#options.modality.confirmRelease();
    this.#options.upstream.abortAssociation(providerAbort);
    this.#over('release-timeout', (record) => record.released('release-timeout'));
  }

  #upstreamReleased(): void {
    this.#options.upstream.confirmRelease();
    this.#options.modality.abortAssociation(providerAbort);
    this.#aborted('upstream-released');
  }

  // Ends.

  /** `other` is the leg that has not failed. */
  legFailed(other: Leg, failure: LegFailure): void {
    other.abortAssociation(failure.abort ?? providerAbort);
    this.#aborted(failure.reason, failure.detail);
  }

  #aborted(reason: ReasonCode, detail?: string): void {
    this.#over(reason, (record) => record.aborted(reason, detail));
  }

  /** `unanswered` is what is told of operations that have no final response and will get none. */
  #over(unanswered: ReasonCode, tell: (record: AssociationRecord) => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.dispose();
    this.#response.dispose();
    this.#release.dispose();
    const { record } = this.#options;
    for (const { requested } of [this.#fromModality, this.#fromUpstream]) {
      for (const operation of requested) record.operationEnded(operation, undefined, unanswered);
    }
    tell(record);
    this.#options.ended();
  }
}

/** What one leg tells: its messages are those of its direction, all else concerns both. */
class RelayedLeg implements LegOwner {
  constructor(
    private readonly relay: Relay,
    private readonly direction: Direction,
    private readonly opposite: Direction,
    private readonly other: Leg,
  ) {}

  pdvStart(contextId: number, messageControlHeader: number): void {
    this.direction.flow.pdvStart(contextId, messageControlHeader);
  }

  fragment(bytes: Buffer): void {
    this.direction.flow.fragment(bytes);
  }

  pdvEnd(): void {
    this.direction.flow.pdvEnd();
  }

  get awaitsMore(): boolean {
    return this.direction.flow.isInsideMessage || this.opposite.requested.size > 0;
  }

  active(): void {
    this.relay.touched();
  }

  // What waits to be written to this leg comes from the other one. Each leg's reading is paused for the other's writing
  // only, so that answers and aborts still pass the opposite way.

  congested(): void {
    this.other.pause();
  }

  drained(): void {
    this.other.resume();
    this.direction.senderDrained();
  }

  releaseRequested(): void {
    this.relay.releaseRequested(this.direction);
  }

  releaseConfirmed(): void {
    this.relay.releaseConfirmed();
  }

  failed(failure: LegFailure): void {
    this.relay.legFailed(this.other, failure);
  }
}

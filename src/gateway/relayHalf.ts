/**
 * The half of a relay that belongs to one leg: what its peer sends, forwarded or refused. Keeps the operations that the
 * peer requested and the answers of our own that wait for it. Leaves what concerns both legs to the relay.
 */
import type { Leg } from '../association/leg';
import type { LegFailure, RelayedLegOwner } from '../association/legOwner';
import { MessageFlow, type MessageReceiver, type Verdict } from '../association/messageFlow';
import type { CommandSet } from '../dimse/commandSet';
import type { RefusedRequestError } from '../dimse/commandSetError';
import { CommandField, isPendingStatus, isResponse } from '../dimse/commands';
import { encodeCommandSet } from '../dimse/encodeCommandSet';
import { type DataSetChecks, storedDataSet } from '../policy/dataSetChecks';
import { reasons } from '../policy/reasons';
import type { CommandPace } from './commandPace';
import {
  contextOfAnswer,
  lastAnswer,
  type Operation,
  OutstandingOperations,
  type Passing,
  type Refused,
} from './operations';
import { OwnReplies } from './ownReplies';
import type { Relay, RelayOptions } from './relay';
import type { AnswerHalf } from './repeatedAnswers';

export class RelayHalf implements RelayedLegOwner, MessageReceiver, AnswerHalf {
  readonly leg: Leg;
  /** Requests of this peer, answered by the other one. */
  readonly requested = new OutstandingOperations();
  readonly #relay: Relay;
  readonly #options: RelayOptions;
  readonly #pace: CommandPace | undefined;
  readonly #dataSetChecks: DataSetChecks | undefined;
  readonly #flow: MessageFlow;
  #opposite!: RelayHalf;
  #passing: Passing = { kind: 'cancel' };
  #passingContextId = 0;
  #outContextId = 0;
  /** The gateway's own answers to this peer. */
  readonly #replies: OwnReplies;

  constructor(relay: Relay, leg: Leg, options: RelayOptions, dataSetChecks: DataSetChecks | undefined) {
    this.#relay = relay;
    this.leg = leg;
    this.#options = options;
    this.#pace = leg === options.inbound ? options.pace : undefined;
    this.#replies = new OwnReplies(leg, () => this.#opposite.#flow.isInsideForwardedMessage);
    this.#dataSetChecks = dataSetChecks;
    const contexts = leg === options.inbound ? options.inboundContexts : options.contexts;
    const receiver = options.record.tapOf(this, contexts, leg === options.upstream) ?? this;
    this.#flow = new MessageFlow(receiver, contexts, options.limits.maxCommandSetBytes);
  }

  /** From now on each half forwards to the leg of the other one. */
  static join(one: RelayHalf, other: RelayHalf): void {
    one.#opposite = other;
    other.#opposite = one;
    one.leg.relay(one, one.#flow);
    other.leg.relay(other, other.#flow);
  }

  get maxPduLength(): number {
    return this.#options.limits.maxPduLengthBytes;
  }

  /** Whether the peer has begun a message and not ended it. */
  get isInsideMessage(): boolean {
    return this.#flow.isInsideMessage;
  }

  /** Data set bytes of what the peer asked for and is not answered, and of the message that it is sending. */
  get bytesInProgress(): number {
    let bytes = this.#flow.isInsideForwardedMessage ? this.#flow.dataSetBytes : 0;
    for (const operation of this.requested) bytes += operation.bytes;
    return bytes;
  }

  // MessageReceiver: what the peer sends.

  command(contextId: number, command: CommandSet): Verdict {
    if (!isResponse(command.CommandField)) this.#pace?.commandCame();
    this.leg.expected = undefined;
    this.#passingContextId = contextId;
    const passing = this.#judge(contextId, command);
    this.#passing = passing;
    this.#outContextId = contextId;
    if (passing.kind === 'refused') return 'drop';
    if (passing.kind === 'undecided') return 'look';
    if (passing.kind === 'cancel') {
      const cancelled = this.requested.of(command.MessageIDBeingRespondedTo);
      // A cancel for what is not outstanding has no response and no effect (PS3.7 §9.3.2.3): it is dropped.
      if (cancelled === undefined) return 'drop';
      this.#outContextId = cancelled.contextId;
    } else if (passing.operation.contextId !== contextId) {
      const { contexts } = this.#options;
      this.#outContextId = contextOfAnswer(contexts, passing.operation.contextId, contextId, command);
    }
    return this.#forward(command);
  }

  #forward(command: CommandSet): Verdict {
    const passing = this.#passing;
    const { out } = this.#opposite.leg;
    const contextId = this.#outContextId;
    if (passing.kind !== 'response') out.commandSet(contextId, encodeCommandSet(command));
    else lastAnswer(passing.operation, command).passOn(this, out, this.#passingContextId, contextId);
    return 'forward';
  }

  look(bytes: Buffer, isWhole: boolean): Verdict {
    const passing = this.#passing;
    if (passing.kind !== 'undecided') return 'drop';
    const { request, wouldDeny } = passing;
    const decision = passing.dataSet.decide(bytes, isWhole);
    if (decision === undefined) return 'look';
    if (!decision.allowed) {
      this.#passing = { kind: 'refused', request, ...decision };
      return 'drop';
    }
    const reason = wouldDeny ?? decision.wouldDeny;
    const operation = this.requested.begin(this.#passingContextId, request, reason, decision.detail);
    this.#passing = { kind: 'request', operation };
    return this.#forward(request);
  }

  refusedRequest(contextId: number, { request, code, message }: RefusedRequestError): void {
    this.#pace?.commandCame();
    this.leg.expected = undefined;
    this.#passingContextId = contextId;
    this.#passing = { kind: 'refused', request, reason: code, detail: message };
  }

  dataSetFragment(_contextId: number, bytes: Buffer): void {
    this.#opposite.leg.out.fragment(this.#outContextId, bytes);
  }

  dataSetEnd(_contextId: number): void {
    this.#opposite.leg.out.dataSetEnd(this.#outContextId);
  }

  messageEnd(dataSetBytes: number): void {
    const passing = this.#passing;
    if (passing.kind === 'refused') this.#refuse(passing, dataSetBytes);
    else if (passing.kind === 'request' || passing.kind === 'response') {
      passing.operation.bytes += dataSetBytes;
      if (dataSetBytes % 2 !== 0) passing.operation.hasOddDataSet = true;
      if (passing.kind === 'response') this.#answered(passing.operation, passing.response);
      this.#relay.progressed();
    }
    this.#opposite.#replies.send();
    this.leg.served();
    this.#opposite.leg.served();
  }

  /** A final response is recorded before it is written. Where it no longer can be, its operation is not over. */
  #answered(operation: Operation, response: CommandSet): void {
    const status = response.Status ?? 0;
    if (isPendingStatus(status) || !this.#opposite.leg.out.isOpen) return;
    if (!this.#opposite.requested.end(operation, status)) return;
    this.#options.record.operationEnded(operation, response);
    this.#options.record.hold(this.#opposite.leg.in, 'allowed');
    this.#opposite.leg.out.flush();
  }

  #judge(contextId: number, command: CommandSet): Passing {
    if (isResponse(command.CommandField)) {
      const operation = this.#opposite.requested.answered(contextId, command);
      return { kind: 'response', operation, response: command };
    }
    if (command.CommandField === CommandField.CCancelRq) return { kind: 'cancel' };
    const decision = this.#relay.decide(this, contextId, command);
    if (!decision.allowed) return { kind: 'refused', request: command, reason: decision.reason };
    const { wouldDeny } = decision;
    const syntax = this.#options.contexts.get(contextId)?.transferSyntax;
    const dataSet = storedDataSet(this.#dataSetChecks, command, syntax);
    if (dataSet !== undefined) return { kind: 'undecided', request: command, wouldDeny, dataSet };
    return { kind: 'request', operation: this.requested.begin(contextId, command, wouldDeny) };
  }

  /**
   * Answers a refused request once its data set is drained: half-duplex senders write everything before they read. The
   * text is the same for every refusal, so that nobody learns what the allowlist holds.
   */
  #refuse({ request, reason, detail, status: own }: Refused, dataSetBytes: number): void {
    // Nothing answers a cancel (PS3.7 §9.3.2.3): one that names no operation is only noted.
    if (request.CommandField === CommandField.CCancelRq) {
      this.#options.record.commandRefused(request, reason, undefined, dataSetBytes, detail);
      return;
    }
    const { wire } = reasons[reason];
    const status = own ?? (wire.kind === 'status' ? wire.status : 0x0110);
    this.#replies.refuse(this.#passingContextId, request, status);
    this.#options.record.commandRefused(request, reason, status, dataSetBytes, detail);
    this.#pace?.answerQueued();
    this.#options.record.hold(this.leg.in, 'denied');
    this.#replies.send();
  }

  // RelayedLegOwner: what else happens on the leg.

  get awaitsMore(): boolean {
    return this.isInsideMessage || this.#opposite.requested.size > 0;
  }

  get awaitsDataSet(): boolean {
    return this.#flow.awaitsDataSet;
  }

  /** Not where the other side waits for an answer of this peer, which can no longer come. */
  get isPeerOwed(): boolean {
    const isDue = this.requested.size > 0 || this.#replies.areWaiting;
    return isDue && !this.isInsideMessage && this.#opposite.requested.size === 0;
  }

  active(): void {
    this.#relay.touched();
  }

  // What waits to be written to this leg comes from the other one. Each leg's reading is paused for the other's writing
  // only, so that answers and aborts still pass the opposite way.

  congested(): void {
    this.#opposite.leg.in.pause();
  }

  drained(): void {
    this.#opposite.leg.in.resume();
    this.#replies.drained();
  }

  written(): void {
    if (!this.#replies.areWaiting) this.#pace?.answersWritten();
  }

  releaseRequested(): void {
    this.#relay.releaseRequested(this);
  }

  releaseConfirmed(): void {
    this.#relay.releaseConfirmed();
  }

  failed(failure: LegFailure): void {
    this.#relay.legFailed(this, failure);
  }
}

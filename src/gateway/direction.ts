/**
 * One direction of a relayed association: what one side sends to the other. Keeps the operations that the
 * sending side requested, forwards what is allowed, and answers to the sender what is refused.
 */

import type { Leg } from '../association/leg';
import { MessageFlow, type MessageReceiver } from '../association/messageFlow';
import type { AcceptedContexts } from '../association/negotiation';
import type { CommandSet } from '../dimse/commandSet';
import { CommandField, isPendingStatus, isResponse } from '../dimse/commands';
import { encodeCommandSet } from '../dimse/encodeCommandSet';
import { refusalResponse } from '../dimse/refusal';
import { isDeflated } from '../dimse/transferSyntaxes';
import { type Decision, type ReasonCode, reasons } from '../policy/reasons';
import type { AssociationRecord } from './associationRecord';
import { type Operation, OutstandingOperations } from './operations';

export interface DirectionOptions {
  readonly from: Leg;
  readonly to: Leg;
  readonly contexts: AcceptedContexts;
  readonly maxCommandSetBytes: number;
  readonly record: AssociationRecord;
  /** Gate 4 for requests of this direction. May throw ProtocolError. */
  decide(request: CommandSet): Decision;
  /** The outstanding operations changed, or one of them made progress. */
  progressed(): void;
}

/**
 * Own answers that wait while a message of the other side goes out; with more the sender is not read, or it could
 * fill the memory with refusals during one slow message.
 */
const MAX_WAITING_REPLIES = 16;

/** What becomes of the message that is passing. */
type Passing =
  | { readonly kind: 'request'; readonly operation: Operation }
  | { readonly kind: 'response'; readonly operation: Operation; readonly response: CommandSet }
  | { readonly kind: 'refused'; readonly request: CommandSet; readonly reason: ReasonCode }
  | { readonly kind: 'cancel' };

export class Direction implements MessageReceiver {
  readonly flow: MessageFlow;
  /** Requests of the sending side, answered in the opposite direction. */
  readonly requested = new OutstandingOperations();
  readonly #options: DirectionOptions;
  #opposite!: Direction;
  #passing: Passing = { kind: 'cancel' };
  #passingContextId = 0;
  /** Own answers to the sender, waiting for the end of a message towards it. */
  #replies: { readonly contextId: number; readonly commandSet: Buffer }[] = [];
  #isPausedForReplies = false;

  constructor(options: DirectionOptions) {
    this.#options = options;
    this.flow = new MessageFlow(this, options.contexts, options.maxCommandSetBytes);
  }

  /** Makes two directions the two halves of one association. */
  static join(one: Direction, other: Direction): void {
    one.#opposite = other;
    other.#opposite = one;
  }

  command(contextId: number, command: CommandSet): boolean {
    this.#passingContextId = contextId;
    this.#passing = this.#judge(contextId, command);
    if (this.#passing.kind === 'refused') return false;
    // A cancel for what is not outstanding has no response and no effect (PS3.7 §9.3.2.3): it is dropped.
    if (
      this.#passing.kind === 'cancel' &&
      !this.requested.isCancellable(contextId, command.MessageIDBeingRespondedTo)
    ) {
      return false;
    }
    this.#options.to.sendCommandSet(contextId, encodeCommandSet(command));
    return true;
  }

  dataSetFragment(contextId: number, bytes: Buffer): void {
    this.#options.to.sendFragment(contextId, bytes);
  }

  dataSetEnd(contextId: number): void {
    const transferSyntax = this.#options.contexts.get(contextId)?.transferSyntax ?? '';
    this.#options.to.endDataSet(contextId, isDeflated(transferSyntax));
  }

  messageEnd(dataSetBytes: number): void {
    const passing = this.#passing;
    if (passing.kind === 'refused') this.#refuse(passing.request, passing.reason, dataSetBytes);
    else if (passing.kind !== 'cancel') {
      passing.operation.bytes += dataSetBytes;
      if (passing.kind === 'response' && !isPendingStatus(passing.response.Status ?? 0)) {
        this.#opposite.requested.end(passing.operation);
        this.#options.record.operationEnded(passing.operation, passing.response);
      }
      this.#options.progressed();
    }
    this.#opposite.#sendReplies();
  }

  /** The sender takes bytes again. */
  senderDrained(): void {
    if (this.#isPausedForReplies) this.#pauseForReplies();
  }

  #judge(contextId: number, command: CommandSet): Passing {
    if (isResponse(command.CommandField)) {
      const operation = this.#opposite.requested.answered(contextId, command);
      return { kind: 'response', operation, response: command };
    }
    if (command.CommandField === CommandField.CCancelRq) return { kind: 'cancel' };
    const decision = this.#options.decide(command);
    if (!decision.allowed) return { kind: 'refused', request: command, reason: decision.reason };
    return { kind: 'request', operation: this.requested.begin(contextId, command, decision.wouldDeny) };
  }

  /**
   * Answers a refused request once its data set is drained: half-duplex senders write everything before they
   * read. The text is the same for every refusal, so that nobody learns what the allowlist holds.
   */
  #refuse(request: CommandSet, reason: ReasonCode, dataSetBytes: number): void {
    const { wire } = reasons[reason];
    const status = wire.kind === 'status' ? wire.status : 0x0110;
    const commandSet = encodeCommandSet(refusalResponse(request, status, 'refused by the gateway'));
    this.#replies.push({ contextId: this.#passingContextId, commandSet });
    this.#options.record.commandRefused(request, reason, status, dataSetBytes);
    this.#sendReplies();
  }

  /** Writes own answers, never between the fragments of a message from the other side. */
  #sendReplies(): void {
    if (this.#replies.length === 0) return;
    if (!this.#opposite.flow.isInsideForwardedMessage) {
      const { from } = this.#options;
      for (const { contextId, commandSet } of this.#replies) from.sendCommandSet(contextId, commandSet);
      this.#replies = [];
    }
    this.#pauseForReplies();
  }

  /** A sender that asks without reading the answers, or faster than they can go out, is not read meanwhile. */
  #pauseForReplies(): void {
    const { from } = this.#options;
    const mustPause = from.isCongested || this.#replies.length >= MAX_WAITING_REPLIES;
    if (mustPause === this.#isPausedForReplies) return;
    this.#isPausedForReplies = mustPause;
    if (mustPause) from.pause();
    else from.resume();
  }
}

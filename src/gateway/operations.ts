/**
 * The operations of one requestor on one association: requests that were forwarded and are not answered yet.
 * Each half of a relay has its own, because message IDs of the two sides are independent (PS3.7 §A.4).
 */

import type { AcceptedContexts } from '../association/negotiation';
import { ProtocolError } from '../association/protocolError';
import type { CommandSet } from '../dimse/commandSet';
import { CommandField, hasDataSet, RESPONSE_BIT, statusClass } from '../dimse/commands';
import type { StoredDataSet } from '../policy/dataSetChecks';
import type { ReasonCode } from '../policy/reasons';
import type { Disclosure } from './dataSetTap';
import { LastAnswer } from './repeatedAnswers';

/**
 * Asynchronous operations are negotiated away, so one is the rule (PS3.7 §D.3.3.3.1). A few more are let
 * through for peers that send the next request before they read the answer to the last one.
 */
const MAX_OUTSTANDING = 32;

export interface Operation {
  readonly contextId: number;
  readonly request: CommandSet;
  readonly startedMs: number;
  /** Data set bytes of the request and of its responses so far. */
  bytes: number;
  /** One of these data sets had an odd number of bytes, and was passed on with one NUL more. */
  hasOddDataSet?: true;
  /** Why it would have been refused, where that is only observed. */
  readonly wouldDeny: ReasonCode | undefined;
  /** What was seen of its data set, for the log. */
  readonly detail: string | undefined;
  /** As that of all operations of its half. */
  readonly requestor: 'upstream' | undefined;
  lastAnswer?: LastAnswer;
  /** For DICOM audit messages, never for the log; left out where there are none. */
  disclosed?: Pick<Disclosure, 'isFromUpstream' | 'facts'>;
}

/** What becomes of the message that is passing. */
export type Passing =
  | { readonly kind: 'request'; readonly operation: Operation }
  | { readonly kind: 'response'; readonly operation: Operation; readonly response: CommandSet }
  | {
      readonly kind: 'refused';
      readonly request: CommandSet;
      readonly reason: ReasonCode;
      readonly detail?: string;
      /** In place of that of the reason. */
      readonly status?: number;
    }
  | { readonly kind: 'cancel' }
  /** Its data set decides. */
  | {
      readonly kind: 'undecided';
      readonly request: CommandSet;
      readonly wouldDeny: ReasonCode | undefined;
      readonly dataSet: StoredDataSet;
    };

/** One and the same command set, as its reader gives for equal bytes, is encoded once. */
export function lastAnswer(operation: Operation, answer: CommandSet): LastAnswer {
  if (operation.lastAnswer?.command !== answer) operation.lastAnswer = new LastAnswer(answer);
  return operation.lastAnswer;
}

/**
 * A response goes out on the context of its request, on whichever it came. Its data set cannot where the two encode it
 * differently: then it stays on the context that says how to read it.
 */
export function contextOfAnswer(
  contexts: AcceptedContexts,
  ofRequest: number,
  ofResponse: number,
  command: CommandSet,
): number {
  const isReadAlike = contexts.get(ofRequest)?.transferSyntax === contexts.get(ofResponse)?.transferSyntax;
  return isReadAlike || !hasDataSet(command) || !contexts.has(ofResponse) ? ofRequest : ofResponse;
}

export type Refused = Extract<Passing, { kind: 'refused' }>;

/** Commands that have many responses. */
const MANY_RESPONSES: readonly number[] = [CommandField.CFindRq, CommandField.CGetRq, CommandField.CMoveRq];

export class OutstandingOperations {
  /** Set where the upstream requests, and not the peer that dialled us. */
  requestor: 'upstream' | undefined;
  readonly #byMessageId = new Map<number, Operation>();
  /**
   * The last operation whose response was a warning, such as B001 of a repository query: some archives send a final
   * success behind it. Only one, until its message ID is used again: more would be a memory that a peer fills.
   */
  #warned: Operation | undefined;

  get size(): number {
    return this.#byMessageId.size;
  }

  /** Throws ProtocolError where the message ID is in use or too many are outstanding. */
  begin(contextId: number, request: CommandSet, wouldDeny?: ReasonCode, detail?: string): Operation {
    const messageId = request.MessageID ?? 0;
    if (this.#byMessageId.has(messageId)) {
      throw new ProtocolError('state-message-id-in-use', `message ID ${messageId} is outstanding`);
    }
    if (this.#byMessageId.size >= MAX_OUTSTANDING) {
      throw new ProtocolError('state-operations-limit', `${MAX_OUTSTANDING} operations are outstanding`);
    }
    if (this.#warned?.request.MessageID === messageId) this.#warned = undefined;
    const startedMs = performance.now();
    const { requestor } = this;
    const operation: Operation = { contextId, request, startedMs, bytes: 0, wouldDeny, detail, requestor };
    this.#byMessageId.set(messageId, operation);
    return operation;
  }

  /**
   * The operation that this response answers; it stays as it is. Message ID and command name it, whatever the context:
   * some peers answer on another one that was accepted for the same class. Throws ProtocolError where there is none.
   */
  answered(contextId: number, response: CommandSet): Operation {
    const messageId = response.MessageIDBeingRespondedTo ?? -1;
    const operation = this.#byMessageId.get(messageId) ?? this.#warned;
    if (
      operation === undefined ||
      operation.request.MessageID !== messageId ||
      (operation.request.CommandField | RESPONSE_BIT) !== response.CommandField
    ) {
      throw new ProtocolError(
        'state-response-unexpected',
        `response ${messageId} on presentation context ${contextId} answers nothing`,
      );
    }
    return operation;
  }

  /** On whichever context it came; undefined where nothing is outstanding. */
  of(messageId: number | undefined): Operation | undefined {
    return this.#byMessageId.get(messageId ?? -1);
  }

  /** This status was the final one. False where the operation had ended before, with a warning. */
  end(operation: Operation, status: number): boolean {
    const mayGoOn =
      statusClass(status) === 'warning' && MANY_RESPONSES.includes(operation.request.CommandField);
    this.#warned = mayGoOn ? operation : undefined;
    return this.#byMessageId.delete(operation.request.MessageID ?? 0);
  }

  /** Whether a C-GET, or also a C-MOVE, is under way: they are answered after much work of the upstream. */
  get isRetrieving(): boolean {
    return this.has(CommandField.CGetRq) || this.has(CommandField.CMoveRq);
  }

  has(commandField: number): boolean {
    for (const operation of this.#byMessageId.values()) {
      if (operation.request.CommandField === commandField) return true;
    }
    return false;
  }

  [Symbol.iterator](): IterableIterator<Operation> {
    return this.#byMessageId.values();
  }
}

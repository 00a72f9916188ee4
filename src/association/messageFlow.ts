/**
 * Fragments to messages (PS3.8 Annex E), for one peer of an association. Collects the command set of a message, asks what
 * to do with it, and passes or drops the data set behind it as it comes. Holds no data set. Decides nothing.
 */

import { checkCommandSet } from '../dimse/checkCommandSet';
import { type CommandSet, decodeCommandSet } from '../dimse/commandSet';
import { CommandSetError, RefusedRequestError } from '../dimse/commandSetError';
import { hasDataSet } from '../dimse/commands';
import { MCH_COMMAND, MCH_LAST } from '../pdu/types';
import type { AcceptedContexts } from './negotiation';
import { ProtocolError } from './protocolError';

export interface MessageReceiver {
  /** A whole, well-formed command set. Returns whether the message is to be forwarded; if not, it is dropped. */
  command(contextId: number, command: CommandSet): boolean;
  /** A request that cannot be passed on: it is dropped, and wants an answer. Left out: it ends the association. */
  refusedRequest?(contextId: number, refusal: RefusedRequestError): void;
  /** Bytes of a data set that is forwarded. */
  dataSetFragment(contextId: number, bytes: Buffer): void;
  /** The end of a data set that is forwarded. */
  dataSetEnd(contextId: number): void;
  /** The message is over, forwarded or dropped. `dataSetBytes` came in its data set. */
  messageEnd(dataSetBytes: number): void;
}

const NOTHING = Buffer.alloc(0);
/** Most command sets are shorter; one that comes in many fragments grows by doubling. */
const FIRST_COMMAND_BYTES = 256;

type Phase = 'betweenMessages' | 'command' | 'dataSet';

export class MessageFlow {
  readonly #receiver: MessageReceiver;
  readonly #contexts: AcceptedContexts;
  readonly #maxCommandSetBytes: number;
  #phase: Phase = 'betweenMessages';
  #contextId = 0;
  #isLast = false;
  #isForwarding = false;
  /** The fragments of a command set so far are in its first `#commandBytes`. */
  #command: Buffer = NOTHING;
  #commandBytes = 0;
  #dataSetBytes = 0;

  constructor(receiver: MessageReceiver, contexts: AcceptedContexts, maxCommandSetBytes: number) {
    this.#receiver = receiver;
    this.#contexts = contexts;
    this.#maxCommandSetBytes = maxCommandSetBytes;
  }

  /** Whether a message has begun and is not over. */
  get isInsideMessage(): boolean {
    return this.#phase !== 'betweenMessages';
  }

  /** Whether a command announced a data set of which nothing has come. */
  get awaitsDataSet(): boolean {
    return this.#phase === 'dataSet' && this.#dataSetBytes === 0;
  }

  /** Bytes of the data set that is passing, so far. */
  get dataSetBytes(): number {
    return this.#dataSetBytes;
  }

  /** Whether part of a forwarded message has gone out, so that nothing else may go out before its end. */
  get isInsideForwardedMessage(): boolean {
    return this.#phase === 'dataSet' && this.#isForwarding;
  }

  pdvStart(contextId: number, messageControlHeader: number): void {
    const isCommand = (messageControlHeader & MCH_COMMAND) !== 0;
    this.#isLast = (messageControlHeader & MCH_LAST) !== 0;
    if (this.#phase === 'betweenMessages') {
      if (!this.#contexts.has(contextId)) {
        throw new ProtocolError(
          'pdu-presentation-context-invalid',
          `presentation context ${contextId} was not accepted`,
        );
      }
      if (!isCommand) throw new ProtocolError('pdu-pdv-order', 'a data set came without a command before it');
      this.#phase = 'command';
      this.#contextId = contextId;
      return;
    }
    // All fragments of a message are on one context, command first (PS3.8 §E.1): the kind is checked for
    // every fragment, so that no command can pass as part of a data set.
    if (contextId !== this.#contextId) {
      throw new ProtocolError(
        'pdu-pdv-order',
        `a fragment on presentation context ${contextId} inside a message on ${this.#contextId}`,
      );
    }
    if (isCommand !== (this.#phase === 'command')) {
      throw new ProtocolError(
        'pdu-pdv-order',
        isCommand ? 'a command fragment inside a data set' : 'a data set fragment inside a command',
      );
    }
  }

  fragment(bytes: Buffer): void {
    if (this.#phase === 'dataSet') {
      this.#dataSetBytes += bytes.length;
      if (this.#isForwarding) this.#receiver.dataSetFragment(this.#contextId, bytes);
      return;
    }
    if (this.#commandBytes + bytes.length > this.#maxCommandSetBytes) {
      throw new CommandSetError(
        'command-set-too-long',
        `a command set of more than ${this.#maxCommandSetBytes} bytes`,
      );
    }
    this.#addToCommand(bytes);
  }

  /** Copied, because what was read is only lent. */
  #addToCommand(bytes: Buffer): void {
    const end = this.#commandBytes + bytes.length;
    if (end > this.#command.length) {
      const grown = Buffer.allocUnsafe(
        Math.min(Math.max(2 * end, FIRST_COMMAND_BYTES), this.#maxCommandSetBytes),
      );
      this.#command.copy(grown, 0, 0, this.#commandBytes);
      this.#command = grown;
    }
    bytes.copy(this.#command, this.#commandBytes);
    this.#commandBytes = end;
  }

  pdvEnd(): void {
    if (!this.#isLast) return;
    if (this.#phase === 'dataSet') {
      if (this.#isForwarding) this.#receiver.dataSetEnd(this.#contextId);
      this.#end();
      return;
    }
    const bytes = this.#command.subarray(0, this.#commandBytes);
    this.#command = NOTHING;
    this.#commandBytes = 0;
    const command = this.#decode(bytes);
    this.#phase = 'dataSet';
    if (!hasDataSet(command)) this.#end();
  }

  /** Decodes and checks the command set, and asks what becomes of it. */
  #decode(bytes: Buffer): CommandSet {
    try {
      const command = decodeCommandSet(bytes);
      checkCommandSet(command, this.#contexts.get(this.#contextId)?.abstractSyntax ?? '');
      this.#isForwarding = this.#receiver.command(this.#contextId, command);
      return command;
    } catch (error) {
      if (!(error instanceof RefusedRequestError) || this.#receiver.refusedRequest === undefined) throw error;
      this.#receiver.refusedRequest(this.#contextId, error);
      return error.request;
    }
  }

  #end(): void {
    const dataSetBytes = this.#dataSetBytes;
    this.#phase = 'betweenMessages';
    this.#isForwarding = false;
    this.#dataSetBytes = 0;
    this.#receiver.messageEnd(dataSetBytes);
  }
}

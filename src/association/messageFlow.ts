/**
 * Fragments to messages (PS3.8 Annex E), for one peer of an association. Collects the command set of a message, asks what
 * to do with it, and passes or drops the data set behind it as it comes. Holds no more of a data set than its beginning,
 * where the answer depends on that. Decides nothing.
 */

import type { CommandSet } from '../dimse/commandSet';
import { RefusedRequestError } from '../dimse/commandSetError';
import { hasDataSet } from '../dimse/commands';
import { MAX_START_BYTES } from '../dimse/dataSetStart';
import { MCH_COMMAND, MCH_LAST } from '../pdu/types';
import { CommandReader } from './commandReader';
import { GatheredBytes } from './gatheredBytes';
import type { AcceptedContexts } from './negotiation';
import { ProtocolError } from './protocolError';

/** What becomes of a message. `look`: its data set says, as far as it goes. */
export type Verdict = 'forward' | 'drop' | 'look';

export interface MessageReceiver {
  /** A whole, well-formed command set. `look` is only for a message with a data set. */
  command(contextId: number, command: CommandSet): Verdict;
  /**
   * After `look`: the data set so far. `isWhole` or MAX_START_BYTES of it are the last chance to say something else. What
   * is to be forwarded comes again, as fragments.
   */
  look?(bytes: Buffer, isWhole: boolean): Verdict;
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

type Phase = 'betweenMessages' | 'command' | 'dataSet';

export class MessageFlow {
  readonly #receiver: MessageReceiver;
  readonly #contexts: AcceptedContexts;
  #phase: Phase = 'betweenMessages';
  #contextId = 0;
  #isLast = false;
  #verdict: Verdict = 'drop';
  readonly #command: CommandReader;
  #pdvBytes = 0;
  /** The beginning of a data set that is looked into, where it came in pieces. */
  #start: GatheredBytes | undefined;
  #dataSetBytes = 0;

  constructor(receiver: MessageReceiver, contexts: AcceptedContexts, maxCommandSetBytes: number) {
    this.#receiver = receiver;
    this.#contexts = contexts;
    this.#command = new CommandReader(maxCommandSetBytes);
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
    return this.#phase === 'dataSet' && this.#verdict === 'forward';
  }

  pdvStart(contextId: number, messageControlHeader: number, fragmentBytes: number): void {
    this.#pdvBytes = fragmentBytes;
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
      if (this.#verdict === 'forward') this.#receiver.dataSetFragment(this.#contextId, bytes);
      else if (this.#verdict === 'look') this.#look(bytes);
      return;
    }
    this.#command.add(bytes, this.#isLast && bytes.length === this.#pdvBytes);
  }

  /** What is enough by itself is not copied. */
  #look(bytes: Buffer): void {
    if (this.#start === undefined) {
      this.#decide(bytes, false);
      if (this.#verdict !== 'look') return;
      this.#start = new GatheredBytes(MAX_START_BYTES);
      this.#start.add(bytes);
      return;
    }
    const added = this.#start.add(bytes);
    this.#decide(this.#start.view, false);
    if (this.#verdict === 'forward' && added < bytes.length) {
      this.#receiver.dataSetFragment(this.#contextId, bytes.subarray(added));
    }
  }

  #decide(start: Buffer, isWhole: boolean): void {
    this.#verdict = this.#receiver.look?.(start, isWhole) ?? 'drop';
    if (this.#verdict === 'look') return;
    this.#start = undefined;
    if (this.#verdict === 'forward' && start.length > 0) {
      this.#receiver.dataSetFragment(this.#contextId, start);
    }
  }

  pdvEnd(): void {
    if (!this.#isLast) return;
    if (this.#phase === 'dataSet') {
      if (this.#verdict === 'look') this.#decide(this.#start?.view ?? NOTHING, true);
      if (this.#verdict === 'forward') this.#receiver.dataSetEnd(this.#contextId);
      this.#end();
      return;
    }
    const command = this.#read();
    this.#phase = 'dataSet';
    if (!hasDataSet(command)) this.#end();
  }

  /** Asks what becomes of the command set. */
  #read(): CommandSet {
    try {
      const command = this.#command.read(this.#contexts.get(this.#contextId)?.abstractSyntax ?? '');
      this.#verdict = this.#receiver.command(this.#contextId, command);
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
    this.#verdict = 'drop';
    this.#start = undefined;
    this.#dataSetBytes = 0;
    this.#receiver.messageEnd(dataSetBytes);
  }
}

/**
 * One association on one socket: reads PDUs, writes PDUs, keeps the state of PS3.8 Table 9-10 and its timers.
 * The relay joins two legs. A leg knows nothing of policy, commands or the other leg.
 */
import type { Socket } from 'node:net';
import type { PduSink } from '../pdu/pduSink';
import { encodeAbort, encodeAssociateRj, encodeReleaseRp, encodeReleaseRq } from '../pdu/smallPdus';
import { type Abort, AbortSource, type AssociateRj, PduType } from '../pdu/types';
import { reasons } from '../policy/reasons';
import { Deadline } from './deadline';
import type { LegFailure, LegOptions, LegOwner } from './legOwner';
import { LegReader } from './legReader';
import { LegWriter } from './legWriter';
import { ProtocolError } from './protocolError';
import { type Action, type Event, type State, transition } from './states';

export class Leg implements PduSink {
  /** Who is told; handed from whoever negotiates to the relay. */
  owner: LegOwner;
  readonly #socket: Socket;
  readonly #options: LegOptions;
  readonly #reader: LegReader;
  readonly #writer: LegWriter;
  /** ARTIM (PS3.8 §9.1.5): in Sta2 until the request, in Sta13 until the peer closes. */
  readonly #artim = new Deadline(() => this.#artimExpired());
  #state: State;
  #hasFailed = false;
  #socketError = '';

  constructor(socket: Socket, owner: LegOwner, options: LegOptions) {
    this.#socket = socket;
    this.owner = owner;
    this.#options = options;
    const { timeouts, maxPduLength, quickAck, detectTls = false } = options;
    const readerOptions = { maxPduLength, detectTls, quickAck, pduMs: timeouts.pduSeconds * 1000 };
    this.#reader = new LegReader(socket, this, readerOptions, {
      active: () => this.owner.active(),
      awaitsMore: () => this.owner.awaitsMore,
      invalid: (error) => this.#protocolError(error),
      tlsDetected: () => this.#tlsDetected(),
      stalled: () => this.#stalled('a PDU did not become complete'),
    });
    this.#writer = new LegWriter(socket, timeouts.stallSeconds * 1000, {
      congested: () => this.owner.congested(),
      drained: () => this.owner.drained(),
      stalled: () => this.#stalled('the peer does not take its bytes'),
    });
    this.#state = 'idle';
    this.#enter(options.role === 'acceptor' ? 'connectionAccepted' : 'requestAssociation');
    socket.on('end', this.#onClosed);
    socket.on('error', this.#onError);
    socket.on('close', this.#onSocketClose);
    if (options.role === 'acceptor') this.#artim.start(options.timeouts.artimSeconds * 1000);
    else this.#enter('connected');
  }

  /** Whether more waits to be written than should be. */
  get isCongested(): boolean {
    return this.#writer.isCongested;
  }

  /** Whether the peer's request is to be answered with {@link accept} or {@link reject}. */
  get awaitsLocalAnswer(): boolean {
    return this.#state === 'awaitingLocalAccept';
  }

  /** Begins to read. */
  start(): void {
    this.#reader.start(this.#options.role === 'requestor');
  }

  /** Sends our A-ASSOCIATE-RQ; the leg was made in Sta5, awaiting the answer. */
  request(associateRq: Buffer): void {
    this.#writer.pdu(associateRq);
    this.start();
  }

  /** From now on fragments can be sent, no longer than the peer announced. Throws PduError. */
  negotiated(peerMaxPduLength: number): void {
    this.#writer.negotiated(peerMaxPduLength);
  }

  /** Answers the request with this A-ASSOCIATE-AC and goes on reading what the peer sent meanwhile. */
  accept(associateAc: Buffer): void {
    this.#enter('acceptAssociation');
    this.#writer.pdu(associateAc);
    this.#reader.release();
  }

  /** Answers the request with A-ASSOCIATE-RJ and waits for the peer to close. */
  reject(rj: AssociateRj): void {
    this.#enter('rejectAssociation');
    this.#writer.pdu(encodeAssociateRj(rj));
    this.#awaitClose();
  }

  /** Queues a whole command set. Ignored once the association is over. */
  sendCommandSet(contextId: number, commandSet: Buffer): void {
    if (this.#canSendData) this.#writer.commandSet(contextId, commandSet);
  }

  /** Queues bytes of a data set; the view is kept until written. */
  sendFragment(contextId: number, bytes: Buffer): void {
    if (this.#canSendData) this.#writer.fragment(contextId, bytes);
  }

  /** Ends the data set: its last fragment is marked Last (PS3.8 §E.2). */
  endDataSet(contextId: number, padOdd: boolean): void {
    if (this.#canSendData) this.#writer.dataSetEnd(contextId, padOdd);
  }

  requestRelease(): void {
    this.#writer.flush();
    this.#enter('requestRelease');
    this.#writer.pdu(encodeReleaseRq());
  }

  confirmRelease(): void {
    this.#writer.flush();
    this.#enter('confirmRelease');
    this.#writer.pdu(encodeReleaseRp());
    if (this.#state === 'awaitingClose') this.#awaitClose();
  }

  /**
   * Ends the association from our side. What is queued is dropped; what was written ends on a PDU boundary,
   * so the A-ABORT can be read. Does nothing where there is nothing left to abort.
   */
  abortAssociation(abort: Abort): void {
    this.#hasFailed = true;
    const found = transition(this.#options.role, this.#state, 'requestAbort');
    if (found === undefined) {
      if (this.#state === 'awaitingRequest') this.#socket.destroy();
      return;
    }
    this.#enter('requestAbort');
    this.#sendAbort(abort);
  }

  /** Closes without an answer. */
  destroy(): void {
    this.#hasFailed = true;
    this.#socket.destroy();
  }

  /** Stops reading; each call needs its own {@link resume}. */
  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }

  // PduSink: what the peer sent.

  associate(type: typeof PduType.AssociateRq | typeof PduType.AssociateAc, body: Buffer): void {
    const action = this.#received(type === PduType.AssociateRq ? 'associateRq' : 'associateAc');
    if (action === 'AE-6') {
      this.#artim.stop();
      // What an eager peer sends behind its request waits until the request is answered, unread.
      this.#reader.hold();
      this.owner.associateRq?.(body);
    } else if (action === 'AE-3') {
      this.owner.associateAc?.(body);
    }
  }

  associateRj(rj: AssociateRj): void {
    if (this.#received('associateRj') !== 'AE-4') return;
    this.#hasFailed = true;
    this.#close();
    this.owner.associateRj?.(rj);
  }

  pData(_length: number): void {
    if (this.#state !== 'established') this.#received('pData');
  }

  pdvStart(contextId: number, messageControlHeader: number): void {
    if (this.#takesData) this.owner.pdvStart(contextId, messageControlHeader);
  }

  fragment(bytes: Buffer): void {
    if (this.#takesData) this.owner.fragment(bytes);
  }

  pdvEnd(): void {
    if (this.#takesData) this.owner.pdvEnd();
  }

  releaseRq(): void {
    const action = this.#received('releaseRq');
    if (action === 'AR-2') this.owner.releaseRequested();
    // Both sides asked at once: we answer, and wait for our own answer (PS3.8 §7.2.2.7).
    else if (action === 'AR-8') this.confirmRelease();
  }

  releaseRp(): void {
    if (this.#received('releaseRp') !== 'AR-3') return;
    this.#hasFailed = true;
    this.#close();
    this.owner.releaseConfirmed();
  }

  abort(abort: Abort): void {
    // Before there is an association there is nobody to indicate it to, but somebody to tell.
    const wasRequested = this.#state !== 'awaitingRequest';
    const action = this.#received('abort');
    this.#socket.destroy();
    const reason = `${this.#options.peer}-aborted` as const;
    if (action === 'AA-3' || !wasRequested) this.#fail({ reason, abort });
  }

  // State.

  get #canSendData(): boolean {
    return this.#state === 'established' || this.#state === 'awaitingLocalRelease';
  }

  get #takesData(): boolean {
    return this.#state === 'established' || this.#state === 'awaitingReleaseResponse';
  }

  /** A local event, which the caller knows to be possible. */
  #enter(event: Event): void {
    const found = transition(this.#options.role, this.#state, event);
    if (found === undefined) throw new Error(`${event} in state ${this.#state}`);
    this.#state = found.next;
  }

  /** A PDU of the peer. Unexpected ones end the association and throw, so that nothing behind them is read. */
  #received(event: Event): Action | undefined {
    const found = transition(this.#options.role, this.#state, event);
    if (found === undefined) return undefined;
    if (found.action === 'AA-1' || found.action === 'AA-8') {
      throw new ProtocolError('state-pdu-unexpected', `${event} in state ${this.#state}`);
    }
    this.#state = found.next;
    if (found.action === 'AA-7')
      this.#writer.pdu(encodeAbort({ source: AbortSource.ServiceProvider, reason: 2 }));
    return found.action;
  }

  #fail(failure: LegFailure): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.owner.failed(failure);
  }

  #protocolError(error: ProtocolError): void {
    if (transition(this.#options.role, this.#state, 'invalidPdu') !== undefined) {
      this.#enter('invalidPdu');
      const wire = reasons[error.code].wire;
      this.#sendAbort({
        source: AbortSource.ServiceProvider,
        reason: wire.kind === 'abort' ? wire.reason : 0,
      });
    }
    this.#fail({ reason: error.code, detail: error.message });
  }

  #sendAbort(abort: Abort): void {
    this.#writer.drop();
    this.#writer.pdu(encodeAbort(abort));
    this.#awaitClose();
  }

  /** Sta13: the peer closes, or ARTIM does it. Reading goes on, or the close would not be seen. */
  #awaitClose(): void {
    this.#artim.start(this.#options.timeouts.closeSeconds * 1000);
    this.#reader.finish();
  }

  /** Orderly close of a requestor: FIN now, the rest when the peer has closed too, or ARTIM expires. */
  #close(): void {
    this.#socket.end();
    this.#artim.start(this.#options.timeouts.closeSeconds * 1000);
  }

  #artimExpired(): void {
    this.#socket.destroy();
    if (this.#state === 'awaitingRequest') this.#fail({ reason: 'artim-timeout' });
  }

  #tlsDetected(): void {
    this.#socket.destroy();
    this.#fail({ reason: 'tls-on-plain-port' });
  }

  #stalled(detail: string): void {
    const failure: LegFailure = { reason: 'stall-timeout', detail };
    const wasOver = this.#hasFailed;
    this.abortAssociation({ source: AbortSource.ServiceProvider, reason: 0 });
    if (!wasOver) this.owner.failed(failure);
  }

  // Socket.

  readonly #onError = ({ code = '' }: NodeJS.ErrnoException): void => {
    // A reset is a close without manners; 'close' follows.
    this.#socketError = code;
  };

  readonly #onClosed = (): void => {
    this.#socket.destroy();
    const found = transition(this.#options.role, this.#state, 'closed');
    if (found !== undefined) this.#state = found.next;
    const reason = `${this.#options.peer}-closed` as const;
    if (found?.action === 'AA-4' || found?.action === 'AA-5')
      this.#fail({ reason, socketError: this.#socketError });
  };

  readonly #onSocketClose = (): void => {
    this.#onClosed();
    this.#artim.dispose();
    this.#reader.dispose();
    this.#writer.dispose();
    this.#options.closed();
  };
}

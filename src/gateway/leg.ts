/**
 * One association on one socket: reads PDUs, writes PDUs, keeps the state of PS3.8 Table 9-10 and its timers.
 * The relay joins two legs. A leg knows nothing of policy, commands or the other leg.
 */
import type { Socket } from 'node:net';
import type { Timeouts } from '../config/schema';
import { looksLikeTls } from '../net/wrongProtocol';
import { PDataFramer } from '../pdu/framer';
import { PduReader, type PduSink } from '../pdu/reader';
import { encodeAbort, encodeAssociateRj, encodeReleaseRp, encodeReleaseRq } from '../pdu/smallPdus';
import { type Abort, AbortSource, type AssociateRj, PduType } from '../pdu/types';
import { type ReasonCode, reasons } from '../policy/reasons';
import { Deadline } from './deadline';
import { ProtocolError, protocolErrorOf } from './protocolError';
import { type Action, type Event, type Role, type State, transition } from './states';

/**
 * Fragments waiting in the framer are written at the end of the event loop's turn, many at a time; more than
 * this is written at once, so that a turn with many reads holds no more.
 */
const FLUSH_BYTES = 256 * 1024;
/** Bytes that the socket could not pass to the kernel: beyond this the other leg stops reading. */
const CONGESTION_BYTES = 128 * 1024;

/** Why an association on a leg ended other than by release or rejection. */
export interface LegFailure {
  readonly reason: ReasonCode;
  readonly detail?: string;
  /** The A-ABORT that the peer sent. */
  readonly abort?: Abort;
}

/** What a leg tells. Calls come from socket events; an exception ends this association alone. */
export interface LegOwner {
  /** The body of the PDU; the leg reads no further until it is answered. Acceptor only. */
  associateRq?(body: Buffer): void;
  /** Requestor only. */
  associateAc?(body: Buffer): void;
  /** Requestor only; the leg closes by itself. */
  associateRj?(rj: AssociateRj): void;
  pdvStart(contextId: number, messageControlHeader: number): void;
  fragment(bytes: Buffer): void;
  pdvEnd(): void;
  /** The peer sent A-RELEASE-RQ; answer with {@link Leg.confirmRelease}. */
  releaseRequested(): void;
  /** The peer answered our A-RELEASE-RQ. */
  releaseConfirmed(): void;
  /** Bytes of an association came in. */
  active(): void;
  /** More is waiting to be written than should be; stop feeding this leg until {@link drained}. */
  congested(): void;
  drained(): void;
  /** The association is over. At most once; the leg has already answered the peer and closes by itself. */
  failed(failure: LegFailure): void;
}

export interface LegOptions {
  readonly role: Role;
  readonly side: 'modality' | 'upstream';
  readonly timeouts: Timeouts;
  /** What this side announces in item 51H. */
  readonly maxPduLength: number;
  /** On a plain listener: a first byte that begins a TLS handshake is answered by a close, in words. */
  readonly detectTls?: boolean;
  /** The socket is closed. Exactly once, the last call. */
  closed(): void;
}

export class Leg implements PduSink {
  /** Who is told; handed from whoever negotiates to the relay. */
  owner: LegOwner;
  readonly #socket: Socket;
  readonly #options: LegOptions;
  readonly #reader: PduReader;
  readonly #flushList: Buffer[] = [];
  /** ARTIM (PS3.8 §9.1.5): in Sta2 until the request, in Sta13 until the peer closes. */
  readonly #artim = new Deadline(() => this.#artimExpired());
  readonly #pduDeadline = new Deadline(() => this.#stalled('a PDU did not become complete'));
  readonly #writeDeadline = new Deadline(() => this.#stalled('the peer does not take its bytes'));
  #framer: PDataFramer | undefined;
  #state: State;
  #hasReceived = false;
  #isDiscarding = false;
  #hasFailed = false;
  #isFlushScheduled = false;
  #isCongested = false;
  #unwrittenFlushes = 0;
  #pauses = 0;

  constructor(socket: Socket, owner: LegOwner, options: LegOptions) {
    this.#socket = socket;
    this.owner = owner;
    this.#options = options;
    this.#reader = new PduReader(this, { maxPduLength: options.maxPduLength });
    this.#state = 'idle';
    this.#enter(options.role === 'acceptor' ? 'connectionAccepted' : 'requestAssociation');
    socket.on('data', this.#onData);
    socket.on('end', this.#onClosed);
    socket.on('error', this.#onError);
    socket.on('close', this.#onSocketClose);
    socket.on('drain', this.#onDrain);
    if (options.role === 'acceptor') this.#artim.start(options.timeouts.artimSeconds * 1000);
    else this.#enter('connected');
  }

  /** Whether more waits to be written than should be. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Begins to read. */
  start(): void {
    this.#socket.resume();
  }

  /** Sends our A-ASSOCIATE-RQ; the leg was made in Sta5, awaiting the answer. */
  request(associateRq: Buffer): void {
    this.#write(associateRq);
    this.start();
  }

  /** From now on fragments can be sent, no longer than the peer announced. Throws PduError. */
  negotiated(peerMaxPduLength: number): void {
    this.#framer = new PDataFramer(peerMaxPduLength);
  }

  /** Answers the request with this A-ASSOCIATE-AC and goes on reading what the peer sent meanwhile. */
  accept(associateAc: Buffer): void {
    this.#enter('acceptAssociation');
    this.#write(associateAc);
    this.#resumeReader();
  }

  /** Answers the request with A-ASSOCIATE-RJ and waits for the peer to close. */
  reject(rj: AssociateRj): void {
    this.#enter('rejectAssociation');
    this.#write(encodeAssociateRj(rj));
    this.#awaitClose();
    this.#resumeReader();
  }

  /** Queues a whole command set. Ignored once the association is over. */
  sendCommandSet(contextId: number, commandSet: Buffer): void {
    if (!this.#canSendData) return;
    this.#framer?.command(contextId, commandSet);
    this.#scheduleFlush();
  }

  /** Queues bytes of a data set; the view is kept until written. */
  sendFragment(contextId: number, bytes: Buffer): void {
    if (!this.#canSendData || this.#framer === undefined) return;
    this.#framer.data(contextId, bytes);
    if (this.#framer.pendingBytes >= FLUSH_BYTES) this.#flush();
    else this.#scheduleFlush();
  }

  /** Ends the data set: its last fragment is marked Last (PS3.8 §E.2). */
  endDataSet(contextId: number, padOdd: boolean): void {
    if (!this.#canSendData) return;
    this.#framer?.dataEnd(contextId, padOdd);
    this.#scheduleFlush();
  }

  requestRelease(): void {
    this.#flush();
    this.#enter('requestRelease');
    this.#write(encodeReleaseRq());
  }

  confirmRelease(): void {
    this.#flush();
    this.#enter('confirmRelease');
    this.#write(encodeReleaseRp());
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
    this.#pauses += 1;
    if (this.#pauses > 1) return;
    this.#socket.pause();
    // The peer can't be blamed for a PDU that we do not read; the congested leg has its own deadline.
    this.#pduDeadline.stop();
  }

  resume(): void {
    if (this.#pauses === 0) return;
    this.#pauses -= 1;
    if (this.#pauses > 0 || this.#reader.isHeld) return;
    if (this.#reader.isInsidePdu) this.#pduDeadline.start(this.#options.timeouts.pduSeconds * 1000);
    this.#socket.resume();
  }

  // PduSink: what the peer sent.

  associate(type: typeof PduType.AssociateRq | typeof PduType.AssociateAc, body: Buffer): void {
    const action = this.#received(type === PduType.AssociateRq ? 'associateRq' : 'associateAc');
    if (action === 'AE-6') {
      this.#artim.stop();
      // What an eager peer sends behind its request waits until the request is answered, unread.
      this.#reader.hold();
      this.#socket.pause();
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
    const action = this.#received('abort');
    this.#socket.destroy();
    const reason = this.#options.side === 'modality' ? 'modality-aborted' : 'upstream-aborted';
    if (action === 'AA-3') this.#fail({ reason, abort });
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
    if (found.action === 'AA-7') this.#write(encodeAbort({ source: AbortSource.ServiceProvider, reason: 2 }));
    return found.action;
  }

  #fail(failure: LegFailure): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.owner.failed(failure);
  }

  #protocolError(error: ProtocolError): void {
    // Nothing behind the error can be trusted: bytes are dropped until the peer closes or ARTIM does.
    this.#isDiscarding = true;
    this.#pduDeadline.stop();
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
    this.#write(encodeAbort(abort));
    this.#awaitClose();
    this.#resumeReader();
  }

  /** Sta13: the peer closes, or ARTIM does it. Reading goes on, or the close would not be seen. */
  #awaitClose(): void {
    this.#pduDeadline.stop();
    this.#artim.start(this.#options.timeouts.closeSeconds * 1000);
    this.#pauses = 0;
    this.#socket.resume();
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

  #stalled(detail: string): void {
    const failure: LegFailure = { reason: 'stall-timeout', detail };
    const wasOver = this.#hasFailed;
    this.abortAssociation({ source: AbortSource.ServiceProvider, reason: 0 });
    if (!wasOver) this.owner.failed(failure);
  }

  // Socket.

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isDiscarding) return;
    if (!this.#hasReceived) {
      this.#hasReceived = true;
      if (this.#options.detectTls === true && looksLikeTls(chunk)) {
        this.#isDiscarding = true;
        this.#socket.destroy();
        this.#fail({ reason: 'tls-on-plain-port' });
        return;
      }
    }
    this.#parse(chunk);
  };

  #parse(chunk?: Buffer): void {
    const reader = this.#reader;
    const wasInsidePdu = reader.isInsidePdu;
    const pduCount = reader.pduCount;
    try {
      if (chunk === undefined) reader.release();
      else reader.push(chunk);
    } catch (error) {
      this.#protocolError(protocolErrorOf(error));
      return;
    }
    if (!reader.isInsidePdu) this.#pduDeadline.stop();
    else if (!wasInsidePdu || reader.pduCount !== pduCount) this.#startPduDeadline();
    this.owner.active();
  }

  #startPduDeadline(): void {
    // Before the request ARTIM is the deadline; while we do not read, the peer is not to blame.
    if (this.#pauses > 0 || this.#state === 'awaitingRequest' || this.#state === 'awaitingClose') return;
    this.#pduDeadline.start(this.#options.timeouts.pduSeconds * 1000);
  }

  /** Reads on after the request was answered: first what came behind it. */
  #resumeReader(): void {
    if (!this.#reader.isHeld) return;
    setImmediate(() => {
      if (!this.#isDiscarding) this.#parse();
      if (this.#pauses === 0 && !this.#socket.destroyed) this.#socket.resume();
    });
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#onImmediate);
  }

  readonly #onImmediate = (): void => {
    this.#isFlushScheduled = false;
    this.#flush();
  };

  /** Writes all that is queued, in one system call where the kernel takes it. */
  #flush(): void {
    if (this.#framer === undefined || !this.#canSendData) return;
    const list = this.#flushList;
    this.#framer.flush(list);
    if (list.length === 0) return;
    const socket = this.#socket;
    socket.cork();
    const last = list.length - 1;
    for (let index = 0; index < last; index += 1) socket.write(list[index] as Buffer);
    this.#write(list[last] as Buffer);
    socket.uncork();
    list.length = 0;
    if (!this.#isCongested && socket.writableLength > CONGESTION_BYTES) {
      this.#isCongested = true;
      this.owner.congested();
    }
  }

  #write(bytes: Buffer): void {
    if (this.#socket.destroyed) return;
    this.#unwrittenFlushes += 1;
    if (!this.#writeDeadline.isRunning) this.#writeDeadline.start(this.#options.timeouts.stallSeconds * 1000);
    this.#socket.write(bytes, this.#onWritten);
  }

  readonly #onWritten = (): void => {
    this.#unwrittenFlushes -= 1;
    if (this.#unwrittenFlushes === 0) this.#writeDeadline.stop();
    else this.#writeDeadline.start(this.#options.timeouts.stallSeconds * 1000);
  };

  readonly #onDrain = (): void => {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    this.owner.drained();
  };

  readonly #onError = (): void => {
    // A reset is a close without manners; 'close' follows.
  };

  readonly #onClosed = (): void => {
    this.#socket.destroy();
    const found = transition(this.#options.role, this.#state, 'closed');
    if (found !== undefined) this.#state = found.next;
    const reason = this.#options.side === 'modality' ? 'modality-closed' : 'upstream-closed';
    if (found?.action === 'AA-4' || found?.action === 'AA-5') this.#fail({ reason });
  };

  readonly #onSocketClose = (): void => {
    this.#onClosed();
    this.#artim.dispose();
    this.#pduDeadline.dispose();
    this.#writeDeadline.dispose();
    this.#options.closed();
  };
}

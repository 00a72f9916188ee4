/**
 * One association: keeps the state of PS3.8 Table 9-10 and the ARTIM timer, and does what the table says. Lets messages
 * through where the state allows them. Knows nothing of what is in a message, of policy or of the other leg.
 */
import type { Socket } from 'node:net';
import type { Timeouts } from '../config/schema';
import type { PduSink } from '../pdu/pduSink';
import { encodeAbort, encodeAssociateRj, encodeReleaseRp, encodeReleaseRq } from '../pdu/smallPdus';
import { type Abort, type AssociateRj, PduType, providerAbort } from '../pdu/types';
import { reasons } from '../policy/reasons';
import { Deadline } from './deadline';
import type { LegFailure, LegOptions, LegOwner, RelayedLegOwner } from './legOwner';
import { LegSocket, type LegSocketEvents } from './legSocket';
import type { MessageFlow } from './messageFlow';
import { ProtocolError } from './protocolError';
import { type Action, type Event, type State, transition } from './states';

export class Leg implements PduSink, LegSocketEvents {
  readonly #socket: Socket;
  readonly #options: LegOptions;
  readonly #wire: LegSocket;
  /** Until the association is relayed. Then it is forgotten, with all that it keeps of the request. */
  #owner: LegOwner | undefined;
  #relayed: RelayedLegOwner | undefined;
  #flow: MessageFlow | undefined;
  /** ARTIM (PS3.8 §9.1.5): in Sta2 until the request, in Sta13 until the peer closes. */
  readonly #artim = new Deadline(() => this.#artimExpired());
  #state: State = 'idle';
  #hasFailed = false;
  /** The peer has closed its side and may still read (a half-close). */
  #hasPeerEnded = false;
  #socketError = '';

  constructor(socket: Socket, owner: LegOwner, options: LegOptions) {
    this.#socket = socket;
    this.#owner = owner;
    this.#options = options;
    this.#wire = new LegSocket(socket, options, this);
    this.#enter(options.role === 'acceptor' ? 'connectionAccepted' : 'requestAssociation');
    if (options.keepAliveSeconds > 0) socket.setKeepAlive(true, options.keepAliveSeconds * 1000);
    // Who dials us may close its side when it has sent everything, as it may with an archive.
    socket.allowHalfOpen = options.role === 'acceptor';
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onSocketClose);
    if (options.role === 'acceptor') this.#artim.start(options.timeouts.artimSeconds * 1000);
    else this.#enter('connected');
  }

  /** Whether more waits to be written than should be. */
  get isCongested(): boolean {
    return this.#wire.isCongested;
  }

  /** Whether the peer has not sent a byte. */
  get isPeerSilent(): boolean {
    return this.#wire.isAtStart;
  }

  /** Whether the peer's request is to be answered with {@link accept} or {@link reject}. */
  get awaitsLocalAnswer(): boolean {
    return this.#state === 'awaitingLocalAccept';
  }

  /** From now on these deadlines hold: the caller is known. */
  useTimeouts(timeouts: Timeouts): void {
    this.#options.timeouts = timeouts;
  }

  /** Begins to read. A requestor sends its A-ASSOCIATE-RQ first: it was made in Sta5, awaiting the answer. */
  start(associateRq?: Buffer): void {
    if (associateRq !== undefined) this.#wire.pdu(associateRq);
    this.#wire.start(associateRq !== undefined);
  }

  /** From now on fragments can be sent, no longer than the peer announced. Throws PduError. */
  negotiated(peerMaxPduLength: number): void {
    this.#wire.negotiated(peerMaxPduLength);
  }

  /** From now on what the peer sends goes to this flow, and all else to this owner. */
  relay(owner: RelayedLegOwner, flow: MessageFlow): void {
    this.#owner = undefined;
    this.#relayed = owner;
    this.#flow = flow;
    this.#wire.relay(owner);
  }

  /** Answers the request with this A-ASSOCIATE-AC and goes on reading what the peer sent meanwhile. */
  accept(associateAc: Buffer): void {
    this.#enter('acceptAssociation');
    this.#wire.pdu(associateAc);
    this.#wire.release();
    // Behind what was held.
    if (this.#hasPeerEnded) setImmediate(() => this.served());
  }

  /** Answers the request with A-ASSOCIATE-RJ and waits for the peer to close. */
  reject(rj: AssociateRj): void {
    this.#enter('rejectAssociation');
    this.#hasFailed = true;
    this.#wire.pdu(encodeAssociateRj(rj));
    this.#awaitClose();
  }

  /** Queues a whole command set. Ignored once the association is over. */
  sendCommandSet(contextId: number, commandSet: Buffer): void {
    if (this.#canSendData) this.#wire.commandSet(contextId, commandSet);
  }

  /** Queues bytes of a data set; the view is kept until written. */
  sendFragment(contextId: number, bytes: Buffer): void {
    if (this.#canSendData) this.#wire.fragment(contextId, bytes);
  }

  /** Ends the data set: its last fragment is marked Last (PS3.8 §E.2). */
  endDataSet(contextId: number, padOdd: boolean): void {
    if (this.#canSendData) this.#wire.dataSetEnd(contextId, padOdd);
  }

  /** Writes what is queued at once; whether the peer can get it. */
  flush(): boolean {
    if (!this.#canSendData) return false;
    this.#wire.flush();
    return !this.#socket.destroyed;
  }

  /** A message is over: a peer that has closed its side goes once it is owed nothing. */
  served(): void {
    if (this.#hasPeerEnded && this.#state === 'established' && !this.#isPeerOwed) this.#onClosed();
  }

  requestRelease(): void {
    this.#wire.flush();
    this.#enter('requestRelease');
    this.#wire.pdu(encodeReleaseRq());
  }

  confirmRelease(): void {
    this.#wire.flush();
    this.#enter('confirmRelease');
    this.#wire.pdu(encodeReleaseRp());
    if (this.#state === 'awaitingClose') this.#awaitClose();
  }

  /**
   * Ends the association from our side. What is queued goes out first: the last answer may be in it. It ends on a PDU
   * boundary, so the A-ABORT can be read. Does nothing where there is nothing left to abort.
   */
  abortAssociation(abort: Abort): void {
    this.#hasFailed = true;
    if (this.#state === 'awaitingRequest') this.#socket.destroy();
    if (transition(this.#options.role, this.#state, 'requestAbort') === undefined) return;
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
    this.#wire.pause();
  }

  resume(): void {
    this.#wire.resume();
  }

  // PduSink: what the peer sent.

  associate(type: typeof PduType.AssociateRq | typeof PduType.AssociateAc, body: Buffer): void {
    const action = this.#received(type === PduType.AssociateRq ? 'associateRq' : 'associateAc');
    if (action === 'AE-6') {
      this.#artim.stop();
      // What an eager peer sends behind its request waits until the request is answered, unread.
      this.#wire.hold();
      this.#owner?.associateRq?.(body);
    } else if (action === 'AE-3') {
      this.#owner?.associateAc?.(body);
    }
  }

  associateRj(rj: AssociateRj): void {
    if (this.#received('associateRj') !== 'AE-4') return;
    this.#close();
    this.#owner?.associateRj?.(rj);
  }

  pData(_length: number): void {
    if (this.#state !== 'established') this.#received('pData');
  }

  // Relayed: until then an acceptor holds what comes, and a requestor has no association.
  pdvStart(contextId: number, messageControlHeader: number): void {
    if (this.#takesData) this.#flow!.pdvStart(contextId, messageControlHeader);
  }

  fragment(bytes: Buffer): void {
    if (this.#takesData) this.#flow!.fragment(bytes);
  }

  pdvEnd(): void {
    if (this.#takesData) this.#flow!.pdvEnd();
  }

  releaseRq(): void {
    const action = this.#received('releaseRq');
    if (action === 'AR-2') this.#relayed!.releaseRequested();
    // Both sides asked at once: we answer, and wait for our own answer (PS3.8 §7.2.2.7).
    else if (action === 'AR-8') this.confirmRelease();
  }

  releaseRp(): void {
    if (this.#received('releaseRp') !== 'AR-3') return;
    this.#close();
    this.#relayed!.releaseConfirmed();
  }

  abort(abort: Abort): void {
    // Sta2 has no association to report on, but the log needs its line.
    const wasRequested = this.#state !== 'awaitingRequest';
    const action = this.#received('abort');
    this.#socket.destroy();
    if (action === 'AA-3' || !wasRequested) this.#fail({ reason: `${this.#options.peer}-aborted`, abort });
  }

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
    if (found.action === 'AA-7') this.#wire.pdu(encodeAbort(providerAbort(2)));
    return found.action;
  }

  /** Before the peer is answered, so that the record of the end comes first. */
  #fail(failure: LegFailure): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    (this.#relayed ?? this.#owner)?.failed(failure);
  }

  #sendAbort(abort: Abort): void {
    this.#wire.flushLast();
    this.#wire.pdu(encodeAbort(abort));
    this.#awaitClose();
  }

  /** Sta13: the peer closes, or ARTIM does it. Reading goes on, or the close would not be seen. */
  #awaitClose(): void {
    this.#artim.start(this.#options.timeouts.closeSeconds * 1000);
    this.#wire.finish();
    if (this.#hasPeerEnded) this.#socket.destroySoon();
  }

  /** Closes once everything is written, or at the deadline. */
  #endSoon(): void {
    this.#socket.destroySoon();
    this.#artim.start(this.#options.timeouts.closeSeconds * 1000);
  }

  /** Orderly close of a requestor: FIN now, the rest when the peer has closed too, or ARTIM expires. */
  #close(): void {
    this.#hasFailed = true;
    this.#socket.end();
    this.#artim.start(this.#options.timeouts.closeSeconds * 1000);
  }

  #artimExpired(): void {
    this.#socket.destroy();
    if (this.#state === 'awaitingRequest') this.#fail({ reason: 'artim-timeout' });
  }

  // LegSocketEvents.

  invalid(error: ProtocolError): void {
    const isAnswered = transition(this.#options.role, this.#state, 'invalidPdu') !== undefined;
    if (isAnswered) this.#enter('invalidPdu');
    this.#fail({ reason: error.code, detail: error.message });
    const { wire } = reasons[error.code];
    if (isAnswered) this.#sendAbort(providerAbort(wire.kind === 'abort' ? wire.reason : 0));
  }

  tlsDetected(): void {
    this.#fail({ reason: 'tls-on-plain-port' });
    this.#socket.destroy();
  }

  stalled(detail: string): void {
    this.#fail({ reason: 'stall-timeout', detail });
    this.abortAssociation(providerAbort(0));
  }

  /** 'close' follows. */
  readonly #onError = ({ code = '' }: NodeJS.ErrnoException): void => {
    this.#socketError = code;
  };

  /** The peer sends no more. It is gone, unless it has something to wait for. */
  readonly #onEnd = (): void => {
    this.#hasPeerEnded = this.#options.role === 'acceptor';
    if (!this.#hasPeerEnded || !this.#isPeerOwed) this.#onClosed();
  };

  /** Whether the peer may have closed its side only because it has sent everything. */
  get #isPeerOwed(): boolean {
    switch (this.#state) {
      case 'awaitingLocalRelease':
        return true;
      case 'awaitingLocalAccept':
        return this.#wire.holdsBytes;
      case 'established':
        if (this.#wire.holdsBytes) return true;
        return !this.#wire.isInsidePdu && this.#relayed?.isPeerOwed === true;
      default:
        return false;
    }
  }

  readonly #onClosed = (): void => {
    // What was written may still be on its way to a peer that reads.
    if (this.#hasPeerEnded && !this.#socket.destroyed) this.#endSoon();
    else this.#socket.destroy();
    const found = transition(this.#options.role, this.#state, 'closed');
    if (found !== undefined) this.#state = found.next;
    if (found?.action === 'AA-4' || found?.action === 'AA-5') {
      this.#fail({ reason: `${this.#options.peer}-closed`, socketError: this.#socketError });
    }
  };

  readonly #onSocketClose = (): void => {
    this.#onClosed();
    this.#artim.dispose();
    this.#wire.dispose();
    this.#options.closed();
  };
}

/**
 * One association: keeps the state of PS3.8 Table 9-10, and does what the table says. Lets messages
 * through where the state allows them. Knows nothing of what is in a message, of policy or of the other leg.
 */
import type { Socket } from 'node:net';
import type { ExpectedPdus, PduSink } from '../pdu/pduSink';
import { encodeAbort, encodeAssociateRj, encodeReleaseRp, encodeReleaseRq } from '../pdu/smallPdus';
import { type Abort, type AssociateRj, PduType, providerAbort } from '../pdu/types';
import { reasons } from '../policy/reasons';
import { LegEnding } from './legEnding';
import type { LegFailure, LegOptions, LegOwner, LegSocketEvents, RelayedLegOwner } from './legOwner';
import { LegSocket } from './legSocket';
import { LegWriter } from './legWriter';
import type { MessageFlow } from './messageFlow';
import { ProtocolError } from './protocolError';
import { type Action, type Event, type State, transition } from './states';

export class Leg implements PduSink, LegSocketEvents {
  /** May take whole PDUs of the peer before this leg does. */
  expected: ExpectedPdus | undefined;
  readonly #socket: Socket;
  readonly #options: LegOptions;
  readonly in: LegSocket;
  /** Where messages are queued; those that come after the end of the association are dropped. */
  readonly out: LegWriter;
  readonly #ending: LegEnding;
  /** Until the association is relayed. Then it is forgotten, with all that it keeps of the request. */
  #owner: LegOwner | undefined;
  #relayed: RelayedLegOwner | undefined;
  #flow: MessageFlow | undefined;
  #state: State = 'idle';
  #hasFailed = false;
  #socketError = '';

  constructor(socket: Socket, owner: LegOwner, options: LegOptions) {
    this.#socket = socket;
    this.#owner = owner;
    this.#options = options;
    this.in = new LegSocket(socket, options, this);
    this.out = new LegWriter(socket, options, (detail) => this.stalled(detail));
    this.#ending = new LegEnding(socket, options, () => {
      if (this.#state === 'awaitingRequest') this.#fail({ reason: 'artim-timeout' });
    });
    this.#enter(options.role === 'acceptor' ? 'connectionAccepted' : 'requestAssociation');
    socket.on('end', this.#onEnd);
    // 'close' follows.
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      this.#socketError = code;
    });
    socket.on('close', this.#onSocketClose);
    if (options.role === 'acceptor') this.#ending.awaitRequest();
    else this.#enter('connected');
  }

  /** Lets a capture see it from now on. */
  tapped(by: (point: LegOptions, socket: Socket) => void): void {
    by(this.#options, this.#socket);
  }

  /** Whether the peer has not sent a byte. */
  get isPeerSilent(): boolean {
    return this.in.isAtStart;
  }

  /** Whether the peer's request is to be answered with {@link accept} or {@link reject}. */
  get awaitsLocalAnswer(): boolean {
    return this.#state === 'awaitingLocalAccept';
  }

  /** Begins to read. A requestor sends its A-ASSOCIATE-RQ first: it was made in Sta5, awaiting the answer. */
  start(associateRq?: Buffer): void {
    if (associateRq !== undefined) this.out.pdu(associateRq);
    this.in.start(associateRq !== undefined);
  }

  /** From now on fragments can be sent, no longer than the peer announced. Throws PduError. */
  negotiated(peerMaxPduLength: number): void {
    this.out.negotiated(peerMaxPduLength);
  }

  /** From now on what the peer sends goes to this flow, and all else to this owner. */
  relay(owner: RelayedLegOwner, flow: MessageFlow): void {
    this.#owner = undefined;
    this.#relayed = owner;
    this.#flow = flow;
    this.in.relay(owner);
    this.out.relay(owner);
  }

  /** Answers the request with this A-ASSOCIATE-AC and goes on reading what the peer sent meanwhile. */
  accept(associateAc: Buffer): void {
    this.#enter('acceptAssociation');
    this.out.pdu(associateAc);
    this.in.release();
    // Behind what was held.
    if (this.#ending.hasPeerEnded) setImmediate(() => this.served());
  }

  /** Answers the request with A-ASSOCIATE-RJ and waits for the peer to close. */
  reject(rj: AssociateRj): void {
    this.#enter('rejectAssociation');
    this.#hasFailed = true;
    this.out.pdu(encodeAssociateRj(rj));
    this.#awaitClose();
  }

  /** A message is over: a peer that has closed its side goes once it is owed nothing. */
  served(): void {
    if (this.#ending.hasPeerEnded && this.#state === 'established' && !this.#isPeerOwed) this.#onClosed();
  }

  requestRelease(): void {
    this.out.flushLast();
    this.#enter('requestRelease');
    this.out.pdu(encodeReleaseRq());
  }

  confirmRelease(): void {
    this.out.flushLast();
    this.#enter('confirmRelease');
    this.out.pdu(encodeReleaseRp());
    if (this.#state === 'awaitingClose') this.#awaitClose();
  }

  /**
   * Ends the association from our side, where there is one. What is queued goes out first: the last answer may be in it.
   * It ends on a PDU boundary, so the A-ABORT can be read.
   */
  abortAssociation(abort: Abort): void {
    this.#hasFailed = true;
    if (this.#state === 'awaitingRequest') this.#socket.destroy();
    if (this.#try('requestAbort') !== undefined) this.#sendAbort(abort);
  }

  /** Closes without an answer. */
  destroy(): void {
    this.#hasFailed = true;
    this.#socket.destroy();
  }

  // PduSink: what the peer sent.

  associate(type: typeof PduType.AssociateRq | typeof PduType.AssociateAc, body: Buffer): void {
    const action = this.#received(type === PduType.AssociateRq ? 'associateRq' : 'associateAc');
    if (action === 'AE-6') {
      this.#ending.requested();
      // What an eager peer sends behind its request waits until the request is answered, unread.
      this.in.hold();
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
  pdvStart(contextId: number, messageControlHeader: number, fragmentBytes: number): void {
    if (this.takesData) this.#flow!.pdvStart(contextId, messageControlHeader, fragmentBytes);
  }

  fragment(bytes: Buffer): void {
    if (this.takesData) this.#flow!.fragment(bytes);
  }

  pdvEnd(): void {
    if (this.takesData) this.#flow!.pdvEnd();
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

  get takesData(): boolean {
    return this.#state === 'established' || this.#state === 'awaitingReleaseResponse';
  }

  /** A local event, which the caller knows to be possible. */
  #enter(event: Event): void {
    if (this.#try(event) === undefined) throw new Error(`${event} in state ${this.#state}`);
  }

  /** What the standard does in this state; undefined where it cannot happen. */
  #try(event: Event): Action | undefined {
    const found = transition(this.#options.role, this.#state, event);
    this.#state = found?.next ?? this.#state;
    return found?.action;
  }

  /** A PDU of the peer. Unexpected ones end the association and throw, so that nothing behind them is read. */
  #received(event: Event): Action | undefined {
    const action = transition(this.#options.role, this.#state, event)?.action;
    if (action === 'AA-1' || action === 'AA-8') {
      throw new ProtocolError('state-pdu-unexpected', `${event} in state ${this.#state}`);
    }
    if (action === 'AA-7') this.out.pdu(encodeAbort(providerAbort(2)));
    return this.#try(event);
  }

  /** Before the peer is answered, so that the record of the end comes first. */
  #fail(failure: LegFailure): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    (this.#relayed ?? this.#owner)?.failed(failure);
  }

  #sendAbort(abort: Abort): void {
    this.out.flushLast();
    this.out.pdu(encodeAbort(abort));
    this.#awaitClose();
  }

  /** Sta13: the peer closes, or ARTIM does it. Reading goes on, or the close would not be seen. */
  #awaitClose(): void {
    this.in.finish();
    this.#ending.awaitClose();
  }

  /** Orderly close of a requestor. */
  #close(): void {
    this.#hasFailed = true;
    this.#ending.close();
  }

  // LegSocketEvents.

  invalid(error: ProtocolError): void {
    const isAnswered = this.#try('invalidPdu') !== undefined;
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

  /** The peer sends no more. It is gone, unless it has something to wait for. */
  readonly #onEnd = (): void => {
    this.#ending.peerEnded();
    if (!this.#ending.hasPeerEnded || !this.#isPeerOwed) this.#onClosed();
  };

  /** Whether the peer may have closed its side only because it has sent everything. */
  get #isPeerOwed(): boolean {
    const state = this.#state;
    if (state === 'awaitingLocalRelease') return true;
    if (state !== 'established' && state !== 'awaitingLocalAccept') return false;
    return this.in.holdsBytes || (!this.in.isInsidePdu && this.#relayed?.isPeerOwed === true);
  }

  readonly #onClosed = (): void => {
    // The last answer may still be queued.
    this.out.flush();
    this.#ending.destroy();
    const action = this.#try('closed');
    if (action === 'AA-4' || action === 'AA-5') {
      this.#fail({ reason: `${this.#options.peer}-closed`, socketError: this.#socketError });
    }
  };

  readonly #onSocketClose = (): void => {
    this.#onClosed();
    this.#ending.dispose();
    this.in.dispose();
    this.out.dispose();
    this.#options.closed();
  };
}

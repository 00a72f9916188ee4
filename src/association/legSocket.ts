/**
 * How the socket of a leg is read: what comes in goes to the PDU reader. Owns when the socket is read, what is held, and the
 * deadline of a PDU. Does not know what the bytes mean or which state the association has. legWriter.ts writes.
 */
import type { Socket } from 'node:net';
import { receive } from '../net/sharedReads';
import { looksLikeTls } from '../net/wrongProtocol';
import type { PduSink } from '../pdu/pduSink';
import { PduReader } from '../pdu/reader';
import { Deadline } from './deadline';
import type { LegOptions, LegSocketEvents, RelayedLegOwner } from './legOwner';
import { protocolErrorOf, showViolation, withWhatSpoke } from './protocolError';

/** What an eager peer may send before its request is answered. With more, it is not read until then. */
const MAX_HELD_BYTES = 64 * 1024;
/** What a chunk costs besides its bytes. */
const HELD_CHUNK_BYTES = 512;

export class LegSocket {
  readonly #socket: Socket;
  readonly #options: LegOptions;
  readonly #leg: LegSocketEvents;
  /** Once the association is relayed. */
  #relayed: RelayedLegOwner | undefined;

  readonly #reader: PduReader;
  readonly #pduDeadline: Deadline;
  #isDiscarding = false;
  /** Until the association request is complete ARTIM is the only deadline, and after the last PDU again. */
  #isTimed = false;
  #pauses = 0;
  #holds = 0;
  #isPausedByHold = false;
  #isTurnEndScheduled = false;
  #hasReadInTurn = false;
  #heldBytes = 0;
  /** Since the start, of all PDUs. */
  receivedBytes = 0;

  constructor(socket: Socket, options: LegOptions, leg: PduSink & LegSocketEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#leg = leg;
    this.#reader = new PduReader(leg, { maxPduLength: options.maxPduLength });
    this.#pduDeadline = new Deadline(() => {
      const what = this.isInsidePdu ? 'a PDU' : 'the data set that a command announced';
      leg.stalled(`${what} did not come whole`);
    });
  }

  /** From now on this owner says what is due from the peer. */
  relay(owner: RelayedLegOwner): void {
    this.#relayed = owner;
  }

  /** Begins to read; each PDU from now on has a deadline where `isTimed`. */
  start(isTimed: boolean): void {
    this.#isTimed = isTimed;
    receive(this.#socket, this.#onData);
  }

  /** Hands on no more than the PDU that is being handed on; what comes behind it is kept, within bounds. */
  hold(): void {
    this.#reader.hold();
  }

  /** Hands on nothing behind the message that is being handed on; each call needs its own {@link goOn}. */
  holdMessages(): void {
    this.#holds += 1;
    this.#reader.hold();
    if (this.#isPausedByHold) return;
    this.#isPausedByHold = true;
    this.pause();
  }

  goOn(): void {
    if (this.#holds === 0) return;
    this.#holds -= 1;
    if (this.#holds === 0) setImmediate(this.#onHoldsOver);
  }

  /** First what was kept; it may end in another hold. */
  readonly #onHoldsOver = (): void => {
    if (this.#holds > 0 || this.#isDiscarding) return;
    this.#heldBytes = 0;
    this.#parse();
    if (this.#holds > 0 || !this.#isPausedByHold) return;
    this.#isPausedByHold = false;
    this.resume();
  };

  /** Ends the hold: first what was kept, then the socket. */
  release(): void {
    if (!this.#reader.isHeld) return;
    this.#isTimed = true;
    this.#heldBytes = 0;
    setImmediate(() => {
      if (!this.#isDiscarding) this.#parse();
      if (this.#pauses === 0 && !this.#socket.destroyed) this.#socket.resume();
    });
  }

  /** Stops reading, after the next chunk; each call needs its own {@link resume}. */
  pause(): void {
    this.#pauses += 1;
    if (this.#pauses > 1) return;
    // The peer can't be blamed for a PDU that we do not read; the congested leg has its own deadline.
    this.#pduDeadline.stop();
  }

  resume(): void {
    if (this.#pauses === 0) return;
    this.#pauses -= 1;
    if (this.#pauses > 0 || this.#reader.isHeld) return;
    if (this.#isPduDue) this.#startPduDeadline();
    this.#socket.resume();
  }

  /** Reads on to the end of the connection, without pauses or deadlines: the last PDU was sent. */
  finish(): void {
    this.#pauses = 0;
    this.#holds = 0;
    this.#isPausedByHold = false;
    this.#socket.resume();
    this.release();
    this.#isTimed = false;
    this.#pduDeadline.stop();
  }

  /** A chunk is lent: its bytes change once this returns. */
  readonly #onData = (chunk: Buffer): void => {
    if (this.#isDiscarding) return;
    this.receivedBytes += chunk.length;
    if (this.#options.detectTls && this.isAtStart && looksLikeTls(chunk)) {
      this.#isDiscarding = true;
      this.#leg.tlsDetected();
      return;
    }
    this.#options.tap?.received(chunk);
    this.#parse(chunk);
    // Only now: a socket that is not read does not report that its peer has gone.
    if (this.#reader.isHeld) this.#heldBytes += chunk.length + HELD_CHUNK_BYTES;
    if (this.#pauses > 0 || this.#heldBytes > MAX_HELD_BYTES) this.#socket.pause();
  };

  /** Whether the peer is not read, so that it cannot send. */
  get isPaused(): boolean {
    return this.#pauses > 0;
  }

  /** Whether no byte has come yet. */
  get isAtStart(): boolean {
    return this.#reader.pduCount === 0 && !this.#reader.isInsidePdu;
  }

  /** Whether what came ends inside a PDU. */
  get isInsidePdu(): boolean {
    return this.#reader.isInsidePdu;
  }

  /** Whether something came during a hold and was not handed on yet. */
  get holdsBytes(): boolean {
    return this.#reader.hasWaiting;
  }

  /** Whether the rest of a PDU must come now, or the data set that a command announced. */
  get #isPduDue(): boolean {
    return this.#reader.isInsidePdu || this.#relayed?.awaitsDataSet === true;
  }

  /** Without a chunk: what was kept during a hold. */
  #parse(chunk?: Buffer): void {
    const reader = this.#reader;
    const wasInsidePdu = reader.isInsidePdu;
    const pduCount = reader.pduCount;
    try {
      if (chunk === undefined) reader.release();
      else reader.push(chunk);
    } catch (error) {
      // Nothing behind the error can be trusted.
      this.#isDiscarding = true;
      this.#pduDeadline.stop();
      const found = protocolErrorOf(error);
      if (chunk && !wasInsidePdu) showViolation(this.#options, found, chunk, reader, pduCount);
      const isFromTheStart = chunk !== undefined && reader.pduCount === 0 && !wasInsidePdu;
      this.#leg.invalid(isFromTheStart ? withWhatSpoke(found, chunk) : found);
      return;
    }
    if (!this.#isPduDue) this.#pduDeadline.stop();
    else if (!wasInsidePdu || reader.pduCount !== pduCount) this.#startPduDeadline();
    this.#relayed?.active();
    this.#hasReadInTurn = true;
    if (!this.#isTurnEndScheduled) {
      this.#isTurnEndScheduled = true;
      setImmediate(this.#onTurnEnd);
    }
  }

  /**
   * Acknowledges once a turn of the event loop has brought nothing more. While a peer goes on sending, the kernel
   * acknowledges every second segment by itself. A system call in each turn would make a bulk transfer a third dearer.
   */
  readonly #onTurnEnd = (): void => {
    const isMoreDue = this.#reader.isInsidePdu || this.#relayed?.awaitsMore === true;
    if (isMoreDue && this.#hasReadInTurn) {
      this.#hasReadInTurn = false;
      setImmediate(this.#onTurnEnd);
      return;
    }
    this.#isTurnEndScheduled = false;
    if (isMoreDue) this.#options.quickAck.acknowledge(this.#socket);
  };

  #startPduDeadline(): void {
    if (this.#isTimed && this.#pauses === 0)
      this.#pduDeadline.start(this.#options.timeouts.pduSeconds * 1000);
  }

  /** The socket is closed. */
  dispose(): void {
    this.#isDiscarding = true;
    this.#pduDeadline.dispose();
  }
}

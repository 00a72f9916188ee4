/**
 * What a leg reads: bytes of the socket into the PDU reader, with the pauses and the deadline of a PDU. Knows
 * when to read, not what is read.
 */
import type { Socket } from 'node:net';
import type { QuickAck } from '../net/quickAck';
import { receive } from '../net/sharedReads';
import { describeFirstBytes, looksLikeTls } from '../net/wrongProtocol';
import type { PduSink } from '../pdu/pduSink';
import { PduReader } from '../pdu/reader';
import { Deadline } from './deadline';
import { ProtocolError, protocolErrorOf } from './protocolError';

/** What an eager peer may send before its request is answered; with more it is not read until then. */
const MAX_HELD_BYTES = 64 * 1024;
/** What a chunk costs besides its bytes. */
const HELD_CHUNK_BYTES = 512;

export interface LegReaderOptions {
  readonly maxPduLength: number;
  /** From the first to the last byte of a PDU. */
  readonly pduMs: number;
  /** Whether a first byte that begins a TLS handshake is told apart from other errors. */
  readonly detectTls: boolean;
  readonly quickAck: QuickAck;
}

export interface LegReaderEvents {
  /** A chunk was read. */
  active(): void;
  /** Whether the peer, as far as it is known here, goes on sending without hearing from us. */
  awaitsMore(): boolean;
  /** The bytes, or what the sink made of them, are an error; nothing more is parsed. */
  invalid(error: ProtocolError): void;
  tlsDetected(): void;
  /** A PDU did not become complete in time. */
  stalled(): void;
}

export class LegReader {
  readonly #socket: Socket;
  readonly #options: LegReaderOptions;
  readonly #events: LegReaderEvents;
  readonly #reader: PduReader;
  readonly #pduDeadline: Deadline;
  #isDiscarding = false;
  /** Until the association request is complete ARTIM is the only deadline, and after the last PDU again. */
  #isTimed = false;
  #pauses = 0;
  #isTurnEndScheduled = false;
  #hasReadInTurn = false;
  #heldBytes = 0;

  constructor(socket: Socket, sink: PduSink, options: LegReaderOptions, events: LegReaderEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#events = events;
    this.#reader = new PduReader(sink, { maxPduLength: options.maxPduLength });
    this.#pduDeadline = new Deadline(() => events.stalled());
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
    if (this.#reader.isInsidePdu) this.#startDeadline();
    this.#socket.resume();
  }

  /** Reads on to the end of the connection, without pauses or deadlines: the last PDU was sent. */
  finish(): void {
    this.#pauses = 0;
    this.#socket.resume();
    this.release();
    this.#isTimed = false;
    this.#pduDeadline.stop();
  }

  dispose(): void {
    this.#isDiscarding = true;
    this.#pduDeadline.dispose();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isDiscarding) return;
    if (this.#options.detectTls && this.#isAtStart && looksLikeTls(chunk)) {
      this.#isDiscarding = true;
      this.#events.tlsDetected();
      return;
    }
    this.#parse(chunk);
    // Only now: a socket that is not read does not tell that its peer has gone.
    if (this.#reader.isHeld) this.#heldBytes += chunk.length + HELD_CHUNK_BYTES;
    if (this.#pauses > 0 || this.#heldBytes > MAX_HELD_BYTES) this.#socket.pause();
  };

  /** Whether no byte has come yet. */
  get #isAtStart(): boolean {
    return this.#reader.pduCount === 0 && !this.#reader.isInsidePdu;
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
      const isFromTheStart = chunk !== undefined && reader.pduCount === 0 && !wasInsidePdu;
      this.#events.invalid(isFromTheStart ? withWhatSpoke(found, chunk) : found);
      return;
    }
    if (!reader.isInsidePdu) this.#pduDeadline.stop();
    else if (!wasInsidePdu || reader.pduCount !== pduCount) this.#startDeadline();
    this.#events.active();
    this.#hasReadInTurn = true;
    if (!this.#isTurnEndScheduled) {
      this.#isTurnEndScheduled = true;
      setImmediate(this.#onTurnEnd);
    }
  }

  /**
   * Acknowledges once a turn of the event loop has brought nothing more: of a peer that goes on sending, the kernel
   * acknowledges every second segment by itself, and a system call in each turn would make a bulk transfer a third
   * dearer.
   */
  readonly #onTurnEnd = (): void => {
    const isMoreDue = this.#reader.isInsidePdu || this.#events.awaitsMore();
    if (isMoreDue && this.#hasReadInTurn) {
      this.#hasReadInTurn = false;
      setImmediate(this.#onTurnEnd);
      return;
    }
    this.#isTurnEndScheduled = false;
    if (isMoreDue) this.#options.quickAck.acknowledge(this.#socket);
  };

  #startDeadline(): void {
    if (this.#isTimed && this.#pauses === 0) this.#pduDeadline.start(this.#options.pduMs);
  }
}

/** Who does not begin with a PDU probably speaks another protocol. */
function withWhatSpoke(error: ProtocolError, firstBytes: Buffer): ProtocolError {
  if (error.code !== 'pdu-type-unknown') return error;
  return new ProtocolError(error.code, `${error.message}; this is ${describeFirstBytes(firstBytes)}`);
}

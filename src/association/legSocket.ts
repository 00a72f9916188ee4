/**
 * The socket of a leg: what comes in goes to the PDU reader, what goes out comes from the framer. Owns when the socket
 * is read, when it is written, and both deadlines. Does not know what the bytes mean or which state the association has.
 */
import type { Socket } from 'node:net';
import { receive } from '../net/sharedReads';
import { describeFirstBytes, looksLikeTls } from '../net/wrongProtocol';
import { PDataFramer } from '../pdu/framer';
import type { PduSink } from '../pdu/pduSink';
import { PduReader } from '../pdu/reader';
import { returnSlabs, SLAB_BYTES } from '../pdu/slabs';
import { Deadline } from './deadline';
import type { LegOptions, RelayedLegOwner } from './legOwner';
import { ProtocolError, protocolErrorOf } from './protocolError';

/** What an eager peer may send before its request is answered. With more, it is not read until then. */
const MAX_HELD_BYTES = 64 * 1024;
/** What a chunk costs besides its bytes. */
const HELD_CHUNK_BYTES = 512;
/**
 * Bytes that the socket could not pass to the kernel: beyond this the other leg stops reading. The kernel has enough to
 * send then; with 128 KB, a bulk transfer costs a fourteenth more CPU.
 */
const CONGESTION_BYTES = 64 * 1024;

/** What ends the association. */
export interface LegSocketEvents {
  /** The bytes, or what the sink made of them, are an error; nothing more is parsed. */
  invalid(error: ProtocolError): void;
  tlsDetected(): void;
  /** A PDU did not become complete in time, or the peer did not take its bytes in time. */
  stalled(detail: string): void;
}

export class LegSocket {
  readonly #socket: Socket;
  readonly #options: LegOptions;
  readonly #leg: LegSocketEvents;
  /** Feeds what goes out, once the association is relayed. */
  #relayed: RelayedLegOwner | undefined;

  readonly #reader: PduReader;
  readonly #pduDeadline: Deadline;
  #isDiscarding = false;
  /** Until the association request is complete ARTIM is the only deadline, and after the last PDU again. */
  #isTimed = false;
  #pauses = 0;
  #isTurnEndScheduled = false;
  #hasReadInTurn = false;
  #heldBytes = 0;

  #framer: PDataFramer | undefined;
  readonly #stallDeadline: Deadline;
  #isFlushScheduled = false;
  #isCongested = false;
  #unwritten = 0;

  constructor(socket: Socket, options: LegOptions, leg: PduSink & LegSocketEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#leg = leg;
    this.#reader = new PduReader(leg, { maxPduLength: options.maxPduLength });
    this.#pduDeadline = new Deadline(() =>
      leg.stalled(
        this.isInsidePdu
          ? 'a PDU did not become complete'
          : 'the data set that a command announced did not come',
      ),
    );
    this.#stallDeadline = new Deadline(() => leg.stalled('the peer does not take its bytes'));
    socket.on('drain', this.#onDrain);
  }

  /** From now on this owner feeds the leg, and stops while it is congested. */
  relay(owner: RelayedLegOwner): void {
    this.#relayed = owner;
  }

  // In.

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
    if (this.#isPduDue) this.#startPduDeadline();
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

  /** A chunk is lent: its bytes change once this returns. */
  readonly #onData = (chunk: Buffer): void => {
    if (this.#isDiscarding) return;
    if (this.#options.detectTls && this.isAtStart && looksLikeTls(chunk)) {
      this.#isDiscarding = true;
      this.#leg.tlsDetected();
      return;
    }
    this.#parse(chunk);
    // Only now: a socket that is not read does not report that its peer has gone.
    if (this.#reader.isHeld) this.#heldBytes += chunk.length + HELD_CHUNK_BYTES;
    if (this.#pauses > 0 || this.#heldBytes > MAX_HELD_BYTES) this.#socket.pause();
  };

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

  // Out.

  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** From now on fragments can be sent, no longer than the peer announced. Throws PduError. */
  negotiated(peerMaxPduLength: number): void {
    this.#framer = new PDataFramer(peerMaxPduLength);
  }

  commandSet(contextId: number, commandSet: Buffer): void {
    this.#framer?.command(contextId, commandSet);
    this.#scheduleFlush();
  }

  fragment(contextId: number, bytes: Buffer): void {
    if (this.#framer === undefined) return;
    // What fills a slab goes out, so that a turn with many reads holds no more. Before, not after: were the last bytes
    // of a data set flushed here, nothing but an empty fragment would be left to be marked Last, and empty ones must
    // not be sent (PS3.8 §E.2).
    if (this.#framer.pendingBytes + bytes.length > SLAB_BYTES) this.flush();
    this.#framer.data(contextId, bytes);
    this.#scheduleFlush();
  }

  dataSetEnd(contextId: number, padOdd: boolean): void {
    this.#framer?.dataEnd(contextId, padOdd);
    this.#scheduleFlush();
  }

  /** Fragments are gathered for one turn of the event loop. */
  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#onImmediate);
  }

  readonly #onImmediate = (): void => {
    this.#isFlushScheduled = false;
    this.flush();
  };

  /** Writes all fragments that are queued, in one system call where the kernel takes it. */
  flush(): void {
    this.#writeQueued();
    if (!this.#isCongested && this.#socket.writableLength > CONGESTION_BYTES) {
      this.#isCongested = true;
      this.#relayed?.congested();
    }
  }

  /** Writes a whole PDU at once, behind what was flushed. */
  pdu(bytes: Buffer): void {
    this.#write([bytes]);
  }

  /**
   * Writes what is queued, and takes no more. A message that has come in part only goes out in part, never with a Last
   * fragment, and ends on a PDU boundary.
   */
  flushLast(): void {
    this.#writeQueued();
    this.#drop();
  }

  #writeQueued(): void {
    const pdus: Buffer[] = [];
    this.#framer?.flush(pdus);
    if (pdus.length > 0) this.#write(pdus);
  }

  #drop(): void {
    this.#framer?.discard();
    this.#framer = undefined;
  }

  #write(pdus: readonly Buffer[]): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    this.#unwritten += 1;
    if (!this.#stallDeadline.isRunning) this.#startStallDeadline();
    const last = pdus.length - 1;
    // A single buffer, such as a command, has the shorter way through the stream.
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index += 1) socket.write(pdus[index] as Buffer);
    socket.write(pdus[last] as Buffer, (error) => this.#written(pdus, error));
    if (last > 0) socket.uncork();
  }

  #written(pdus: readonly Buffer[], error: Error | null | undefined): void {
    // After an error they may still be read.
    if (!error) returnSlabs(pdus);
    this.#unwritten -= 1;
    if (this.#unwritten === 0) this.#stallDeadline.stop();
    else this.#startStallDeadline();
  }

  #startStallDeadline(): void {
    this.#stallDeadline.start(this.#options.timeouts.stallSeconds * 1000);
  }

  readonly #onDrain = (): void => {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    this.#relayed?.drained();
  };

  /** The socket is closed. */
  dispose(): void {
    this.#isDiscarding = true;
    this.#pduDeadline.dispose();
    this.#drop();
    this.#stallDeadline.dispose();
  }
}

/** A peer that does not begin with a PDU probably speaks another protocol. */
function withWhatSpoke(error: ProtocolError, firstBytes: Buffer): ProtocolError {
  if (error.code !== 'pdu-type-unknown') return error;
  return new ProtocolError(error.code, `${error.message}; this is ${describeFirstBytes(firstBytes)}`);
}

/**
 * What a leg writes: fragments gathered for one turn of the event loop, then framed and handed to the socket at
 * once. Knows when the peer takes its bytes too slowly; knows no state of the association.
 */
import type { Socket } from 'node:net';
import { PDataFramer } from '../pdu/framer';
import { Deadline } from './deadline';

/**
 * Fragments waiting in the framer are written at the end of the event loop's turn, many at a time; more than
 * this is written at once, so that a turn with many reads holds no more.
 */
const FLUSH_BYTES = 256 * 1024;
/** Bytes that the socket could not pass to the kernel: beyond this the other leg stops reading. */
const CONGESTION_BYTES = 128 * 1024;

export interface LegWriterEvents {
  /** More is waiting to be written than should be; until `drained` nothing more should be fed. */
  congested(): void;
  drained(): void;
  /** The peer has not taken what was written for longer than `stallMs`. */
  stalled(): void;
}

export class LegWriter {
  readonly #socket: Socket;
  readonly #stallMs: number;
  readonly #events: LegWriterEvents;
  readonly #deadline: Deadline;
  readonly #flushList: Buffer[] = [];
  #framer: PDataFramer | undefined;
  #isFlushScheduled = false;
  #isCongested = false;
  #unwritten = 0;

  constructor(socket: Socket, stallMs: number, events: LegWriterEvents) {
    this.#socket = socket;
    this.#stallMs = stallMs;
    this.#events = events;
    this.#deadline = new Deadline(() => events.stalled());
    socket.on('drain', this.#onDrain);
  }

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
    // Before, not after: were the last bytes of a data set flushed here, nothing but an empty fragment would be left
    // to be marked Last, and empty ones must not be sent (PS3.8 §E.2).
    if (this.#framer.pendingBytes >= FLUSH_BYTES) this.flush();
    this.#framer.data(contextId, bytes);
    this.#scheduleFlush();
  }

  dataSetEnd(contextId: number, padOdd: boolean): void {
    this.#framer?.dataEnd(contextId, padOdd);
    this.#scheduleFlush();
  }

  /** Writes all fragments that are queued, in one system call where the kernel takes it. */
  flush(): void {
    const list = this.#flushList;
    this.#framer?.flush(list);
    if (list.length === 0) return;
    const socket = this.#socket;
    const last = list.length - 1;
    // A single buffer, such as a command, has the shorter way through the stream.
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index += 1) socket.write(list[index] as Buffer);
    this.pdu(list[last] as Buffer);
    if (last > 0) socket.uncork();
    list.length = 0;
    if (!this.#isCongested && socket.writableLength > CONGESTION_BYTES) {
      this.#isCongested = true;
      this.#events.congested();
    }
  }

  /** Writes a whole PDU at once, behind what was flushed. */
  pdu(bytes: Buffer): void {
    if (this.#socket.destroyed) return;
    this.#unwritten += 1;
    if (!this.#deadline.isRunning) this.#deadline.start(this.#stallMs);
    this.#socket.write(bytes, this.#onWritten);
  }

  /** Drops what is queued; what was written ends on a PDU boundary. */
  drop(): void {
    this.#framer = undefined;
  }

  dispose(): void {
    this.drop();
    this.#deadline.dispose();
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#onImmediate);
  }

  readonly #onImmediate = (): void => {
    this.#isFlushScheduled = false;
    this.flush();
  };

  readonly #onWritten = (): void => {
    this.#unwritten -= 1;
    if (this.#unwritten === 0) this.#deadline.stop();
    else this.#deadline.start(this.#stallMs);
  };

  readonly #onDrain = (): void => {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    this.#events.drained();
  };
}

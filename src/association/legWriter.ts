/**
 * What a leg writes: fragments gathered for one turn of the event loop, then framed and handed to the socket at
 * once. Knows when the peer takes its bytes too slowly; knows no state of the association.
 */
import type { Socket } from 'node:net';
import { PDataFramer } from '../pdu/framer';
import { returnSlabs, SLAB_BYTES } from '../pdu/slabs';
import { Deadline } from './deadline';

/**
 * Bytes that the socket could not pass to the kernel: beyond this the other leg stops reading. The kernel has enough to
 * send then; with 128 KB, a bulk transfer costs a fourteenth more CPU.
 */
const CONGESTION_BYTES = 64 * 1024;

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

  /** Writes all fragments that are queued, in one system call where the kernel takes it. */
  flush(): void {
    const pdus: Buffer[] = [];
    this.#framer?.flush(pdus);
    if (pdus.length > 0) this.#write(pdus);
    if (!this.#isCongested && this.#socket.writableLength > CONGESTION_BYTES) {
      this.#isCongested = true;
      this.#events.congested();
    }
  }

  /** Writes a whole PDU at once, behind what was flushed. */
  pdu(bytes: Buffer): void {
    this.#write([bytes]);
  }

  /** Drops what is queued; what was written ends on a PDU boundary. */
  drop(): void {
    this.#framer?.discard();
    this.#framer = undefined;
  }

  dispose(): void {
    this.drop();
    this.#deadline.dispose();
  }

  #write(pdus: readonly Buffer[]): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    this.#unwritten += 1;
    if (!this.#deadline.isRunning) this.#deadline.start(this.#stallMs);
    const last = pdus.length - 1;
    // A single buffer, such as a command, has the shorter way through the stream.
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index += 1) socket.write(pdus[index] as Buffer);
    socket.write(pdus[last] as Buffer, (error) => this.#written(pdus, error));
    if (last > 0) socket.uncork();
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

  #written(pdus: readonly Buffer[], error: Error | null | undefined): void {
    // After an error it is not known who still reads them.
    if (!error) returnSlabs(pdus);
    this.#unwritten -= 1;
    if (this.#unwritten === 0) this.#deadline.stop();
    else this.#deadline.start(this.#stallMs);
  }

  readonly #onDrain = (): void => {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    this.#events.drained();
  };
}

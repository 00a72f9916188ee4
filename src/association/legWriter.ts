/**
 * How the socket of a leg is written: messages come from the framer, everything else is a PDU of its own. Owns when the
 * socket is written, what counts as congestion, and the deadline for a peer that does not take its bytes. Does not know what
 * the bytes mean.
 */
import type { Socket } from 'node:net';
import { PDataFramer } from '../pdu/framer';
import { returnSlabs, SLAB_BYTES } from '../pdu/slabs';
import { Deadline } from './deadline';
import type { LegOptions, RelayedLegOwner } from './legOwner';

/**
 * Bytes that the socket could not pass to the kernel: beyond this the other leg stops reading. The kernel has enough to
 * send then; with 128 KB, a bulk transfer costs a fourteenth more CPU.
 */
const CONGESTION_BYTES = 64 * 1024;

/**
 * Messages that have more behind them wait while each turn of the event loop brings more, but no longer than this: answers of
 * a C-FIND come a few at a time, and a write of its own for each few costs more than all else that is done for them.
 */
const MAX_WAITING_TURNS = 8;
/** What fills a TLS record does not wait. */
const MAX_WAITING_BYTES = 16 * 1024;

export class LegWriter {
  readonly #socket: Socket;
  readonly #options: LegOptions;
  /** Feeds the leg, once the association is relayed. */
  #relayed: RelayedLegOwner | undefined;
  #framer: PDataFramer | undefined;
  readonly #stallDeadline: Deadline;
  #isFlushScheduled = false;
  /** Whether all that is queued has more behind it. */
  #mayWait = false;
  #hasGrown = false;
  #turnsWaited = 0;
  #isCongested = false;
  #unwritten = 0;

  constructor(socket: Socket, options: LegOptions, stalled: (detail: string) => void) {
    this.#socket = socket;
    this.#options = options;
    this.#stallDeadline = new Deadline(() => stalled('the peer does not take its bytes'));
    socket.on('drain', this.#onDrain);
  }

  /** From now on this owner feeds the leg, and stops while it is congested. */
  relay(owner: RelayedLegOwner): void {
    this.#relayed = owner;
  }

  /** Whether more waits to be written than should be. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** From now on fragments can be sent, no longer than the peer announced. Throws PduError. */
  negotiated(peerMaxPduLength: number): void {
    this.#framer = new PDataFramer(peerMaxPduLength);
  }

  /** Queues a whole command set. `isFollowed`: another message comes behind it, as behind each pending answer. */
  commandSet(contextId: number, commandSet: Buffer, isFollowed = false): void {
    this.#mayWait = isFollowed && (this.#mayWait || this.#framer?.pendingBytes === 0);
    this.#framer?.command(contextId, commandSet);
    this.#scheduleFlush();
  }

  /** Queues a copy of whole messages, in the PDUs that the framer would make of them. Others come behind them. */
  messages(pdus: Buffer): void {
    if (this.#framer === undefined) return;
    if (this.#framer.pendingBytes + pdus.length > SLAB_BYTES) this.flush();
    this.#mayWait ||= this.#framer.pendingBytes === 0;
    this.#framer.messages(pdus);
    this.#scheduleFlush();
  }

  /** The longest fragment that the peer is sent. */
  get maxFragmentBytes(): number {
    return this.#framer?.maxFragmentBytes ?? 0;
  }

  /** Queues a copy of bytes of a data set. */
  fragment(contextId: number, bytes: Buffer): void {
    if (this.#framer === undefined) return;
    // What fills a slab goes out, so that a turn with many reads holds no more. Before, not after: were the last bytes
    // of a data set flushed here, nothing but an empty fragment would be left to be marked Last, and empty ones must
    // not be sent (PS3.8 §E.2).
    if (this.#framer.pendingBytes + bytes.length > SLAB_BYTES) this.flush();
    this.#framer.data(contextId, bytes);
    this.#scheduleFlush();
  }

  /** Ends the data set: its last fragment is marked Last (PS3.8 §E.2). */
  dataSetEnd(contextId: number): void {
    this.#framer?.dataEnd(contextId);
    this.#scheduleFlush();
  }

  /** Fragments are gathered for one turn of the event loop. */
  #scheduleFlush(): void {
    this.#hasGrown = true;
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#onImmediate);
  }

  readonly #onImmediate = (): void => {
    this.#isFlushScheduled = false;
    if (this.#mayWait && this.#hasGrown && this.#turnsWaited < MAX_WAITING_TURNS) {
      if ((this.#framer?.pendingBytes ?? 0) < MAX_WAITING_BYTES) {
        this.#turnsWaited += 1;
        this.#scheduleFlush();
        this.#hasGrown = false;
        return;
      }
    }
    this.flush();
  };

  /** Whether the peer can get what is queued. */
  get isOpen(): boolean {
    return this.#framer !== undefined && !this.#socket.destroyed;
  }

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
    this.#mayWait = false;
    this.#turnsWaited = 0;
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
    this.#options.audit?.flush?.();
    this.#options.tap?.sent(pdus);
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
    if (this.#unwritten > 0) {
      this.#startStallDeadline();
      return;
    }
    this.#stallDeadline.stop();
    this.#relayed?.written?.();
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
    this.#drop();
    this.#stallDeadline.dispose();
  }
}

/**
 * Sends what is in the spool, in order, as long as there is a way to the server, and finds one again. Syslog has no
 * acknowledgement. So what was sent shortly before a connection broke is sent again: each message arrives at least once.
 * Knows neither messages nor protocols.
 */
import type { Spool } from './spool';
import type { Connect, Loss, Transport } from './transport';

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** With TLS 1.3, a server refuses our certificate after the handshake: only a connection that lasts is a way. */
const SETTLED_MS = 1000;
/** A server that takes nothing for so long hangs. */
const STALL_MS = 30_000;
/** A server that closes in order has read what came before; this is for what was on the way. */
const RESENT_MS = 5000;
/** What was sent to a server that is gone may lie in the memory of this machine for as long as TCP tries: 15 minutes. */
const RESENT_AFTER_ERROR_MS = 20 * 60_000;
/** That memory, and that of the other side, is bounded too. */
const MAX_RESENT_BYTES = 4 * 1024 * 1024;
const MARK_EVERY_MS = 1000;
const MARK_EVERY_BYTES = 256 * 1024;
/** At the end of the process. What is not sent then is kept. */
const CLOSE_MS = 2000;

export interface DeliveryEvents {
  down(detail: string): void;
  up(): void;
}

/** Everything before the position was sent by then. */
interface Mark {
  readonly atMs: number;
  readonly position: number;
}

export class Delivery {
  readonly #spool: Spool;
  readonly #events: DeliveryEvents;
  #connect: Connect;
  /** An attempt at another server than the present one is of no use. */
  #serverNumber = 0;
  #transport: Transport | undefined;
  #isWriting = false;
  #isDown = false;
  /** The other server that a reload named is a new question: where it is away too, its own reason is reported. */
  #isOther = false;
  #retryMs = FIRST_RETRY_MS;
  #marks: Mark[];
  /** What a new process would go on from. */
  #kept: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stall: NodeJS.Timeout | undefined;
  #settled: NodeJS.Timeout | undefined;
  readonly #keeping: NodeJS.Timeout;
  #isClosing = false;
  #emptied: () => void = () => {};

  constructor(spool: Spool, connect: Connect, events: DeliveryEvents) {
    this.#spool = spool;
    this.#events = events;
    this.#connect = connect;
    this.#marks = [{ atMs: Number.NEGATIVE_INFINITY, position: spool.position }];
    this.#keeping = setInterval(() => this.#keep(), MARK_EVERY_MS).unref();
    void this.#open();
  }

  /** Something is in the spool. */
  wake(): void {
    this.#pump();
  }

  /** `isOther`: another server, at once. Else the same one with the certificates of now, at the next connection. */
  replace(connect: Connect, isOther: boolean): void {
    this.#connect = connect;
    if (!isOther) return;
    this.#serverNumber += 1;
    this.#isOther = true;
    const transport = this.#transport;
    this.#leave();
    void transport?.end(CLOSE_MS);
    this.#retryMs = FIRST_RETRY_MS;
    this.#again(0);
  }

  /** Sends what can still be sent in a moment. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    if (this.#transport !== undefined) await this.#emptySpool(this.#transport);
    this.#leave();
    clearInterval(this.#keeping);
  }

  async #emptySpool(transport: Transport): Promise<void> {
    const deadline = performance.now() + CLOSE_MS;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#pump();
    });
    this.#leave();
    const isWhole = await transport.end(Math.max(100, deadline - performance.now()));
    if (isWhole) {
      this.#spool.keepSent(this.#spool.position);
      this.#spool.release(this.#spool.position);
    } else this.#keep();
  }

  async #open(): Promise<void> {
    const serverNumber = this.#serverNumber;
    let transport: Transport | undefined;
    try {
      transport = await this.#connect((loss) => this.#lost(transport, loss));
    } catch (error) {
      if (serverNumber === this.#serverNumber) this.#failed((error as Error).message);
      return;
    }
    if (this.#isClosing || serverNumber !== this.#serverNumber) {
      transport.destroy();
      return;
    }
    this.#transport = transport;
    this.#settled = setTimeout(() => this.#isUp(), SETTLED_MS).unref();
    this.#pump();
  }

  #isUp(): void {
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#isDown) this.#events.up();
    this.#isDown = false;
    this.#isOther = false;
  }

  #pump(): void {
    const transport = this.#transport;
    if (transport === undefined || this.#isWriting) return;
    const chunk = this.#spool.read();
    if (chunk === undefined) {
      if (this.#isClosing) this.#emptied();
      return;
    }
    this.#isWriting = true;
    this.#stall = setTimeout(() => transport.destroy(), STALL_MS).unref();
    transport.write(chunk.bytes, () => {
      if (transport !== this.#transport) return;
      clearTimeout(this.#stall);
      this.#isWriting = false;
      this.#spool.advanceTo(chunk.end);
      this.#mark();
      this.#pump();
    });
  }

  #lost(transport: Transport | undefined, { detail, isOrderly }: Loss): void {
    if (transport === undefined || transport !== this.#transport) return;
    this.#leave();
    this.#spool.rewindTo(
      this.#sentBefore(performance.now() - (isOrderly ? RESENT_MS : RESENT_AFTER_ERROR_MS)),
    );
    this.#marks = this.#marks.filter(({ position }) => position <= this.#spool.position);
    this.#emptied();
    this.#failed(detail);
  }

  #failed(detail: string): void {
    if (this.#isClosing) return;
    if (!this.#isDown || this.#isOther) this.#events.down(detail);
    this.#isDown = true;
    this.#isOther = false;
    this.#again(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  #again(afterMs: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#open(), afterMs).unref();
  }

  #leave(): void {
    this.#transport = undefined;
    this.#isWriting = false;
    clearTimeout(this.#stall);
    clearTimeout(this.#settled);
  }

  #mark(): void {
    const atMs = performance.now();
    const { position } = this.#spool;
    const last = this.#marks.at(-1)!;
    if (position === last.position) return;
    if (atMs - last.atMs < MARK_EVERY_MS && position - last.position < MARK_EVERY_BYTES) return;
    this.#marks.push({ atMs, position });
  }

  /** The last position that was reached before that moment, as far as it is known. */
  #sentBefore(atMs: number): number {
    return (this.#marks.findLast((mark) => mark.atMs <= atMs) ?? this.#marks[0]!).position;
  }

  /** Where a new process goes on, and what is not sent again by any. */
  #keep(): void {
    this.#mark();
    const nowMs = performance.now();
    const sent = this.#sentBefore(nowMs - RESENT_MS);
    if (sent !== this.#kept) this.#spool.keepSent(sent);
    this.#kept = sent;
    const oldest = nowMs - RESENT_AFTER_ERROR_MS;
    const lowest = this.#spool.position - MAX_RESENT_BYTES;
    const first = this.#marks.findLastIndex(({ atMs, position }) => atMs <= oldest || position <= lowest);
    if (first > 0) this.#marks = this.#marks.slice(first);
    this.#spool.release(this.#marks[0]!.position);
  }
}

/**
 * The audit log as a worker sees it: a pipe to the primary, which may be busy. Owns what waits for the pipe, and who is not
 * read meanwhile: nothing is left out, because the primary counts what it gets.
 */
import type { AuditEvent, AuditSink, Outcome, Sender } from '../../audit/events';
import { HeldSenders } from '../../audit/heldSenders';

/** Lines that the pipe has not taken yet: half a megabyte. With more, who causes lines is not read. */
const MAX_WAITING = 1000;

export class AuditPipe implements AuditSink {
  readonly #send: (events: readonly AuditEvent[], taken: () => void) => void;
  readonly #held = new HeldSenders();
  #batch: AuditEvent[] = [];
  #waiting = 0;
  #isLogBlocked = false;

  /** `taken` is called once the pipe has the events. */
  constructor(send: (events: readonly AuditEvent[], taken: () => void) => void) {
    this.#send = send;
  }

  /** The primary records the start and the stop of the whole gateway, once. */
  record(event: AuditEvent): void {
    if (event.event === 'gateway.started' || event.event === 'gateway.stopped') return;
    if (this.#batch.length === 0) setImmediate(() => this.flush());
    this.#batch.push(event);
  }

  /** All events since the last time in one message. */
  flush(): void {
    const events = this.#batch;
    if (events.length === 0) return;
    this.#batch = [];
    this.#waiting += events.length;
    this.#send(events, () => {
      this.#waiting -= events.length;
      if (!this.#isFull && !this.#isLogBlocked) this.#held.release();
    });
  }

  hold(sender: Sender, outcome: Outcome): void {
    if (this.#isFull || (this.#isLogBlocked && outcome === 'denied')) this.#held.hold(sender);
  }

  /** What the primary says of the log itself: whether who is refused is to be read. */
  logBlocked(isBlocked: boolean): void {
    this.#isLogBlocked = isBlocked;
    if (!isBlocked && !this.#isFull) this.#held.release();
  }

  get #isFull(): boolean {
    return this.#waiting >= MAX_WAITING;
  }
}

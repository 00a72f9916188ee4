/**
 * The audit log as a worker sees it: a pipe to the primary, which may be busy, or die. Owns what the primary has not written
 * yet, and who is not read meanwhile: nothing is left out, because the primary counts what it gets. What DICOM audit
 * messages need goes beside the lines, never in them: what is written here if the primary is dead are the lines alone.
 */
import type { AuditEvent, AuditSink, Outcome, Sender } from '../../audit/events';
import { HeldSenders } from '../../audit/heldSenders';
import { SealedFacts } from '../../dimse/dataSetFacts';
import type { Disclosure, DisclosureSink } from '../dataSetTap';
import type { DisclosedInPipe } from './messages';

/** Lines that the primary has not written yet: half a megabyte. With more, who causes lines is not read. */
const MAX_UNWRITTEN = 1000;

type Send = (events: readonly AuditEvent[], disclosed: readonly DisclosedInPipe[]) => void;

export class AuditPipe implements AuditSink, DisclosureSink {
  wants: DisclosureSink['wants'] = 'nothing';
  readonly #send: Send;
  readonly #held = new HeldSenders();
  #batch: AuditEvent[] = [];
  #disclosed: DisclosedInPipe[] = [];
  /** Sent, the oldest first. */
  readonly #unwritten: AuditEvent[] = [];
  #isLogBlocked = false;

  constructor(send: Send) {
    this.#send = send;
  }

  /** The primary records the start and the stop of the whole gateway, once. */
  record(event: AuditEvent): void {
    if (event.event === 'gateway.started' || event.event === 'gateway.stopped') return;
    if (this.#batch.length === 0) setImmediate(() => this.flush());
    this.#batch.push(event);
  }

  /** Of the event that comes next. */
  disclose({ facts, ...disclosure }: Disclosure): void {
    this.#disclosed.push({ at: this.#batch.length, disclosure, facts: facts?.unseal() });
  }

  /** All events since the last time in one message. */
  flush(): void {
    const events = this.#batch;
    if (events.length === 0) return;
    const disclosed = this.#disclosed;
    this.#batch = [];
    this.#disclosed = [];
    this.#unwritten.push(...events);
    this.#send(events, disclosed);
  }

  /** The primary has written so many more of them. */
  written(count: number): void {
    this.#unwritten.splice(0, count);
    if (!this.#isFull && !this.#isLogBlocked) this.#held.release();
  }

  /** What is in no log if the primary is gone, the oldest first. */
  get unwritten(): readonly AuditEvent[] {
    return [...this.#unwritten, ...this.#batch];
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
    return this.#unwritten.length >= MAX_UNWRITTEN;
  }
}

/** As it was on the other side. */
export function fromPipe({ disclosure, facts }: DisclosedInPipe): Disclosure {
  return { ...disclosure, facts: facts && new SealedFacts(facts) };
}

/**
 * One channel: alerts wait here for their message, equal ones are added up, and a message that could not be delivered is
 * made again later. Everything is bounded, and nothing survives the process: the audit log has it all. Knows neither HTTP
 * nor mail.
 */
import { randomUUID } from 'node:crypto';
import type { AuditEvent } from '../audit/events';
import { countOf } from '../text/quote';
import { type Alert, textOfSeveral } from './alert';
import { type AlertMessage, messageOf, type WaitingAlert } from './message';

/** Different alerts that wait. With more, the newest is counted instead of kept: the first ones say how it began. */
const MAX_WAITING = 200;
/** More cannot be read, and a message stays below 100 KB. */
const MAX_OF_MESSAGE = 50;
/** After a failure: twice as long after each further one. */
const MIN_RETRY_MS = 10_000;
const MAX_RETRY_MS = 10 * 60_000;
/** An alert that could not be delivered for so long helps nobody. */
const MAX_AGE_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
/** A gateway that stops does not wait longer for a receiver: `timeouts.closeSeconds` after its drain, it is gone. */
const MAX_CLOSING_MS = 2000;

/** What a configuration says of a channel. A reload replaces it. */
export interface ChannelSettings {
  readonly events: ReadonlySet<Alert['event']>;
  readonly groupMs: number;
  readonly maxPerHour: number;
  /** Rejects with words where it is not delivered. */
  deliver(message: AlertMessage): Promise<void>;
}

export class AlertChannel {
  readonly name: string;
  readonly #record: (event: AuditEvent) => void;
  #settings: ChannelSettings;
  /** By what makes them equal; the oldest first. */
  #waitingByKey = new Map<string, WaitingAlert>();
  #leftOut = 0;
  /** Messages of the last hour. */
  #sentMs: number[] = [];
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isClosed = false;

  constructor(name: string, settings: ChannelSettings, record: (event: AuditEvent) => void) {
    this.name = name;
    this.#settings = settings;
    this.#record = record;
  }

  set settings(settings: ChannelSettings) {
    this.#settings = settings;
    // Somebody may have corrected it: what waits is tried at once.
    if (this.#failures > 0) this.#send();
  }

  add(alert: Alert): void {
    if (!this.#settings.events.has(alert.event) || this.#isClosed) return;
    this.#put(waitingOf(alert, new Date()));
    if (this.#sending === undefined) this.#timer ??= this.#wait(this.#settings.groupMs);
  }

  /** Tries once more to deliver what waits, unless the receiver did not answer before. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#failures === 0) this.#send();
    if (this.#sending === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, MAX_CLOSING_MS);
    });
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
  }

  /** Without a last message: nobody is to get any here. */
  drop(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#waitingByKey.clear();
  }

  #put(alert: WaitingAlert): void {
    const ofSeveral = textOfSeveral(alert);
    const key = ofSeveral === undefined ? `${alert.event} ${alert.text}` : alert.event;
    const known = this.#waitingByKey.get(key);
    if (known !== undefined) {
      const { id, time } = known;
      const lastTime = alert.lastTime ?? alert.time;
      const text = ofSeveral ?? alert.text;
      this.#waitingByKey.set(key, { ...alert, text, id, time, lastTime, count: known.count + alert.count });
    } else if (this.#waitingByKey.size < MAX_WAITING) this.#waitingByKey.set(key, alert);
    else this.#leftOut += alert.count;
  }

  #wait(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#send(), ms).unref();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const nowMs = Date.now();
    this.#forgetOld(nowMs);
    if (this.#sending !== undefined || this.#waitingByKey.size === 0) return;
    this.#sentMs = this.#sentMs.filter((sentMs) => sentMs > nowMs - HOUR_MS);
    const [first = 0] = this.#sentMs;
    if (this.#sentMs.length >= this.#settings.maxPerHour) {
      if (!this.#isClosed) this.#timer = this.#wait(first + HOUR_MS - nowMs);
      return;
    }
    this.#sending = this.#attempt(nowMs).finally(() => {
      this.#sending = undefined;
      if (this.#waitingByKey.size === 0 || this.#isClosed) return;
      this.#timer ??= this.#wait(this.#failures === 0 ? this.#settings.groupMs : this.#retryMs);
    });
  }

  async #attempt(nowMs: number): Promise<void> {
    const all = [...this.#waitingByKey.values()];
    const alerts = all.slice(0, MAX_OF_MESSAGE);
    const leftOut = this.#leftOut;
    // What comes while it is sent waits for the next message, equal or not.
    this.#waitingByKey = new Map();
    for (const alert of all.slice(MAX_OF_MESSAGE)) this.#put(alert);
    this.#leftOut = 0;
    const count = alerts.length;
    try {
      await this.#settings.deliver(messageOf(alerts, leftOut, new Date(nowMs)));
      this.#failures = 0;
      this.#sentMs.push(nowMs);
      this.#record({
        event: 'alert.sent',
        outcome: 'info',
        channel: this.name,
        count,
        detail: `${countOf(count, 'alert')} sent to ${this.name}: ${namesOf(alerts)}${leftOut === 0 ? '' : `; left out: ${leftOut}`}`,
      });
    } catch (error) {
      this.#failures += 1;
      const later = [...this.#waitingByKey.values()];
      this.#waitingByKey = new Map();
      for (const alert of [...alerts, ...later]) this.#put(alert);
      this.#leftOut += leftOut;
      const again = this.#isClosed ? 'not tried again' : `tried again in ${this.#retryMs / 1000} s`;
      this.#record({
        event: 'alert.failed',
        outcome: 'failed',
        channel: this.name,
        count,
        detail: `${countOf(count, 'alert')} not sent to ${this.name}, ${again}: ${(error as Error).message}`,
      });
    }
  }

  get #retryMs(): number {
    return Math.min(MIN_RETRY_MS * 2 ** (this.#failures - 1), MAX_RETRY_MS);
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { time, lastTime = time, count }] of this.#waitingByKey) {
      if (Date.parse(lastTime) > nowMs - MAX_AGE_MS) continue;
      this.#waitingByKey.delete(key);
      this.#leftOut += count;
    }
  }
}

export function waitingOf({ facts, ...alert }: Alert, now: Date): WaitingAlert {
  return { id: randomUUID(), time: now.toISOString(), ...alert, count: 1, ...facts };
}

function namesOf(alerts: readonly WaitingAlert[]): string {
  return [...new Set(alerts.map(({ event }) => event))].join(', ');
}

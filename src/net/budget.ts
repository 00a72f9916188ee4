/**
 * A rate that many share: a token bucket, and the line of those that wait for a token. One timer while somebody waits,
 * none otherwise. Does not know what a token is for.
 */

/** What may be used at once after a pause, as seconds of the rate. */
const BURST_SECONDS = 10;
/** The timer sleeps at least this long, so that a long line does not wake it for each token. */
const REST_MS = 20;

export class Budget {
  readonly perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledMs = performance.now();
  readonly #line = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(perSecond: number, burstSeconds = BURST_SECONDS) {
    this.perSecond = perSecond;
    this.#burst = Math.max(1, perSecond * burstSeconds);
    this.#tokens = this.#burst;
  }

  get waiting(): number {
    return this.#line.size;
  }

  /** Whether nothing of it is used: a new one would be the same. */
  get isUnused(): boolean {
    this.#fill();
    return this.#line.size === 0 && this.#tokens >= this.#burst;
  }

  /** Takes a token now, and returns true; or stands in line, and `granted` is called when it has one. */
  take(granted: () => void): boolean {
    if (this.#line.size === 0) {
      if (this.#tokens < 1) this.#fill();
      if (this.#tokens >= 1) {
        this.#tokens -= 1;
        return true;
      }
    }
    this.#line.add(granted);
    this.#wake();
    return false;
  }

  /** Leaves the line; nothing where it does not stand there. */
  leave(granted: () => void): void {
    this.#line.delete(granted);
    if (this.#line.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What took a token costs more than that. What comes next waits for it. */
  charge(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** What took the token was worth it. */
  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  #fill(): void {
    const nowMs = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#filledMs) * this.perSecond) / 1000);
    this.#filledMs = nowMs;
  }

  #wake(): void {
    const missingMs = ((1 - this.#tokens) * 1000) / this.perSecond;
    this.#timer ??= setTimeout(this.#grant, Math.max(REST_MS, missingMs));
  }

  readonly #grant = (): void => {
    this.#timer = undefined;
    this.#fill();
    for (const granted of this.#line) {
      if (this.#tokens < 1) break;
      this.#tokens -= 1;
      this.#line.delete(granted);
      granted();
    }
    if (this.#line.size > 0) this.#wake();
  };
}

/** Beyond this, budgets that are unused are forgotten. */
const SWEPT_ENTRIES = 1000;
/** Beyond this the oldest goes, used or not: an IPv6 network has more addresses than there is memory. */
const MAX_ENTRIES = 20_000;

/** One budget for each key, such as an address. */
export class Budgets {
  readonly #byKey = new Map<string, Budget>();
  #sweptAt = SWEPT_ENTRIES;

  /** Undefined for a rate of 0, which does not limit. */
  of(key: string, perSecond: number): Budget | undefined {
    if (perSecond === 0) return undefined;
    const known = this.#byKey.get(key);
    if (known?.perSecond === perSecond) return known;
    const made = new Budget(perSecond);
    this.#byKey.set(key, made);
    if (this.#byKey.size > this.#sweptAt) this.#sweep();
    return made;
  }

  #sweep(): void {
    for (const [key, budget] of this.#byKey) {
      if (budget.isUnused || this.#byKey.size > MAX_ENTRIES) this.#byKey.delete(key);
    }
    this.#sweptAt = Math.max(SWEPT_ENTRIES, 2 * this.#byKey.size);
  }
}

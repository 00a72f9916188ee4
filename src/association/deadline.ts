/**
 * A deadline that is moved for every PDU. All deadlines of the process share one timer: an association has nine of them,
 * mostly stopped, and a timer for each would take more memory than the rest of it. Moving and stopping leave the timer
 * alone. It wakes when the first may be due, looks at all that were started, and sleeps until the next. It uses monotonic
 * time, so a clock that jumps changes nothing.
 */

/**
 * The timer sleeps at least this long, so that thousands of deadlines at different times are not all looked at for each
 * of them. The price: a deadline may expire this much too late.
 */
const REST_MS = 20;
/** What a timer fires too early counts as time that has passed. */
const TOLERANCE_MS = 0.5;

const NEVER = Number.POSITIVE_INFINITY;

export class Deadline {
  /** Those that the timer looks at: that were started since it looked last, or were running then. */
  static readonly #watched = new Set<Deadline>();
  static #timer: NodeJS.Timeout | undefined;
  static #wakesAtMs = NEVER;

  #dueMs = NEVER;
  readonly #expired: () => void;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  get isRunning(): boolean {
    return this.#dueMs !== NEVER;
  }

  /** Infinite where it does not run. */
  get remainingMs(): number {
    return this.#dueMs - performance.now();
  }

  /** Expires `afterMs` from now, whatever was set before. */
  start(afterMs: number): void {
    const nowMs = performance.now();
    this.#dueMs = nowMs + afterMs;
    Deadline.#watched.add(this);
    if (this.#dueMs < Deadline.#wakesAtMs) Deadline.#wake(this.#dueMs, nowMs);
  }

  /** Does not expire until started again. */
  stop(): void {
    this.#dueMs = NEVER;
  }

  /** Stops and is forgotten. */
  dispose(): void {
    this.stop();
    Deadline.#watched.delete(this);
    if (Deadline.#watched.size === 0) Deadline.#sleep();
  }

  static #wake(atMs: number, nowMs: number): void {
    clearTimeout(Deadline.#timer);
    Deadline.#wakesAtMs = atMs;
    Deadline.#timer = setTimeout(Deadline.#look, Math.ceil(atMs - nowMs));
  }

  static #sleep(): void {
    clearTimeout(Deadline.#timer);
    Deadline.#timer = undefined;
    Deadline.#wakesAtMs = NEVER;
  }

  static readonly #look = (): void => {
    Deadline.#sleep();
    const nowMs = performance.now();
    let nextMs = NEVER;
    for (const deadline of Deadline.#watched) {
      const dueMs = deadline.#dueMs;
      if (dueMs > nowMs + TOLERANCE_MS && dueMs !== NEVER) {
        nextMs = Math.min(nextMs, dueMs);
        continue;
      }
      Deadline.#watched.delete(deadline);
      // Each in a turn of its own: what one of them throws keeps no other from expiring.
      if (dueMs !== NEVER) setImmediate(Deadline.#expire, deadline, dueMs);
    }
    if (nextMs !== NEVER) Deadline.#wake(Math.max(nextMs, nowMs + REST_MS), nowMs);
  };

  /** Unless it was stopped or moved meanwhile. */
  static readonly #expire = (deadline: Deadline, dueMs: number): void => {
    if (deadline.#dueMs !== dueMs) return;
    deadline.#dueMs = NEVER;
    deadline.#expired();
  };
}

/**
 * A deadline that is moved for every PDU yet costs one store to move: the timer underneath is armed once and,
 * when it fires early, armed again for the rest. Monotonic time, so a clock that jumps changes nothing.
 */
export class Deadline {
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  readonly #expired: () => void;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  get isRunning(): boolean {
    return this.#dueMs !== Number.POSITIVE_INFINITY;
  }

  /** Expires `afterMs` from now, whatever was set before. */
  start(afterMs: number): void {
    this.#dueMs = performance.now() + afterMs;
    if (this.#dueMs < this.#armedForMs) this.#arm(afterMs);
  }

  /** Does not expire until started again; the armed timer finds nothing due and lets go. */
  stop(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** Stops and frees the timer. */
  dispose(): void {
    this.stop();
    clearTimeout(this.#timer);
    this.#armedForMs = Number.POSITIVE_INFINITY;
  }

  #arm(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#armedForMs = this.#dueMs;
    this.#timer = setTimeout(this.#fire, Math.ceil(afterMs));
  }

  readonly #fire = (): void => {
    this.#armedForMs = Number.POSITIVE_INFINITY;
    if (this.#dueMs === Number.POSITIVE_INFINITY) return;
    const restMs = this.#dueMs - performance.now();
    if (restMs > 0.5) {
      this.#arm(restMs);
      return;
    }
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#expired();
  };
}

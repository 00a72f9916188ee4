/**
 * When something that changes all the time is written: some time after a change, never twice at the same time, and at
 * once when it is asked to. Reports a failure once. Knows neither the file nor what is in it.
 */

/** After the delay, writing takes at most this share of the time: a large file on a slow disk is written less often. */
const MAX_SHARE = 0.05;

export interface DelayedWriteOptions {
  write(): Promise<void>;
  /** Called where it rejects, with the reason; not again before it has resolved. */
  failed(message: string): void;
  /** A crash loses the changes of so long. */
  readonly delayMs: number;
}

export class DelayedWrite {
  readonly #options: DelayedWriteOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Undefined where nothing is being written. */
  #writing: Promise<void> | undefined;
  /** Something has changed since the writing began. */
  #isStale = false;
  #lastMs = 0;
  #isFailing = false;

  constructor(options: DelayedWriteOptions) {
    this.#options = options;
  }

  changed(): void {
    if (this.#writing !== undefined) this.#isStale = true;
    else this.#timer ??= setTimeout(() => this.#begin(), this.#delayMs).unref();
  }

  /** Resolves when every change so far is written, or could not be. */
  async flush(): Promise<void> {
    if (this.#writing !== undefined) await this.#writing;
    if (this.#timer !== undefined) this.#begin();
    await this.#writing;
  }

  get #delayMs(): number {
    return Math.max(this.#options.delayMs, this.#lastMs / MAX_SHARE);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#write();
  }

  async #write(): Promise<void> {
    const startedMs = performance.now();
    try {
      await this.#options.write();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#options.failed((error as Error).message);
      this.#isFailing = true;
    }
    this.#lastMs = performance.now() - startedMs;
    this.#writing = undefined;
    if (!this.#isStale) return;
    this.#isStale = false;
    this.changed();
  }
}

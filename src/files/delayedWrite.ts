/**
 * Writes something down some seconds after it has changed: never twice at the same time, and not once for each change. A
 * disk that does not take it costs what is written, never its owner. Knows no file.
 */

export interface DelayedWriteOptions {
  readonly delayMs: number;
  /** Writes the present state, whole. */
  write(): Promise<void>;
  /** Called when it cannot be written; not again before it could be written. */
  failed(message: string): void;
}

export class DelayedWrite {
  readonly #options: DelayedWriteOptions;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(options: DelayedWriteOptions) {
    this.#options = options;
  }

  changed(): void {
    // At the end, flush() writes what is left.
    this.#timer ??= setTimeout(() => this.#write(), this.#options.delayMs).unref();
  }

  /** Resolves when every change so far is written, or could not be. */
  async flush(): Promise<void> {
    if (this.#timer !== undefined) this.#write();
    await this.#writing;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#options.write();
        this.#isFailing = false;
      } catch (error) {
        if (!this.#isFailing) this.#options.failed((error as Error).message);
        this.#isFailing = true;
      }
    });
  }
}

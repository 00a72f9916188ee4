/** Writes something down after changes: not more than once in a while, and never twice at the same time. Knows no file. */
export interface LaterWriterOptions {
  /** Writes what there is now. */
  write(): Promise<void>;
  /** Called when it cannot be written; not again before it could be written. */
  failed(message: string): void;
  /** From a change to its writing. A crash loses so much. */
  readonly delayMs: number;
}

export class LaterWriter {
  readonly #options: LaterWriterOptions;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(options: LaterWriterOptions) {
    this.#options = options;
  }

  changed(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#write(), this.#options.delayMs);
    // At the end, close() writes what is left.
    this.#timer.unref();
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#write();
    await this.#writing;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(async () => {
      const { write, failed } = this.#options;
      try {
        await write();
        this.#isFailing = false;
      } catch (error) {
        if (!this.#isFailing) failed((error as Error).message);
        this.#isFailing = true;
      }
    });
  }
}

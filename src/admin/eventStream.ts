/**
 * Server-sent events: the newest state to everybody who looks, at most once a second, made and encoded once for all. While
 * nobody looks, nothing is made. A reader that is slow gets the newest state when it can take it, and no queue grows.
 * Knows nothing of what the state is.
 */
import type { ServerResponse } from 'node:http';

const INTERVAL_MS = 1000;
/** A reader that takes nothing for so long is gone. */
const MAX_BLOCKED_MS = 30_000;
/** A page that comes back asks again after this time. */
const RETRY_MS = 2000;

interface Reader {
  readonly response: ServerResponse;
  /** Since when it has taken nothing, on the clock of performance.now(). */
  blockedMs: number | undefined;
}

export interface EventStreamOptions {
  /** The state now, as one line of text. */
  state(): Promise<string>;
  /** Name of the event. */
  readonly name: string;
  /** Readers at the same time; one more ends the oldest. */
  readonly maxReaders: number;
}

export class EventStream {
  readonly #options: EventStreamOptions;
  /** The oldest first. */
  readonly #readers = new Set<Reader>();
  #timer: NodeJS.Timeout | undefined;
  #isMaking = false;
  /** The last frame, and when it was made, on the clock of performance.now(). */
  #last: { readonly frame: string; readonly atMs: number } | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** Takes the response over. The connection has no time limit from now on. */
  add(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
    const [oldest] = this.#readers;
    if (oldest !== undefined && this.#readers.size >= this.#options.maxReaders) {
      this.#readers.delete(oldest);
      oldest.response.end();
    }
    const reader: Reader = { response, blockedMs: undefined };
    this.#readers.add(reader);
    response.once('close', () => this.#left(reader));
    response.on('error', () => response.destroy());
    response.socket?.setTimeout(0);
    response.writeHead(200, {
      ...headers,
      connection: 'close',
      'content-type': 'text/event-stream; charset=utf-8',
      // nginx would keep the frames back.
      'x-accel-buffering': 'no',
    });
    this.#write(reader, `retry: ${RETRY_MS}\n\n`);
    this.#timer ??= setInterval(() => void this.#tick(), INTERVAL_MS).unref();
    // Who comes again and again makes no more work than who stays.
    if (this.#last !== undefined && performance.now() - this.#last.atMs < INTERVAL_MS) {
      this.#write(reader, this.#last.frame);
    } else void this.#tick();
  }

  close(): void {
    for (const { response } of this.#readers) response.end();
  }

  #left(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** What takes longer than a second is waited for. */
  async #tick(): Promise<void> {
    if (this.#isMaking) return;
    this.#isMaking = true;
    try {
      const frame = `event: ${this.#options.name}\ndata: ${await this.#options.state()}\n\n`;
      this.#last = { frame, atMs: performance.now() };
      this.#send(frame);
    } catch {
      // They come again, and are answered what is wrong.
      this.close();
    } finally {
      this.#isMaking = false;
    }
  }

  #send(frame: string): void {
    const now = performance.now();
    for (const reader of this.#readers) {
      if (reader.blockedMs !== undefined) {
        if (now - reader.blockedMs >= MAX_BLOCKED_MS) reader.response.destroy();
      } else this.#write(reader, frame);
    }
  }

  #write(reader: Reader, text: string): void {
    if (reader.response.write(text)) return;
    reader.blockedMs = performance.now();
    reader.response.once('drain', () => {
      reader.blockedMs = undefined;
    });
  }
}

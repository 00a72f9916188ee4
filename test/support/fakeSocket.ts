/**
 * A socket without a network, for tests that need every event in an order of their own. Hands over synchronously what a
 * test delivers, and overwrites it afterwards, so that a test finds code that keeps a chunk instead of copying it. Independent of
 * src/.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

type Written = (error?: Error | null) => void;

export class FakeSocket extends EventEmitter {
  /** What was written, one buffer for each system call: `cork` to `uncork` is one. */
  readonly writes: Buffer[] = [];
  /** While false, the peer takes nothing: callbacks wait, and `writableLength` grows. */
  isTaking = true;
  destroyed = false;
  isEnded = false;
  isPaused = false;
  allowHalfOpen = false;
  /** Undefined where it was not asked for. */
  keepAliveMs: number | undefined;
  writableLength = 0;
  readonly readableLength = 0;
  /** Called at each write, for what must have happened before it. */
  wrote: (bytes: Buffer) => void = () => {};
  #corked: Buffer[] | undefined;
  #callbacks: Written[] = [];
  #undelivered: Buffer[] = [];

  /** As the code under test takes it. */
  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  get written(): Buffer {
    return Buffer.concat(this.writes);
  }

  /** Everything written so far, which is forgotten. */
  takeWritten(): Buffer {
    return Buffer.concat(this.writes.splice(0));
  }

  /** The peer sends these chunks. While the socket is paused they wait, as in the kernel. */
  deliver(...chunks: readonly Buffer[]): void {
    this.#undelivered.push(...chunks);
    this.#flow();
  }

  /** What was read comes again, before anything else. */
  unshift(bytes: Buffer): void {
    this.#undelivered.unshift(Buffer.from(bytes));
  }

  get undeliveredBytes(): number {
    return this.#undelivered.reduce((total, { length }) => total + length, 0);
  }

  /** The peer takes again what waits. */
  takeAgain(): void {
    this.isTaking = true;
    this.writableLength = 0;
    for (const callback of this.#callbacks.splice(0)) callback();
    this.emit('drain');
  }

  /** The peer closes: FIN, or a reset where an error code is given. */
  closeByPeer(code?: string): void {
    if (this.destroyed) return;
    if (code === undefined) this.emit('end');
    else this.emit('error', Object.assign(new Error(code), { code }));
    this.destroy();
  }

  write(bytes: Buffer, callback?: Written): boolean {
    const copy = Buffer.from(bytes);
    this.wrote(copy);
    if (this.#corked === undefined) this.writes.push(copy);
    else this.#corked.push(copy);
    if (this.isTaking) {
      if (callback !== undefined) queueMicrotask(callback);
    } else {
      this.writableLength += copy.length;
      if (callback !== undefined) this.#callbacks.push(callback);
    }
    return this.isTaking;
  }

  cork(): void {
    this.#corked ??= [];
  }

  uncork(): void {
    if (this.#corked !== undefined) this.writes.push(Buffer.concat(this.#corked));
    this.#corked = undefined;
  }

  end(): void {
    this.isEnded = true;
  }

  /** The peer closes its side and may still read. */
  endByPeer(): void {
    this.emit('end');
  }

  destroySoon(): void {
    this.end();
    this.destroy();
  }

  setKeepAlive(_isOn: boolean, delayMs: number): void {
    this.keepAliveMs = delayMs;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    // Not before the caller has returned, as with a real one.
    process.nextTick(() => this.emit('close'));
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#flow();
  }

  #flow(): void {
    while (!this.isPaused && !this.destroyed && this.listenerCount('data') > 0) {
      const chunk = this.#undelivered.shift();
      if (chunk === undefined) return;
      const lent = Buffer.from(chunk);
      this.emit('data', lent);
      lent.fill(0xdd);
    }
  }
}

/** Waits until connections are closed: at a stop, and when another process has taken over. Knows nothing of them. */
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;
/** A modality that keeps its association open for ever must not keep an old version for ever. */
const MAX_RETIRED_MS = 3_600_000;

export async function untilIdle(count: () => number): Promise<void> {
  const deadlineMs = performance.now() + MAX_RETIRED_MS;
  while (count() > 0 && performance.now() < deadlineMs) await delay(LOOK_EVERY_MS);
}

/** Those of a stop: each is announced, and the wait can be cut short. */
export class Closing {
  /** Cuts it short. */
  skip: () => void = () => {};
  /** A connection has closed. */
  closed: () => void = () => {};

  /** Looks after every connection that closes; gives up at the deadline or when it is cut short. */
  async until(isDone: () => boolean, forMs: number): Promise<void> {
    if (isDone()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, forMs);
      this.skip = () => {
        clearTimeout(timer);
        resolve();
      };
      this.closed = () => {
        if (isDone()) this.skip();
      };
    });
  }
}

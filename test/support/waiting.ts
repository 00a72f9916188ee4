/**
 * Owns how tests wait: for what they need, never for a time. Each wait has a deadline and says what did not come.
 * Knows nothing of DICOM, of processes and of the gateway.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { onCleanUp } from './cleanUp';

/** Long enough for a busy machine: a test that passes never waits this long. */
const DEADLINE_MS = 15_000;
const POLL_MS = 5;

/** In words, or a function where the words depend on what has come so far. */
type What = string | (() => string);

function inVain(what: What, deadlineMs: number): Error {
  return new Error(`within ${deadlineMs} ms did not come: ${typeof what === 'string' ? what : what()}`);
}

/** Looks until there is something, and gives it. For what tells nobody that it has changed. */
export async function waitFor<T>(
  what: What,
  look: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    if (performance.now() > deadline) throw inVain(what, deadlineMs);
    await delay(POLL_MS);
  }
}

/** The same without a clock, for tests that stop it: looks after each turn of the event loop. */
export async function turnsUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}

/** What changes, and announces each change: those who wait look once at first, and again after each. */
export class Changes {
  readonly #watchers = new Set<() => void>();

  announce(): void {
    for (const look of this.#watchers) look();
  }

  /** Gives what `look` finds. Rejects where `look` throws, or finds nothing in time. */
  waitFor<T>(what: What, look: () => T, deadlineMs = DEADLINE_MS): Promise<Exclude<T, undefined | false>> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(lookAgain);
        finish();
      };
      const lookAgain = () => {
        try {
          const found = look();
          if (found !== undefined && found !== false) {
            settle(() => resolve(found as Exclude<T, undefined | false>));
          }
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const timer = setTimeout(() => settle(() => reject(inVain(what, deadlineMs))), deadlineMs);
      this.#watchers.add(lookAgain);
      lookAgain();
    });
  }
}

/**
 * The sockets that servers in this process accept from now on, the oldest first. Their `bytesRead` shows how far the
 * server has read, which it tells nobody.
 */
export function acceptedSockets(): readonly Socket[] {
  const sockets: Socket[] = [];
  const accepted = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
  subscribe('net.server.socket', accepted);
  onCleanUp(() => void unsubscribe('net.server.socket', accepted));
  return sockets;
}

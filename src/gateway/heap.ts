/**
 * What the gateway asks of V8's heap, in the process that starts and in each worker.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Frees what only the start needed; with 10,000 entries that is more than what stays. V8 gives memory that lies idle
 * back to the system, but looks only after a collection of everything, and a gateway that waits for modalities
 * would have none. Some 10 ms, with 10,000 entries 50. V8 gives its collector away to contexts made after the flag was
 * set; the flag itself is taken back at once.
 */
export function collectAll(): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') gc();
}

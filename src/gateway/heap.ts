/**
 * What the gateway asks of V8's heap, once it listens: in the process of `aegis start`, and in each worker.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The start is over: from now on little is allocated, and what only the start needed is garbage. */
export function settleHeap(): void {
  keepYoungGenerationSmall();
  setImmediate(collectAll);
}

/**
 * A burst of connections makes V8 grow its young generation to 32 MB, since what belongs to an open association
 * survives, and V8 does not give that back while anything goes on. The gateway allocates little in V8's heap, so the
 * smaller one costs it nothing that can be measured. V8 reads the factor each time it is about to grow.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * Frees what only the start needed; with 10,000 entries that is more than what stays. V8 gives memory that lies idle
 * back to the system, but looks only after a collection of everything, and a gateway that waits for modalities
 * would have none. Some 10 ms, with 10,000 entries 50. V8 gives its collector away to contexts made after the flag was
 * set; the flag itself is taken back at once.
 */
function collectAll(): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') gc();
}

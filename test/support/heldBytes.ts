/** Memory and processor time of this process, for tests that assert that neither grows. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Bytes that are in use after a garbage collection: the heap and the memory of buffers outside of it. What waits for the
 * end of this turn comes first: a destroyed socket is held until it has reported that. Collects twice, because the second
 * waits for the threads that free buffers after the first.
 */
export async function heldBytes(): Promise<number> {
  await nextTurn();
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  await nextTurn();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The processor time of `work` in ms. Other programs that keep the machine busy do not count. */
export function processorMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** A soak is about time: faults last, and load has gaps. Tests wait for conditions instead. */
import { setTimeout as delay } from 'node:timers/promises';

export async function pause(ms: number): Promise<void> {
  await delay(ms);
}

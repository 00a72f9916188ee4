/** Names connections in the log, each once: unguessable, so that nobody can claim another one's lines. */
import { randomFillSync } from 'node:crypto';

const CONNECTION_ID_BYTES = 8;
/** Random bytes for many ids: reading the bytes for one id takes as long as for all of these. */
const randomPool = Buffer.alloc(512 * CONNECTION_ID_BYTES);
let randomUsed = randomPool.length;

/** Sixteen hexadecimal digits. */
export function nextConnectionId(): string {
  if (randomUsed === randomPool.length) {
    randomFillSync(randomPool);
    randomUsed = 0;
  }
  randomUsed += CONNECTION_ID_BYTES;
  return randomPool.toString('hex', randomUsed - CONNECTION_ID_BYTES, randomUsed);
}

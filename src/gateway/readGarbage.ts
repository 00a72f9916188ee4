/**
 * Frees memory when it is the time for it: what was read, early, and what only the start needed.
 *
 * Node hands out every TLS record in a buffer of its own outside V8's heap, garbage as soon as it is written on. V8 sees
 * little heap and much external memory and answers with full collections, a quarter of the CPU of a bulk transfer;
 * asked for a young collection now and then, it frees the same buffers in a tenth of that time. See
 * docs/decisions/0011-young-collections.md for the measurements.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Between two collections: few enough to keep RSS flat, many enough that a collection costs nothing beside them. */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024;

/** Without options, everything. */
type Collect = (options?: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;
let bytesSinceCollection = 0;

/** Counts bytes that a socket handed out; after enough of them, collects when this turn's writes are done. */
export function countRead(bytes: number): void {
  bytesSinceCollection += bytes;
  if (bytesSinceCollection < COLLECT_EVERY_BYTES) return;
  bytesSinceCollection = 0;
  setImmediate(collectYoung);
}

function collectYoung(): void {
  collect ??= loadCollect();
  collect({ type: 'minor' });
}

/**
 * Frees what only the start needed; with 10,000 entries that is more than what stays. V8 gives memory that lies idle
 * back to the system, but looks only after a collection of everything, and a gateway that waits for modalities
 * would have none. Some 10 ms, with 10,000 entries 50.
 */
export function collectAll(): void {
  collect ??= loadCollect();
  collect();
}

/** V8 gives its collector away to contexts made after the flag was set; the flag itself is taken back at once. */
function loadCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? (gc as Collect) : () => {};
}

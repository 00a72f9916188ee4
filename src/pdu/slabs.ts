/**
 * Memory for outgoing PDUs, used again and again. A new buffer for each write would be garbage outside V8's heap within a
 * millisecond, and V8 would run full collections for it (docs/decisions/0011-shared-buffers.md). One framer owns a slab,
 * then the socket, until the kernel has taken the bytes. Idle associations hold none. Knows nothing of what is written.
 */

/**
 * Longer PDUs use several slabs, shorter ones share one. There is room for seven TLS records of 16 KB and for headers. Of
 * all sizes from 48 to 260 KB, a bulk transfer costs the least CPU with this one, a tenth less than with 64 KB. An eighth
 * record would be a little longer than two segments of the loopback device.
 */
export const SLAB_BYTES = 116 * 1024;
/** So many slabs are kept for the next use; after a burst, the garbage collector takes the others. */
const MAX_FREE_SLABS = 64;

const free: Buffer[] = [];
/** The slab that a view belongs to; memory that is not a slab is not in it. */
const slabOfMemory = new WeakMap<ArrayBufferLike, Buffer>();

/** A slab of {@link SLAB_BYTES} bytes for the caller alone. It holds old bytes. */
export function takeSlab(): Buffer {
  const known = free.pop();
  if (known !== undefined) return known;
  const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  slabOfMemory.set(slab.buffer, slab);
  return slab;
}

/**
 * Gives back the slabs that these views belong to. Call it once for each slab, after its last read. Other buffers are
 * ignored.
 */
export function returnSlabs(views: readonly Buffer[]): void {
  for (const view of views) {
    const slab = slabOfMemory.get(view.buffer);
    if (slab !== undefined && free.length < MAX_FREE_SLABS) free.push(slab);
  }
}

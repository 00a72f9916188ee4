/**
 * Memory for what is written, used again and again: a buffer of its own for each write would be garbage outside V8's
 * heap within a millisecond, which V8 answers with full collections (docs/decisions/0011-shared-buffers.md). Owned by
 * one framer at a time, then by the socket, until the kernel has taken the bytes. Idle associations hold none.
 */

/**
 * One slab; longer PDUs go over several, shorter ones share one. Room for the 16 KB of seven TLS records and for headers:
 * of all sizes from 48 to 260 KB the one with which a bulk transfer costs least CPU, a tenth less than with 64 KB. An
 * eighth record would go a little beyond two segments of the loopback device.
 */
export const SLAB_BYTES = 116 * 1024;
/** As many wait to be used again; more, after a burst, are left to the garbage collector. */
const MAX_FREE_SLABS = 64;

const free: Buffer[] = [];
/** Which slab a view is of; what is no slab is not in it. */
const slabOfMemory = new WeakMap<ArrayBufferLike, Buffer>();

/** A slab that nobody else has, of {@link SLAB_BYTES} bytes, with anything in it. */
export function takeSlab(): Buffer {
  const known = free.pop();
  if (known !== undefined) return known;
  const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  slabOfMemory.set(slab.buffer, slab);
  return slab;
}

/**
 * Gives back the slabs that these are views of, once for each slab and only when nobody reads them any more; other
 * buffers are passed over.
 */
export function returnSlabs(views: readonly Buffer[]): void {
  for (const view of views) {
    const slab = slabOfMemory.get(view.buffer);
    if (slab !== undefined && free.length < MAX_FREE_SLABS) free.push(slab);
  }
}

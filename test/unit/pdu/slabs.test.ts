import { describe, expect, it } from '@jest/globals';
import { returnSlabs, SLAB_BYTES, takeSlab } from '../../../src/pdu/slabs';

describe('slabs', () => {
  it('are of one size, and each belongs to one owner', () => {
    const slabs = [takeSlab(), takeSlab()];
    expect(slabs.map(({ length }) => length)).toEqual([SLAB_BYTES, SLAB_BYTES]);
    expect(slabs[0]!.buffer).not.toBe(slabs[1]!.buffer);
  });

  it('are taken again, whole, after a view of them was given back', () => {
    const slab = takeSlab();
    returnSlabs([slab.subarray(10, 20)]);
    const again = takeSlab();
    expect(again.buffer).toBe(slab.buffer);
    expect(again.length).toBe(SLAB_BYTES);
    expect(takeSlab().buffer).not.toBe(slab.buffer);
  });

  it('are never made of other buffers, whatever their size', () => {
    const stranger = Buffer.allocUnsafeSlow(SLAB_BYTES);
    returnSlabs([stranger, Buffer.from('pooled')]);
    expect(takeSlab().buffer).not.toBe(stranger.buffer);
  });

  it('after a burst the memory of most of them is freed', () => {
    const burst = Array.from({ length: 1000 }, takeSlab);
    returnSlabs(burst);
    const memories = new Set(burst.map(({ buffer }) => buffer));
    const known = Array.from({ length: 1000 }, takeSlab).filter(({ buffer }) => memories.has(buffer));
    expect(known.length).toBeGreaterThan(0);
    expect(known.length * SLAB_BYTES).toBeLessThanOrEqual(8 * 1024 * 1024);
  });
});

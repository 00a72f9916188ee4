import { describe, expect, it } from '@jest/globals';
import { localAddresses } from '../../../src/policy/localAddresses';

const names = Array.from({ length: 10_000 }, (_, index) => `modality-${index}`);

describe('loopback addresses of modalities', () => {
  it('are of 127.0.0.0/8, none that programs use, and no two the same', () => {
    const addresses = [...localAddresses(names).values()];
    expect(new Set(addresses).size).toBe(names.length);
    for (const address of addresses) {
      const [first, second, third, fourth] = address.split('.').map(Number) as [
        number,
        number,
        number,
        number,
      ];
      expect(first).toBe(127);
      expect(second).toBeGreaterThanOrEqual(1);
      expect(third).toBeLessThanOrEqual(255);
      expect(fourth).toBeGreaterThanOrEqual(1);
      expect(fourth).toBeLessThanOrEqual(254);
    }
  });

  it('are written down somewhere, so they are the same for ever', () => {
    expect(localAddresses(['ct1']).get('ct1')).toBe('127.229.15.69');
  });

  it('stay when others come and go', () => {
    const all = localAddresses(names);
    const few = localAddresses(['ct1', ...names.slice(0, 100)]);
    for (const name of names.slice(0, 100)) expect(few.get(name)).toBe(all.get(name));
  });

  it('of two names that come to the same one, the later moves on', () => {
    // Found by trying: among so many names, some do.
    const many = Array.from({ length: 20_000 }, (_, index) => `m${index}`);
    const alone = (name: string) => localAddresses([name]).get(name);
    const byAddress = new Map<string | undefined, string>();
    const [earlier, later] = many.reduce<string[]>((found, name) => {
      if (found.length > 0) return found;
      const other = byAddress.get(alone(name));
      byAddress.set(alone(name), name);
      return other === undefined ? [] : [other, name];
    }, []);
    const both = localAddresses([earlier!, later!]);
    expect(both.get(earlier!)).toBe(alone(earlier!));
    expect(both.get(later!)).not.toBe(alone(earlier!));
  });
});

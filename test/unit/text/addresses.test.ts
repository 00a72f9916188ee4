import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AddressSet, AddressTable, canonicalAddress, parseAddressBlock } from '../../../src/text/addresses';

describe('canonical addresses', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:0203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:0:0:1:0:0:1:1', '2001::1:0:0:1:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::10.1.2.3', '::a01:203'],
    ['fe80::1%eth0', 'fe80::1'],
    ['10:0:100:0:0:0:0:10', '10:0:100::10'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    ' ',
    '10.1.2',
    '010.1.2.3',
    '10.1.2.256',
    '10.1.2.3 ',
    'localhost',
    '::g',
    '1::2::3',
    '%eth0',
  ])('refuses %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
    expect(new AddressSet(['0.0.0.0/0', '::/0']).has(text)).toBe(false);
  });

  it('a canonical address is its own canonical form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const canonical = canonicalAddress(text);
        expect(canonical).toBeDefined();
        expect(canonicalAddress(canonical ?? '')).toBe(canonical);
      }),
    );
  });
});

describe('blocks', () => {
  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    'fe80::1%eth0',
    '10.0.0.0/1e1',
    'any',
  ])('refuses %s', (text) => {
    expect(parseAddressBlock(text)).toBeUndefined();
    expect(() => new AddressSet([text])).toThrow(RangeError);
  });

  it('a mapped block is an IPv4 block', () => {
    expect(parseAddressBlock('::ffff:10.0.0.0/104')).toEqual(parseAddressBlock('10.0.0.0/8'));
    expect(parseAddressBlock('::ffff:0:0/96')).toEqual(parseAddressBlock('0.0.0.0/0'));
  });

  it('bits behind the prefix do not count', () => {
    expect(parseAddressBlock('10.1.2.3/24')).toEqual(parseAddressBlock('10.1.2.0/24'));
  });
});

describe('address sets', () => {
  it.each([
    ['10.1.3.0/24', ['10.1.3.0', '10.1.3.255', '::ffff:10.1.3.7'], ['10.1.2.255', '10.1.4.0', '::10.1.3.7']],
    ['10.1.3.128/25', ['10.1.3.128', '10.1.3.255'], ['10.1.3.127']],
    ['10.1.2.3', ['10.1.2.3'], ['10.1.2.2', '10.1.2.4', '10.1.2.3.4']],
    ['10.1.2.3/32', ['10.1.2.3'], ['10.1.2.2', '10.1.2.4']],
    ['10.1.2.2/31', ['10.1.2.2', '10.1.2.3'], ['10.1.2.1', '10.1.2.4']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['::1', '2001:db8::1']],
    ['128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255']],
    ['::/0', ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'], ['10.1.2.3', '::ffff:10.1.2.3']],
    ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff::1'], ['2001:db9::', '2001:db7:ffff::']],
    ['2001:db8::1', ['2001:DB8:0::1'], ['2001:db8::2']],
    ['2001:db8::8/125', ['2001:db8::8', '2001:db8::f'], ['2001:db8::7', '2001:db8::10']],
    ['fe80::/10', ['fe80::1%eth0', 'febf::1'], ['fec0::1']],
  ])('%s holds its edges and nothing beyond', (block, inside, outside) => {
    const addresses = new AddressSet([block]);
    for (const address of inside) expect([address, addresses.has(address)]).toEqual([address, true]);
    for (const address of outside) expect([address, addresses.has(address)]).toEqual([address, false]);
  });

  it('an empty set holds nobody', () => {
    expect(new AddressSet([]).has('127.0.0.1')).toBe(false);
  });

  it('agrees with plain arithmetic on any IPv4 block', () => {
    const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    const toNumber = (parts: readonly number[]) => parts.reduce((sum, part) => sum * 256 + part, 0);
    fc.assert(
      fc.property(octets, octets, fc.nat(32), fc.nat(32), (base, other, prefixLength, sharedBits) => {
        // Shares the first bits with the base, so that both answers are common.
        const blockSize = 2 ** (32 - sharedBits);
        const address = Math.floor(toNumber(base) / blockSize) * blockSize + (toNumber(other) % blockSize);
        const text = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
        const size = 2 ** (32 - prefixLength);
        const isInside = Math.floor(address / size) === Math.floor(toNumber(base) / size);
        expect(new AddressSet([`${base.join('.')}/${prefixLength}`]).has(text)).toBe(isInside);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('address tables', () => {
  it('find everything that lies around a block, once', () => {
    const table = new AddressTable<string>();
    const add = (text: string, value: string) => table.add(parseAddressBlock(text)!, value);
    add('10.0.0.0/8', 'eight');
    add('10.1.0.0/16', 'sixteen');
    add('10.1.0.0/16', 'another');
    add('10.1.2.3', 'single');
    add('10.1.2.3/31', 'single');
    add('::/0', 'six');
    const around = (text: string) => [...table.covering(parseAddressBlock(text)!)].sort();
    expect(around('10.1.2.3')).toEqual(['another', 'eight', 'single', 'sixteen']);
    expect(around('10.1.0.0/16')).toEqual(['another', 'eight', 'sixteen']);
    expect(around('10.0.0.0/7')).toEqual([]);
    expect(around('fe80::/10')).toEqual(['six']);
  });
});

import { describe, expect, it } from '@jest/globals';
import { decodeDer, hexOf, textOf, timeOf } from '../../../src/x509/der';
import { der, integer } from '../../support/der';

function utf16(text: string) {
  return Buffer.from(text, 'utf16le').swap16();
}

describe('text in DER', () => {
  it.each<[string, number, Buffer]>([
    ['UTF8String', 0x0c, Buffer.from('Röntgen')],
    ['TeletexString', 0x14, Buffer.from('Röntgen', 'latin1')],
    ['BMPString', 0x1e, utf16('Röntgen')],
  ])('is read out of a %s', (_title, tag, content) => {
    expect(textOf(decodeDer(der(tag, content)))).toBe('Röntgen');
  });

  it('is nothing in a value of another type', () => {
    expect(textOf(decodeDer(integer('05')))).toBeUndefined();
    expect(textOf(undefined)).toBeUndefined();
  });
});

describe('times in DER', () => {
  it.each([
    ['UTCTime', 0x17, '491231235959Z', '2049-12-31T23:59:59.000Z'],
    ['UTCTime', 0x17, '500101000000Z', '1950-01-01T00:00:00.000Z'],
    ['GeneralizedTime', 0x18, '20500101000000Z', '2050-01-01T00:00:00.000Z'],
  ])('as %s (%i) %s are %s', (_title, tag, text, iso) => {
    expect(timeOf(decodeDer(der(tag, Buffer.from(text)))).toISOString()).toBe(iso);
  });

  it.each(['4912312359Z', '491231235959+0100', '491331235959Z', ''])('are not %j', (text) => {
    expect(() => timeOf(decodeDer(der(0x17, Buffer.from(text))))).toThrow('is not a time');
  });
});

it.each([
  ['00', '00'],
  ['7f', '7F'],
  ['80', '80'],
  ['0102', '0102'],
])('a serial number %s is printed as %s', (hex, printed) => {
  expect(hexOf(decodeDer(integer(hex)))).toBe(printed);
});

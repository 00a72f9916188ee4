import { describe, expect, it } from '@jest/globals';
import { decodeSpreadsheet } from '../../../src/onboarding/csvCells';

const text = 'name;from\r\nRöntgen;10.1.2.10\r\n';
const littleEndian = (value: string) => Buffer.from(value, 'utf16le');
const bigEndian = (value: string) => littleEndian(value).swap16();

describe('the bytes of a spreadsheet', () => {
  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16, as Excel writes it', littleEndian(`\ufeff${text}`)],
    ['UTF-16 without a mark', littleEndian(text)],
    ['UTF-16 the other way round', bigEndian(`\ufeff${text}`)],
    ['the same without a mark', bigEndian(text)],
  ])('are read as %s', (_name, bytes) => {
    expect(decodeSpreadsheet(bytes)).toBe(text);
  });

  it.each([
    ['Latin-1', Buffer.from(text, 'latin1')],
    ['half a character of UTF-16', littleEndian(text).subarray(1)],
    ['a picture', Buffer.from('89504e470d0a1a0a', 'hex')],
  ])('are not read as %s', (_name, bytes) => {
    expect(decodeSpreadsheet(bytes)).toBeUndefined();
  });

  it('may be none', () => {
    expect(decodeSpreadsheet(Buffer.alloc(0))).toBe('');
  });
});

import { describe, expect, it } from '@jest/globals';
import { decodeSpreadsheet } from '../../../src/onboarding/csvCells';

const TEXT = 'name;from\r\nRöntgen;10.1.2.10\r\n';

function littleEndian(value: string) {
  return Buffer.from(value, 'utf16le');
}

function bigEndian(value: string) {
  return littleEndian(value).swap16();
}

describe('the bytes of a spreadsheet', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`)],
    ['UTF-16, as Excel writes it', littleEndian(`\ufeff${TEXT}`)],
    ['UTF-16 without a mark', littleEndian(TEXT)],
    ['UTF-16 the other way round', bigEndian(`\ufeff${TEXT}`)],
    ['the same without a mark', bigEndian(TEXT)],
  ])('are read as %s', (_name, bytes) => {
    expect(decodeSpreadsheet(bytes)).toBe(TEXT);
  });

  it.each([
    ['Latin-1', Buffer.from(TEXT, 'latin1')],
    ['half a character of UTF-16', littleEndian(TEXT).subarray(1)],
    ['a picture', Buffer.from('89504e470d0a1a0a', 'hex')],
  ])('are not read as %s', (_name, bytes) => {
    expect(decodeSpreadsheet(bytes)).toBeUndefined();
  });

  it('may be none', () => {
    expect(decodeSpreadsheet(Buffer.alloc(0))).toBe('');
  });
});

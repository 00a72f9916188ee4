import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AeTitleSet, aeTitleKey, normaliseAeTitle } from '../../../src/text/aeTitle';

describe('AE titles', () => {
  it.each([
    ['CT1', 'CT1'],
    ['CT1             ', 'CT1'],
    ['   CT1', 'CT1'],
    ['CT1\0\0\0', 'CT1'],
    ['\0 CT1 \0 ', 'CT1'],
    ['CT 1', 'CT 1'],
    ['CT\x001', 'CT\x001'],
    ['\tCT1\n', '\tCT1\n'],
    ['                ', ''],
    ['\0\0\0\0', ''],
    ['', ''],
  ])('%j is trimmed to %j', (title, trimmed) => {
    expect(normaliseAeTitle(title)).toBe(trimmed);
  });

  it('trimming twice changes nothing more', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(' ', '\0', 'A', 'b', '\t') }), (title) => {
        expect(normaliseAeTitle(normaliseAeTitle(title))).toBe(normaliseAeTitle(title));
      }),
    );
  });

  it.each([
    ['empty', ''],
    ['only spaces', '                '],
    ['17 characters', 'ABCDEFGHIJKLMNOPQ'],
    ['NUL inside', 'CT\x001'],
    ['cut by NUL', 'CT1\0XYZ'],
    ['backslash', 'CT\\1'],
    ['line feed', 'CT1\n'],
    ['tab', '\tCT1'],
    ['escape', '\x1b[2JCT1'],
    ['delete', 'CT1\x7f'],
    ['no-break space', '\xa0CT1'],
    ['latin1', 'CTÄ'],
    ['long s, which upper-cases to S', 'U\u017f1'],
    ['Kelvin sign, which lower-cases to k', '\u212a1'],
    ['dotless i, which upper-cases to I', 'X\u0131'],
    ['full-width letters', '\uff23\uff34\uff11'],
  ])('%s is not an AE title, so it equals none, not even itself', (_what, title) => {
    for (const strict of [false, true]) {
      expect(aeTitleKey(title, strict)).toBeUndefined();
      expect(new AeTitleSet([title, 'US1', 'K1', 'XI', 'CT1'], strict).has(title)).toBe(false);
    }
  });

  it('case counts only where titles are strict', () => {
    expect(new AeTitleSet(['CT1'], false).has('ct1 ')).toBe(true);
    expect(new AeTitleSet(['Ct1'], false).has('cT1')).toBe(true);
    expect(new AeTitleSet(['CT1'], true).has('ct1')).toBe(false);
    expect(new AeTitleSet(['CT1'], true).has(' CT1\0')).toBe(true);
  });

  it('16 characters are not too many', () => {
    expect(aeTitleKey('ABCDEFGHIJKLMNOP', false)).toBe('ABCDEFGHIJKLMNOP');
    expect(aeTitleKey('  ABCDEFGHIJKLMNOP  ', false)).toBe('ABCDEFGHIJKLMNOP');
  });
});

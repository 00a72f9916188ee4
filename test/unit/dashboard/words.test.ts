import { describe, expect, it } from '@jest/globals';
import {
  agoText,
  blockText,
  bytesText,
  sentence,
  spanText,
  titleText,
  untilText,
} from '../../../src/dashboard/words';

const NOW = Date.parse('2026-11-30T12:00:00Z');

describe('the words of the page', () => {
  it('show sizes with three digits at most', () => {
    expect([0, 999, 1000, 1234, 99_600, 999_600, 914_400_000, 1.2e9].map(bytesText)).toEqual([
      ...['0 B', '999 B', '1.0 kB', '1.2 kB', '100 kB', '1.0 MB', '914 MB', '1.2 GB'],
    ]);
  });

  it('show spans with two units at most', () => {
    const seconds = [-1, 0, 59, 60, 3599, 3600, 3660, 36_060, 86_400, 90_000, 300_000];
    expect(seconds.map((each) => spanText(each * 1000))).toEqual([
      ...[
        '0 s',
        '0 s',
        '59 s',
        '1 min',
        '59 min',
        '1 h',
        '1 h 1 min',
        '10 h',
        '1 day',
        '1 day 1 h',
        '3 days',
      ],
    ]);
  });

  it('take a time of a clock that is ahead for now', () => {
    expect(agoText('2026-11-30T12:00:05Z', NOW)).toBe('now');
    expect(agoText('2026-11-30T11:59:30Z', NOW)).toBe('30 s ago');
  });

  it('say when something ends, and when it ended', () => {
    expect(untilText('2026-12-12T12:00:00Z', NOW)).toBe('in 12 days');
    expect(untilText('2026-11-30T07:00:00Z', NOW)).toBe('5 h ago');
  });

  it('escape what could make a device look like another one', () => {
    expect(titleText('CT1\u202eTM')).toBe('CT1\\u{202e}TM');
    expect(titleText(' CT1')).toBe('" CT1"');
    expect(titleText('')).toBe('(none)');
    expect(sentence('the\u0007 bell')).toBe('The\\u{7} bell.');
    expect(blockText('a\nb\u2028c')).toBe('a\nb\\u{2028}c');
  });
});

import { describe, expect, it } from '@jest/globals';
import { countOf, escapeUnsafe, nearestOf, quoteChoices, quoteValue } from '../../../src/text/quote';

describe('a quoted value', () => {
  it.each([
    ['CT1', '"CT1"'],
    ['', '""'],
    ['a"b\\c\nd', '"a\\"b\\\\c\\nd"'],
    ['\u001b[31m', '"\\u001b[31m"'],
    ['\u009b31m', '"\\u{9b}31m"'],
    ['a\u202eb', '"a\\u{202e}b"'],
    ['Röntgen', '"Röntgen"'],
    [5, '5'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'nothing'],
    [[1, 2], 'a list'],
    [{ a: 1 }, 'an object'],
  ])('of %j is %s', (value, expected) => {
    expect(quoteValue(value)).toBe(expected);
  });

  it('is cut after 64 characters', () => {
    expect(quoteValue('x'.repeat(64))).toBe(`"${'x'.repeat(64)}"`);
    expect(quoteValue('x'.repeat(65))).toBe(`"${'x'.repeat(64)}…"`);
  });
});

it('keeps a file name with a line break on one line', () => {
  expect(escapeUnsafe('a\nb')).toBe('a\\u{a}b');
});

it.each([
  [[], ''],
  [['a'], '"a"'],
  [['a', 'b'], '"a" or "b"'],
  [['a', 'b', 'c'], '"a", "b" or "c"'],
])('lists the choices %j as %s', (values, expected) => {
  expect(quoteChoices(values)).toBe(expected);
});

it.each([
  [0, 'listener', '0 listeners'],
  [1, 'modality', '1 modality'],
  [2, 'modality', '2 modalities'],
  [1, 'day', '1 day'],
  [2, 'day', '2 days'],
])('counts %i %s as %s', (count, noun, expected) => {
  expect(countOf(count, noun)).toBe(expected);
});

describe('the nearest candidate', () => {
  const candidates = ['callingAeTitle', 'calledAeTitle', 'from', 'certificate', 'moveDestinations', 'mode'];
  it.each([
    ['callingAET', 'callingAeTitle'],
    ['CALLING_AE_TITLE', 'callingAeTitle'],
    ['calledAetitle', 'calledAeTitle'],
    ['form', 'from'],
    ['fro', 'from'],
    ['moveDestination', 'moveDestinations'],
    ['cert', 'certificate'],
    ['modes', 'mode'],
    ['x', undefined],
    ['port', undefined],
    ['', undefined],
    ['callingAeTitle'.repeat(1000), undefined],
  ])('to %s is %s', (word, expected) => {
    expect(nearestOf(word, candidates)).toBe(expected);
  });

  it('is the nearest, not the first', () => {
    expect(nearestOf('find', ['findWorklist', 'find'])).toBe('find');
  });
});

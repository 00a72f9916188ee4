import { expect, it } from '@jest/globals';
import { isUid } from '../../../src/dimse/elementValues';

it.each([
  ['1.2.840.10008.1.1', true],
  ['1', true],
  // Leading zeros are forbidden, but old instances have them.
  ['1.2.04', true],
  ['1'.repeat(64), true],
  ['1'.repeat(65), false],
  ['', false],
  ['.', false],
  ['..', false],
  ['1.', false],
  ['.1', false],
  ['1..2', false],
  ['1.2/3', false],
  ['1.2\n', false],
  ['1.2 ', false],
  ['٣', false],
])('%j is a UID: %p', (text, expected) => {
  expect(isUid(text)).toBe(expected);
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lineDiff } from '../../../src/text/lineDiff';

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `line ${index + 1}`);
}

describe('what changed in a text', () => {
  it('is shown in several places, each with three lines around it', () => {
    const before = numbers(30);
    const after = before.with(4, 'five').toSpliced(24, 1, 'a', 'b');
    expect(lineDiff('f', before.join('\n'), after.join('\n')).split('\n')).toEqual([
      ...['--- f', '@@ -2,7 +2,7 @@', ' line 2', ' line 3', ' line 4', '-line 5', '+five'],
      ...[' line 6', ' line 7', ' line 8'],
      ...['@@ -22,7 +22,8 @@', ' line 22', ' line 23', ' line 24', '-line 25', '+a', '+b'],
      ...[' line 26', ' line 27', ' line 28', ''],
    ]);
  });

  it('is one place where the changes are near', () => {
    const before = numbers(9);
    const text = lineDiff('f', before.join('\n'), before.with(2, 'x').with(6, 'y').join('\n'));
    expect(text.match(/^@@.*/gm)).toEqual(['@@ -1,9 +1,9 @@']);
  });

  it('is nothing where the text is the same', () => {
    expect(lineDiff('f', 'a\nb', 'a\nb')).toBe('');
  });

  it('gives the new text, whatever the two are', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const shown = lineDiff('f', `${before.join('\n')}\n`, `${after.join('\n')}\n`)
          .split('\n')
          .slice(1, -1);
        const result = before.length === 0 ? [''] : [...before];
        let shift = 0;
        for (const hunk of shown.join('\n').split(/^@@ /m).slice(1)) {
          const [head, ...lines] = hunk.split('\n').filter((line) => line !== '');
          const [, start, count] = /^-(\d+),(\d+)/.exec(head!)!.map(Number);
          const kept = lines.filter((line) => !line.startsWith('-')).map((line) => line.slice(1));
          result.splice(start! - 1 + shift, count!, ...kept);
          shift += kept.length - count!;
        }
        expect(result.filter((line) => line !== '')).toEqual(after);
      }),
    );
  });
});

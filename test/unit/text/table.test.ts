import { afterEach, describe, expect, it } from '@jest/globals';
import { paint, showOn } from '../../../src/text/display';
import { hangingLines, textTable } from '../../../src/text/table';

describe('a table on a terminal', () => {
  it('has columns as wide as their widest cell, and no spaces at the end', () => {
    expect(
      textTable([
        ['NAME', 'FROM'],
        ['ct1', ''],
        ['scanner', '10.1.2.10'],
      ]),
    ).toEqual(['NAME     FROM', 'ct1', 'scanner  10.1.2.10']);
  });

  it('cuts a cell that would make every row longer than anybody reads, and leaves the last column whole', () => {
    const long = 'x'.repeat(3_000_000);
    const rows = [['NAME', 'FROM'], [long, long], ...Array.from({ length: 10_000 }, () => ['ct1', '-'])];
    const lines = textTable(rows);
    expect(lines[1]).toBe(`${'x'.repeat(199)}…  ${long}`);
    expect(lines[2]).toBe(`${'ct1'.padEnd(200)}  -`);
  });
});

describe('a table on a narrow display', () => {
  afterEach(() => showOn({ columns: Number.POSITIVE_INFINITY }, {}));
  const rows = [
    ['NAME', 'REASON', 'ID'],
    ['ct1', 'calling-ae-title-unknown: the calling AE title is in no entry', '0123456789'],
  ];

  it('wraps the widest column at words, and loses nothing', () => {
    showOn({ columns: 50 }, {});
    expect(textTable(rows, { hasHeadings: true, fits: ['whole', 'words', 'whole'] })).toEqual([
      'NAME  REASON                            ID',
      'ct1   calling-ae-title-unknown: the     0123456789',
      '      calling AE title is in no entry',
    ]);
  });

  it('breaks within a word only where the column says so', () => {
    showOn({ columns: 24 }, {});
    const number = '0123456789ABCDEF0123';
    expect(textTable([['ct1', number]], { fits: ['whole', 'anywhere'] })).toEqual([
      'ct1  0123456789ABCDEF012',
      '     3',
    ]);
  });

  it('becomes paragraphs where not even the words fit beside each other', () => {
    showOn({ columns: 40 }, {});
    expect(textTable(rows, { hasHeadings: true, fits: ['whole', 'words', 'whole'] })).toEqual([
      'ct1',
      '  REASON  calling-ae-title-unknown: the',
      '          calling AE title is in no',
      '          entry',
      '  ID      0123456789',
    ]);
  });

  it('lets no cell move the cursor or begin a line, and still colours', () => {
    showOn({ columns: 80, isTTY: true }, {});
    const [line] = textTable([['\u001b[2J\n', 'DOWN']], {
      tone: (cell) => (cell === 'DOWN' ? 'refused' : undefined),
    });
    expect(line).toBe('\\u{1b}[2J\\u{a}  \u001b[31mDOWN\u001b[39m');
  });

  it('takes COLUMNS where the stream has no width, and else 80', () => {
    const text = 'word '.repeat(40).trim();
    showOn({}, { COLUMNS: '60' });
    expect(Math.max(...hangingLines(text, 2).map(({ length }) => length))).toBeLessThanOrEqual(60);
    showOn({}, {});
    expect(hangingLines(text, 2)[0]).toHaveLength(79);
    showOn({ columns: 100 }, { COLUMNS: '60' });
    expect(hangingLines(text, 2)[0]).toHaveLength(99);
  });
});

describe('colour', () => {
  afterEach(() => showOn({ columns: Number.POSITIVE_INFINITY }, {}));

  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ TERM: 'dumb' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ])('with %j, on a terminal: %j, is used: %j', (environment, isTTY, isUsed) => {
    showOn({ isTTY }, environment);
    expect(paint('ok', 'ready') !== 'ready').toBe(isUsed);
  });
});

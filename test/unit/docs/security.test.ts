/** Keeps docs/security.md and SECURITY.md true: every file and every test that they name exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(__dirname, '../../..');
const PAGES = ['docs/security.md', 'SECURITY.md'];
/** A file of tests, and the names of some of its tests as they stand in it. */
const PROOF = /`(test\/[^`]+)`((?:[:,] \*[^*]+\*)*)/g;

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Every table row of a page but the heads, as cells. */
function rowsOf(page: string): string[][] {
  const rows = textOf(page).match(/^\| .*\|$/gm) ?? [];
  return rows
    .filter((row) => !row.endsWith('| shown by |'))
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function namedTests(text: string): { file: string; name: string }[] {
  return [...text.matchAll(PROOF)].flatMap(([, file, names]) =>
    [...names!.matchAll(/\*([^*]+)\*/g)].map(([, name]) => ({ file: file!, name: name! })),
  );
}

describe.each(PAGES)('%s', (page) => {
  const text = textOf(page);

  it('names files of tests that exist', () => {
    const files = [...text.matchAll(PROOF)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('names tests that exist', () => {
    const named = namedTests(text);
    expect(named.length).toBeGreaterThan(10);
    const missing = named.filter(({ file, name }) => {
      const source = existsSync(join(root, file)) ? textOf(file) : '';
      return !["'", '`', '"'].some((quote) => source.includes(`${quote}${name}${quote}`));
    });
    expect(missing).toEqual([]);
  });

  it('has a test in each row of its tables, or says why there is none', () => {
    const bare = rowsOf(page).filter((cells) => !/^`test\/|^No test: \w/.test(cells.at(-1)!));
    expect(bare).toEqual([]);
  });
});

it('docs/security.md has every row of each kind, in order', () => {
  const ids = rowsOf('docs/security.md').map(([id]) => id!);
  const kinds = { P: 11, S: 19, R: 6, T: 9, L: 11, O: 13, K: 7, A: 8, C: 9, M: 1 };
  const expected = Object.entries(kinds).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, index) => `${kind}${index + 1}`),
  );
  expect(ids).toEqual(expected);
});

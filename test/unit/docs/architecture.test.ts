/** Keeps the reading list of docs/architecture.md short, and its files where it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(__dirname, '../../..');
const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const list = text.split('<!-- reading list -->')[1] ?? '';
const files = [...list.matchAll(/^\d+\. \[`([^`]+)`\]\(\.\.\/([^)]+)\)/gm)];

/** Throws where the file is missing. */
function linesOf(path: string): number {
  return readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length;
}

describe('the reading list', () => {
  it('names at most five files, which exist', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(files.length).toBeLessThanOrEqual(5);
    for (const [, name, link] of files) {
      expect(link).toBe(name);
      expect(linesOf(name!)).toBeGreaterThan(0);
    }
  });

  it('takes at most 1,200 lines to read', () => {
    expect(files.reduce((total, [, name]) => total + linesOf(name!), 0)).toBeLessThanOrEqual(1200);
  });

  it('explains every other file that it names, which exists too', () => {
    const others = [...list.matchAll(/`([a-z]+\/\w+\.ts)`/g)].map(([, name]) => name!);
    for (const name of others) expect(linesOf(`src/${name}`)).toBeGreaterThan(0);
  });
});

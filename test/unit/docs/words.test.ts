/**
 * Refuses words that made readers stumble, wherever a person reads: in the documentation, in messages and comments, and
 * in the names of tests.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = resolve(__dirname, '../../..');

/** Every page, the source, and the tests, whose names are read when they fail. */
const PLACES = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'Dockerfile'],
  ...['bench', 'certs/README.md', 'config', 'deploy', 'docs', 'lint', 'scripts', 'src', 'test'],
];
/** This file has the refused words. */
const OWN_NAME = relative(ROOT, __filename);

/** What is refused, and what to write instead. */
const REFUSED: readonly (readonly [pattern: string, instead: string])[] = [
  ['anew', '"again", or "a new …"'],
  ['who(so)?ever|whomever', '"the person who", "the peer that", "anyone who"'],
  ['by now', '"now", or nothing'],
  ['mend(s|ed|ing)?', '"fix"'],
  ['told', '"reported", "asked", "distinguished"'],
  ['he|him|his', '"you", "the operator", "the modality", "the archive", "the peer"'],
  ['(?<!there )(is|are|was|were) no (?!longer\\b|more\\b)[a-z]+', '"is not a …"'],
  ['nobody \\w+ but', '"only"'],
  ['whom|whose sake|thereof|lest', 'a sentence without it'],
  ['(half|twice) as \\w+ again', 'a percentage'],
];

/** Words may be parted by the end of a line, and the next one begin with the sign of a comment. */
function expression(pattern: string): RegExp {
  return new RegExp(`\\b(${pattern.replaceAll(' ', '(?:\\s|\\*|//|#)+')})\\b`, 'gi');
}

/** Each refused word with its line. */
function refusedIn(text: string): string[] {
  return REFUSED.flatMap(([pattern, instead]) =>
    [...text.matchAll(expression(pattern))].map(({ index, 0: found }) => {
      const line = text.slice(0, index).split('\n').length;
      return `${line}: "${found.replace(/\s[\s*/]*/g, ' ')}"; write ${instead}`;
    }),
  );
}

function filesOf(path: string): string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  return readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cjs|css|grit|html|jsonc|md|mjs|service|sh|tsx?)$/.test(name))
    .map((name) => join(path, name));
}

describe('words', () => {
  it('finds what is refused, with its line', () => {
    expect(refusedIn('// It is encoded\n// anew.')).toEqual(['2: "anew"; write "again", or "a new …"']);
    expect(refusedIn(' * The title is\n * no secret.')).toEqual(['1: "is no secret"; write "is not a …"']);
    expect(refusedIn('There is no file there, there are no\nothers, and it is no longer read.')).toEqual([]);
  });

  it.each(PLACES)('of %s are plain', (path) => {
    const files = filesOf(path).filter((file) => file !== OWN_NAME);
    const refused = files.flatMap((file) =>
      refusedIn(readFileSync(join(ROOT, file), 'utf8')).map((word) => `${file}:${word}`),
    );
    expect(refused).toEqual([]);
  });
});

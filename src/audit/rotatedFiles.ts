/**
 * Names of rotated files: `audit.jsonl.1` is the newest, and numbers grow with age, as logrotate counts. Moves and finds
 * them; reads and writes none.
 */
import { existsSync, readdirSync, realpathSync, renameSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { areSameFile } from '../files/paths';

/** Ours, and those of logrotate with and without dates, compressed or not. */
const ROTATED = /^[.-]\d+(?:-\d+)?(?:\.gz)?$/;

/** Where the new file is made before it takes the place of the full one. */
export function temporaryName(name: string): string {
  return `${name}.new`;
}

/** Moves each file one number up, then the full file to `.1`, then the new one to its place. What is beyond `keep` goes. */
export function rotateFiles(name: string, keep: number): void {
  const numbered = (number: number) => `${name}.${number}`;
  // A gap, which a process that was killed here can leave, is filled.
  let last = 1;
  while (last <= keep && existsSync(numbered(last))) last += 1;
  for (let number = last - 1; number >= 1; number -= 1) renameSync(numbered(number), numbered(number + 1));
  renameSync(name, numbered(1));
  renameSync(temporaryName(name), name);
  for (let number = keep + 1; existsSync(numbered(number)); number += 1) unlinkSync(numbered(number));
}

/** The file behind a link. */
export function targetOf(name: string): string {
  return realpathSync(name);
}

export function isFileAt(name: string, file: Stats): boolean {
  const stats = statSync(name, { throwIfNoEntry: false });
  return stats !== undefined && areSameFile(stats, file);
}

/** What rotation has made of this file, in no order; nothing where the folder cannot be read. */
export function rotatedFilesOf(name: string): string[] {
  try {
    const beginning = basename(name);
    return readdirSync(dirname(name))
      .filter((entry) => entry.startsWith(beginning) && ROTATED.test(entry.slice(beginning.length)))
      .map((entry) => join(dirname(name), entry));
  } catch {
    return [];
  }
}

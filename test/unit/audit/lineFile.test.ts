/** Files that are moved away, by logrotate or by the gateway itself, while lines are written. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { LineFile, type Rotation } from '../../../src/audit/lineFile';
import { rotatedFilesOf } from '../../../src/audit/rotatedFiles';
import { onCleanUp } from '../../support/cleanUp';
import { temporaryFolder } from '../../support/processes';

function open(rotation?: Rotation, name = join(temporaryFolder(), 'audit.jsonl')) {
  const said: string[] = [];
  const ignore = () => {};
  const events = { say: (message: string) => said.push(message), resumed: ignore, found: ignore };
  const file = new LineFile(name, rotation, events);
  return { file, name, said };
}

function numbered(from: number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => `{"line":${from + index}}\n`).join(''));
}

/** Of all files, the oldest first. */
function numbersIn(name: string): number[] {
  const number = (file: string) => Number(file.slice(name.length + 1) || 0);
  const files = [name, ...rotatedFilesOf(name)].sort((one, other) => number(other) - number(one));
  return files.flatMap((file) =>
    readFileSync(file, 'latin1')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { line: number }).line),
  );
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('a file that rotates by itself', () => {
  it('has 100,000 lines over 20 files, none lost, none twice, in order, none longer than allowed', () => {
    const { file, name, said } = open({ maxBytes: 78_000, keep: 100 });
    // Odd numbers of lines at a time, some of them more than a file may have.
    for (let from = 0, size = 1; from < 100_000; from += size, size = (size * 7 + 13) % 9001) {
      file.append(numbered(from, Math.min(size, 100_000 - from)));
    }
    file.close();
    expect(numbersIn(name)).toEqual(upTo(100_000));
    const files = rotatedFilesOf(name);
    expect(files.length).toBeGreaterThanOrEqual(19);
    for (const rotated of files) expect(statSync(rotated).size).toBeLessThanOrEqual(78_000);
    expect(said).toEqual([]);
  });

  it('keeps the newest files only', () => {
    const { file, name } = open({ maxBytes: 1000, keep: 3 });
    for (let from = 0; from < 1000; from += 10) file.append(numbered(from, 10));
    expect(readdirSync(join(name, '..')).sort()).toEqual([
      'audit.jsonl',
      'audit.jsonl.1',
      'audit.jsonl.2',
      'audit.jsonl.3',
    ]);
    const numbers = numbersIn(name);
    expect(numbers).toEqual(upTo(1000).slice(1000 - numbers.length));
    file.rotation = { maxBytes: 1000, keep: 1 };
    file.append(numbered(1000, 80));
    expect(rotatedFilesOf(name)).toEqual([`${name}.1`]);
    file.close();
  });

  it('goes on with its size and its age after a restart', () => {
    const { file, name } = open({ maxBytes: 1000, keep: 3 });
    file.append(numbered(0, 50));
    file.close();
    const again = open({ maxBytes: 1000, keep: 3 }, name);
    again.file.append(numbered(50, 40));
    again.file.close();
    expect(statSync(`${name}.1`).size).toBeGreaterThan(900);
    expect(numbersIn(name)).toEqual(upTo(90));
    const day = 24 * 60 * 60 * 1000;
    const old = join(temporaryFolder(), 'old.jsonl');
    writeFileSync(old, `{"time":"${new Date(Date.now() - 1.1 * day).toISOString()}","line":0}\n`);
    const younger = open({ days: 2, keep: 3 }, old);
    younger.file.append(numbered(1, 1));
    younger.file.close();
    expect(rotatedFilesOf(old)).toEqual([]);
    const older = open({ days: 1, keep: 3 }, old);
    older.file.append(numbered(2, 1));
    expect(rotatedFilesOf(old)).toEqual([`${old}.1`]);
    expect(numbersIn(old)).toEqual([0, 1, 2]);
    jest.useFakeTimers({ now: Date.now() + 1.01 * day, doNotFake: ['setImmediate', 'nextTick'] });
    onCleanUp(() => void jest.useRealTimers());
    older.file.append(numbered(3, 1));
    jest.useRealTimers();
    older.file.close();
    expect(rotatedFilesOf(old)).toHaveLength(2);
  });

  it('keeps mode and owner', () => {
    const { file, name } = open({ maxBytes: 1000, keep: 3 });
    chmodSync(name, 0o660);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(name, 12345, 54321);
    file.append(numbered(0, 200));
    file.close();
    const { mode, uid, gid } = statSync(name);
    expect(mode & 0o777).toBe(0o660);
    if (isRoot) expect([uid, gid]).toEqual([12345, 54321]);
  });

  it('fills a gap that a killed process left, and takes its new file', () => {
    const { file, name } = open({ maxBytes: 1000, keep: 5 });
    writeFileSync(`${name}.2`, '{"line":0}\n');
    writeFileSync(`${name}.new`, '');
    file.append(numbered(1, 100));
    file.close();
    expect(existsSync(`${name}.new`)).toBe(false);
    expect(numbersIn(name)).toEqual(upTo(101));
  });

  it('rotates the file behind a link', () => {
    const target = join(temporaryFolder(), 'data.jsonl');
    writeFileSync(target, '');
    const link = join(temporaryFolder(), 'audit.jsonl');
    symlinkSync(target, link);
    const { file } = open({ maxBytes: 1000, keep: 5 }, link);
    file.append(numbered(0, 100));
    file.close();
    expect(numbersIn(target)).toEqual(upTo(100));
    expect(rotatedFilesOf(target).length).toBeGreaterThan(0);
  });

  it('goes on in the old file where it cannot be rotated, and says so once', () => {
    const { file, name, said } = open({ maxBytes: 1000, keep: 5 });
    // Stands for a folder that cannot be written, which root could.
    mkdirSync(`${name}.new`);
    for (let from = 0; from < 300; from += 1) file.append(numbered(from, 1));
    file.close();
    expect(numbersIn(name)).toEqual(upTo(300));
    expect(said).toEqual([expect.stringMatching(/cannot be rotated, lines go on into the old one: E/)]);
  });
});

describe('a file that was moved away', () => {
  it('is made again with the same mode, and the old one gets nothing more', () => {
    const { file, name } = open();
    chmodSync(name, 0o604);
    file.append(numbered(0, 3));
    renameSync(name, `${name}.1`);
    file.append(numbered(3, 3));
    file.reopen();
    file.append(numbered(6, 3));
    file.reopen();
    file.append(numbered(9, 3));
    file.close();
    expect(numbersIn(name)).toEqual(upTo(12));
    expect(readFileSync(name, 'latin1')).toMatch(/^\{"line":6\}/);
    expect(statSync(name).mode & 0o777).toBe(0o604);
  });

  it('is taken as it is where somebody made it', () => {
    const { file, name } = open();
    renameSync(name, `${name}.1`);
    writeFileSync(name, '');
    chmodSync(name, 0o644);
    file.reopen();
    file.append(numbered(0, 1));
    file.close();
    expect(readFileSync(name)).toEqual(numbered(0, 1));
    expect(statSync(name).mode & 0o777).toBe(0o644);
  });

  it('goes on to be written where its folder is gone', () => {
    const { file, name, said } = open();
    const moved = `${temporaryFolder()}/moved.jsonl`;
    renameSync(name, moved);
    mkdirSync(name);
    file.reopen();
    file.append(numbered(0, 2));
    file.close();
    expect(numbersIn(moved)).toEqual([0, 1]);
    expect(said).toEqual([expect.stringContaining('cannot be opened again')]);
  });
});

const LOGROTATE = '/usr/sbin/logrotate';

(existsSync(LOGROTATE) ? it : it.skip)(
  'logrotate itself loses nothing, with and without copytruncate',
  () => {
    for (const how of ['delaycompress', 'copytruncate']) {
      const folder = temporaryFolder();
      const { file, name } = open(undefined, join(folder, 'audit.jsonl'));
      const configuration = join(folder, 'logrotate.conf');
      writeFileSync(configuration, `${name} {\n  rotate 9\n  size 1\n  su root root\n  ${how}\n}\n`);
      chmodSync(folder, 0o755);
      for (let round = 0; round < 3; round += 1) {
        file.append(numbered(round * 10, 10));
        execFileSync(LOGROTATE, ['--state', join(folder, 'state'), configuration]);
        if (how !== 'copytruncate') file.reopen();
      }
      file.append(numbered(30, 10));
      file.close();
      expect(numbersIn(name)).toEqual(upTo(40));
    }
  },
);

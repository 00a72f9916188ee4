import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { PendingCaller } from '../../../src/admin/pendingCaller';
import { readPendingFile, recoverPendingFile, writePendingFile } from '../../../src/admin/pendingFile';
import { pendingCaller } from '../../support/pendingCaller';
import { temporaryFolder } from '../../support/processes';

const caller: PendingCaller = { ...pendingCaller, callingAeTitle: 'CT9\u0000\u001b[31m' };
const other: PendingCaller = { ...caller, id: 'ba9876543210', count: 2 };

function newFile() {
  return join(temporaryFolder(), 'pending.json');
}

describe('the file of pending callers', () => {
  it('gives back what was written, and only its owner can read it', async () => {
    const file = newFile();
    await writePendingFile(file, [caller, other]);
    expect(readPendingFile(file)).toEqual([caller, other]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is an empty list where there is none', () => {
    const warnings: string[] = [];
    expect(recoverPendingFile(newFile(), (text) => warnings.push(text))).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['cut short', '{"version":1,"callers":[{"id":'],
    ['of another version', '{"version":2,"callers":[]}'],
    ['something else', '[]'],
    ['with an entry that is none', JSON.stringify({ version: 1, callers: [{ ...caller, count: 'many' }] })],
    [
      'with an entry that is too long',
      JSON.stringify({ version: 1, callers: [{ ...caller, listener: 'x'.repeat(999) }] }),
    ],
  ])('is put aside where it is %s, and does not stop the start', (_what, content) => {
    const file = newFile();
    writeFileSync(file, content);
    const warnings: string[] = [];
    expect(recoverPendingFile(file, (text) => warnings.push(text))).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^pending\.file .* is damaged: .*; it is kept as .*\.damaged; the list .* starts empty$/,
      ),
    ]);
    expect(readFileSync(`${file}.damaged`, 'utf8')).toBe(content);
    expect(existsSync(file)).toBe(false);
  });

  it('is reported where it cannot be read, and does not stop the start', () => {
    const file = newFile();
    mkdirSync(file);
    const warnings: string[] = [];
    expect(recoverPendingFile(file, (text) => warnings.push(text))).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/is a folder; .*the list of pending callers starts empty$/),
    ]);
  });
});

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ExitCode } from '../../../src/errors';
import { whileLocked } from '../../../src/files/lock';
import { temporaryFolder } from '../../support/processes';

function newFile() {
  return join(temporaryFolder(), 'aegis.jsonc');
}

describe('whileLocked', () => {
  it('runs one action after the other, and says meanwhile who holds the file', async () => {
    const file = newFile();
    let running = 0;
    const actions = Array.from({ length: 5 }, (_, index) =>
      whileLocked(file, async () => {
        running += 1;
        expect(running).toBe(1);
        expect(readFileSync(`${file}.lock`, 'utf8')).toBe(`${process.pid}\n`);
        // The others have had time to try as well: theirs is one such call, or a pause after it.
        for (let count = 0; count < 20; count += 1) await access(file).catch(() => undefined);
        running -= 1;
        return index;
      }),
    );
    expect(await Promise.all(actions)).toEqual([0, 1, 2, 3, 4]);
    expect(existsSync(`${file}.lock`)).toBe(false);
  });

  it('is free again after an action that failed', async () => {
    const file = newFile();
    await expect(whileLocked(file, () => Promise.reject(new Error('full')))).rejects.toThrow('full');
    expect(await whileLocked(file, async () => 'done')).toBe('done');
  });

  it.each([
    ['4711\n', 'process 4711'],
    ['', 'another command'],
    ['x\x1b[31m', 'another command'],
  ])('leaves a lock alone that nobody takes away: %j', async (content, who) => {
    const file = newFile();
    writeFileSync(`${file}.lock`, content);
    await expect(whileLocked(file, async () => 'done', 30)).rejects.toMatchObject({
      message: `${file}.lock says that ${who} is writing the file; try again, or delete it if no aegis command is running`,
      exitCode: ExitCode.Failed,
    });
    expect(readFileSync(`${file}.lock`, 'utf8')).toBe(content);
  });
});

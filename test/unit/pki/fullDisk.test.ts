import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { registerPki } from '../../../src/commands/pki/pki';
import { authorityFolders } from '../../support/authorityFolder';
import { runCommand } from '../../support/commandLine';
import { describeWithSmallDisk } from '../../support/peers';
import { SmallDisk } from '../../support/smallDisk';

const newFolder = authorityFolders();

/** The folder of a CA on a disk of its own, with a certificate of ct1. */
async function folderOnDisk() {
  const disk = new SmallDisk();
  const directory = join(disk.folder, 'pki');
  cpSync((await newFolder()).directory, directory, { recursive: true });
  const pki = (verb: string, ...options: string[]) =>
    runCommand(registerPki, ['pki', verb, '--dir', directory, ...options]);
  await pki('client', 'ct1');
  return { disk, directory, pki, log: join(directory, 'issued.jsonl') };
}

const isFull = /cannot be written: the disk is full \(ENOSPC\); free some space and try again$/;

describeWithSmallDisk('a full disk', () => {
  it('leaves no record of certificates that nobody has', async () => {
    const { disk, directory, pki, log } = await folderOnDisk();
    const before = readFileSync(log, 'utf8');
    const files = readdirSync(directory);
    disk.fill();
    await expect(pki('client', 'ct2')).rejects.toThrow(isFull);
    await expect(pki('renew', 'ct1')).rejects.toThrow(isFull);
    expect(readFileSync(log, 'utf8')).toBe(before);
    expect(readdirSync(directory).filter((name) => name !== 'former')).toEqual(files);
    disk.free();
    expect((await pki('list')).printed).not.toContain('replaced');
  });

  it('that cuts a revocation short is reported, and not an obstacle to the next attempt', async () => {
    const { disk, directory, pki, log } = await folderOnDisk();
    // The record of the revocation begins in the last bytes of a block.
    const { length } = readFileSync(log);
    appendFileSync(log, '\n'.repeat(4096 - (length % 4096) - 20));
    disk.fill();
    await expect(pki('revoke', 'ct1')).rejects.toThrow(isFull);
    await expect(pki('revoke', 'ct1')).rejects.toThrow(isFull);
    expect(readFileSync(log).length % 4096).toBe(0);
    disk.free();
    const { printed, printedErrors } = await pki('list');
    expect(printedErrors).toMatch(/^warning: .*issued\.jsonl ends in an unfinished record, .*repeat it\n$/);
    expect(printed).toMatch(/^ct1\.crt +valid/m);
    expect((await pki('revoke', 'ct1')).printed).toMatch(/^revoked /);
    const after = await pki('list');
    expect(after.printed).toMatch(/^ct1\.crt +revoked/m);
    expect(after.printedErrors).toBe('');
    await pki('client', 'ct2');
    expect(existsSync(join(directory, 'ct2.crt'))).toBe(true);
  });
});

describeWithSmallDisk('a read-only file system', () => {
  it('is reported as what it is', async () => {
    const { disk, directory, pki } = await folderOnDisk();
    disk.makeReadOnly();
    await expect(pki('renew', 'ct1')).rejects.toThrow(
      `${join(directory, 'former')} cannot be written: the file system is read-only (EROFS); `,
    );
  });
});

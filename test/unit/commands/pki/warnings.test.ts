/** What `aegis pki` warns of and does all the same: weak or open secrets, names of others. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { registerPki } from '../../../../src/commands/pki/pki';
import { authorityFolders } from '../../../support/authorityFolder';
import { runCommand } from '../../../support/commandLine';
import { temporaryFolder } from '../../../support/processes';

const variables = ['AEGIS_CA_PASSPHRASE', 'AEGIS_P12_PASSWORD'] as const;
const { isTTY } = process.stdin;
const newFolder = authorityFolders();
let directory: string;

beforeEach(async () => {
  directory = (await newFolder()).directory;
  for (const name of variables) delete process.env[name];
  // Nobody is there to be asked, even where the tests run on a terminal.
  process.stdin.isTTY = false;
});

afterEach(() => {
  for (const name of variables) delete process.env[name];
  process.stdin.isTTY = isTTY;
});

/** What is printed on stderr. */
async function warnings(verb: string, ...options: string[]): Promise<string> {
  return (await runCommand(registerPki, ['pki', verb, '--dir', directory, ...options])).printedErrors;
}

function secretFile(secret: string, mode: number): string {
  const file = join(temporaryFolder(), 'secret');
  writeFileSync(file, `${secret}\n`);
  chmodSync(file, mode);
  return file;
}

describe('a secret', () => {
  it.each(['x', '1234567'])('that is short is warned of when it is chosen: %s', async (secret) => {
    const characters = secret.length === 1 ? '1 character' : '7 characters';
    process.env.AEGIS_CA_PASSPHRASE = secret;
    process.env.AEGIS_P12_PASSWORD = secret;
    expect(await warnings('init', '--force')).toBe(
      `warning: the passphrase has ${characters}, so anyone with a copy of ca.key can find it by trying; choose one of at least 8\n`,
    );
    expect(await warnings('client', 'ct1')).toBe(
      `warning: the password has ${characters}, so anyone with a copy of ct1.p12 can find it by trying; choose one of at least 8\n`,
    );
  });

  it('that is long enough, or generated, is not', async () => {
    process.env.AEGIS_CA_PASSPHRASE = 'open sesame';
    expect(await warnings('init', '--force')).toBe('');
    expect(await warnings('client', 'ct1')).toBe('');
    process.env.AEGIS_P12_PASSWORD = '12345678';
    expect(await warnings('client', 'ct2')).toBe('');
  });

  it('in a file that others can read is warned of, in the words for private keys', async () => {
    const passphrase = secretFile('open sesame', 0o644);
    const words = `warning: ${passphrase} has mode 644, so others than its owner have access to the passphrase; run "chmod 600 ${passphrase}"\n`;
    expect(await warnings('init', '--force', '--passphrase-file', passphrase)).toBe(words);
    expect(await warnings('renew', 'crl', '--passphrase-file', passphrase)).toBe(words);
    chmodSync(passphrase, 0o600);
    const password = secretFile('correct horse', 0o640);
    expect(
      await warnings('client', 'ct1', '--passphrase-file', passphrase, '--p12-password-file', password),
    ).toBe(
      `warning: ${password} has mode 640, so others than its owner have access to the password; run "chmod 600 ${password}"\n`,
    );
  });
});

describe('aegis pki client', () => {
  it('warns of a name that is of somebody else, as sign does', async () => {
    await warnings('client', 'ct1');
    expect(await warnings('client', 'ct2', '--name', 'ct1')).toBe(
      'warning: the certificate of "ct1" is for ct1, too; the owner of this one can pose as it\n',
    );
    expect(await warnings('client', 'ct1', '--name', 'ct1.example', '--force')).toContain('"ct2" is for ct1');
    expect(await warnings('client', 'ct3', '--name', 'ct3.example')).toBe('');
  });
});

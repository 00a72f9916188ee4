import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Command, CommanderError } from 'commander';
import { registerPki } from '../../../../src/commands/pki/pki';
import { configurationSchema } from '../../../../src/config/schema';
import { ExitCode } from '../../../../src/errors';
import { temporaryFolder } from '../../../support/processes';

const variables = ['AEGIS_CA_PASSPHRASE', 'AEGIS_P12_PASSWORD'] as const;
const { isTTY } = process.stdin;
let directory: string;

beforeEach(() => {
  directory = join(temporaryFolder(), 'pki');
  for (const name of variables) delete process.env[name];
  // Nobody is there to be asked, even where the tests run on a terminal.
  process.stdin.isTTY = false;
});

afterEach(() => {
  for (const name of variables) delete process.env[name];
  process.stdin.isTTY = isTTY;
});

function register(print: (text: string) => void): Command {
  const program = new Command('aegis')
    .option('--config <file>', '', 'config/aegis.jsonc')
    .option('--json')
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  registerPki(program, { print, printError: () => undefined, exit: () => undefined });
  return program;
}

/** Runs `aegis pki …` in this folder and returns what it printed on stdout. */
async function pki(verb: string, ...options: string[]): Promise<string> {
  let printed = '';
  const program = register((text) => {
    printed += text;
  });
  await program.parseAsync(['node', 'aegis', 'pki', verb, '--dir', directory, ...options]);
  return printed;
}

function inFolder(name: string) {
  return join(directory, name);
}

describe('aegis pki', () => {
  it('says what it made and what comes next', async () => {
    const init = await pki('init', '--common-name', 'Example CA');
    expect(init).toContain('CA "Example CA"');
    expect(init).toContain(inFolder('ca.key'));
    expect(init).toMatch(/fingerprint +sha256:([0-9A-F]{2}:){31}[0-9A-F]{2}\n/);
    expect(init).toMatch(/expires +\d{4}-\d\d-\d\d\n/);
    expect(init).toContain(`aegis pki server --dir ${directory} --name`);
    const server = await pki('server', '--name', 'PACS.example', '--name', '10.1.2.3');
    expect(server).toContain('pacs.example, 10.1.2.3');
    expect(server).toContain(inFolder('server-ecdsa.key'));
    const client = await pki('client', 'ct1');
    expect(client).toContain(`copy ${inFolder('ct1.p12')}`);
    expect(client).toContain(`generated, in ${inFolder('ct1.p12.password')}`);
    for (const text of [init, server, client]) expect(text).not.toMatch(/[^\x20-\x7e\n]/);
  });

  it('prints lines that the configuration takes, with paths that are relative to it', async () => {
    await pki('init');
    const server = await pki('server', '--name', 'localhost');
    const tls = JSON.parse(/"tls": (\{[^}]*\})/.exec(server)![1]!);
    const client = await pki('client', 'ct1');
    const certificate = JSON.parse(/"certificate": (".*")/.exec(client)![1]!);
    const configuration = configurationSchema.parse({
      listeners: [{ name: 'tls', port: 2762, tls }],
      upstreams: {},
      modalities: { ct1: { callingAeTitle: 'CT1', from: '10.1.2.3', certificate } },
    });
    const { certificate: certificates, crl, privateKey } = configuration.listeners[0]!.tls!;
    const resolved = [...certificates, ...privateKey, ...crl!].map((path) => resolve('config', path));
    expect(resolved).toEqual(
      ['server.crt', 'server-ecdsa.crt', 'server.key', 'server-ecdsa.key', 'ca.crl'].map(inFolder),
    );
  });

  it('prints the same for machines', async () => {
    const init = JSON.parse(await pki('init', '--json'));
    expect(init).toMatchObject({
      authority: { certificateFile: inFolder('ca.crt'), privateKeyFile: inFolder('ca.key') },
      isKeyEncrypted: false,
      replacedFiles: [],
    });
    const client = JSON.parse(await pki('client', 'ct1', '--json'));
    expect(client.certificates[0]).toMatchObject({ commonName: 'ct1', names: ['ct1'] });
    const [listed] = JSON.parse(await pki('list', '--json'));
    expect(listed).toMatchObject({
      name: 'ct1',
      state: 'valid',
      fingerprint: client.certificates[0].fingerprint,
    });
  });

  it('takes secrets from files and the environment, and never prints one', async () => {
    const passphraseFile = join(temporaryFolder(), 'passphrase');
    writeFileSync(passphraseFile, 'open sesame\r\n');
    await pki('init', '--passphrase-file', passphraseFile);
    expect(readFileSync(inFolder('ca.key'), 'utf8')).toContain('ENCRYPTED');
    await expect(pki('client', 'ct1')).rejects.toThrow('give its passphrase with --passphrase-file');
    process.env.AEGIS_CA_PASSPHRASE = 'open sesame';
    process.env.AEGIS_P12_PASSWORD = 'correct horse';
    const printed = await pki('client', 'ct1');
    expect(existsSync(inFolder('ct1.p12.password'))).toBe(false);
    expect(printed).not.toMatch(/open sesame|correct horse|password/);
  });

  it('refuses an empty secret and a file that is not there', async () => {
    process.env.AEGIS_CA_PASSPHRASE = '';
    await expect(pki('init')).rejects.toThrow('the passphrase in the variable AEGIS_CA_PASSPHRASE is empty');
    const missing = join(directory, 'nothing');
    await expect(pki('init', '--passphrase-file', missing)).rejects.toThrow(`${missing} does not exist`);
    expect(existsSync(directory)).toBe(false);
  });

  it('generates passwords that can be typed and that differ', async () => {
    await pki('init');
    const passwords = [];
    for (const name of ['ct1', 'ct2']) {
      await pki('client', name);
      passwords.push(readFileSync(inFolder(`${name}.p12.password`), 'utf8'));
    }
    for (const password of passwords)
      expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){4}[a-hjkmnp-z2-9]{4}\n$/);
    expect(passwords[0]).not.toBe(passwords[1]);
  });

  it('tells how to revoke what a new certificate supersedes, and does so', async () => {
    await pki('init');
    await pki('client', 'ct1');
    await expect(pki('client', 'ct1')).rejects.toThrow(/ct1\.p12.* exist; .*--force/);
    const printed = await pki('client', 'ct1', '--force');
    expect(printed).toMatch(/replaced +.*ct1\.crt, /);
    const [, serialNumber] = / revoke --dir .* ct1 --serial ([0-9A-F]{32}) --reason superseded\n/.exec(
      printed,
    )!;
    const revoked = await pki('revoke', 'ct1', '--serial', serialNumber!, '--reason', 'superseded');
    expect(revoked).toContain(`revoked ${serialNumber} (ct1.crt, issued `);
    const listed = (await pki('list')).split('\n');
    expect(listed[0]).toMatch(/^CERTIFICATE +STATE +EXPIRES +DAYS LEFT +SERIAL NUMBER +NAMES$/);
    expect(listed[1]).toMatch(
      new RegExp(`^ct1\\.crt +revoked \\d{4}-\\d\\d-\\d\\d +.*${serialNumber} +ct1$`),
    );
    expect(listed[2]).toMatch(/^ct1\.crt +valid /);
    expect(await pki('revoke', 'ct1')).toMatch(/^revoked /);
    expect(await pki('revoke', 'ct1')).toMatch(/^nothing left to revoke for "ct1"/);
  });

  it('counts --days from now', async () => {
    await pki('init');
    const { certificates } = JSON.parse(await pki('client', 'ct1', '--days', '7', '--json'));
    const days = (Date.parse(certificates[0].notAfter) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThanOrEqual(7);
  });

  it.each([['client'], ['revoke', 'ct1', '--reason', 'boredom'], ['init', 'too', 'much']])(
    'refuses %j %j %j %j as wrong usage',
    async (verb, ...options) => {
      await expect(pki(verb!, ...options)).rejects.toBeInstanceOf(CommanderError);
      expect(existsSync(directory)).toBe(false);
    },
  );

  it.each(['0', '3651', '1.5'])('refuses --days %s as wrong usage', async (days) => {
    await expect(pki('client', 'ct1', '--days', days)).rejects.toMatchObject({
      exitCode: ExitCode.Usage,
      message: `--days "${days}" is not a number of days; accepted is 1 to 3650`,
    });
    expect(existsSync(directory)).toBe(false);
  });

  it('has a verb for each thing that a CA does', () => {
    const command = register(() => undefined).commands.find((entry) => entry.name() === 'pki')!;
    expect(command.commands.map((entry) => entry.name())).toEqual([
      'init',
      'server',
      'client',
      'sign',
      'renew',
      'revoke',
      'list',
      'inspect',
      'request',
      'install',
    ]);
  });

  it('does not load what issues certificates before a command needs it', () => {
    jest.isolateModules(() => {
      jest.doMock('node-forge', () => {
        throw new Error('loaded');
      });
      try {
        expect(() => require('../../../../src/x509/pkcs12')).toThrow('loaded');
        require('../../../../src/x509/tlsFiles');
        require('../../../../src/x509/certificateTrust');
        require('../../../../src/commands/pki/pki').registerPki(new Command());
      } finally {
        jest.dontMock('node-forge');
      }
    });
  });
});

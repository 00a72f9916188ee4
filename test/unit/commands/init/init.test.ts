/** `aegis init`: what it asks, what it writes, and that it leaves nothing behind where it fails. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { registerCheck } from '../../../../src/commands/check';
import { registerInit } from '../../../../src/commands/init/init';
import { ExitCode } from '../../../../src/errors';
import { testCertificates } from '../../../support/certificates';
import { runCommand } from '../../../support/commandLine';
import { freePort, temporaryFolder } from '../../../support/processes';
import { SpyUpstream } from '../../../support/spyUpstream';
import { openTerminal, type Terminal } from '../../../support/terminal';
import { waitFor } from '../../../support/waiting';

const { isTTY } = process.stdin;
let folder: string;
let config: string;
let certs: string;

beforeEach(() => {
  process.stdin.isTTY = false;
  folder = temporaryFolder();
  config = join(folder, 'config', 'aegis.jsonc');
  certs = join(folder, 'certs');
});

afterEach(() => {
  process.stdin.isTTY = isTTY;
});

function init(...options: string[]) {
  return runCommand(registerInit, ['--config', config, 'init', '--dir', certs, ...options]);
}

/** What does not depend on the machine. */
function initQuietly(...options: string[]) {
  return init(
    '--yes',
    '--offline',
    '--name',
    'localhost',
    '--audit-file',
    join(folder, 'audit.jsonl'),
    ...options,
  );
}

function check() {
  return runCommand(registerCheck, ['--config', config, 'check', '--offline']);
}

function written() {
  return readFileSync(config, 'utf8');
}

function modeOf(file: string) {
  return (statSync(file).mode & 0o777).toString(8);
}

describe('aegis init --yes', () => {
  it('writes a configuration that is accepted, with secrets that only their owner can read', async () => {
    const { exitCode, printed } = await initQuietly();
    expect(exitCode).toBe(ExitCode.Done);
    expect((await check()).exitCode).toBe(ExitCode.Done);
    for (const secret of ['ca.key', 'server.key', 'server-ecdsa.key', 'admin.token']) {
      expect([secret, modeOf(join(certs, secret))]).toEqual([secret, '600']);
    }
    expect(modeOf(certs)).toBe('700');
    expect(readdirSync(join(folder, 'config')).sort()).toEqual(['aegis.jsonc', 'aegis.schema.json']);
    expect(printed.replaceAll(folder, '')).toBe(`wrote /config/aegis.jsonc
  CA            /certs/ca.crt, its key ca.key and its list ca.crl
  certificates  /certs/server.crt (RSA) and /certs/server-ecdsa.crt
  admin token   /certs/admin.token

/certs/ca.key makes certificates: anyone who reads it can let in any device

next:
  aegis --config /config/aegis.jsonc check
  aegis --config /config/aegis.jsonc modality add    (the first device; it asks)
  aegis --config /config/aegis.jsonc start
`);
  });

  it('explains each section, in lines of 80 columns', async () => {
    await initQuietly();
    const text = written();
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    for (const key of text.matchAll(/^ {2}"(\w+)"/gm)) {
      const [, above] = new RegExp(`\\n([^\\n]*)\\n {2}"${key[1]}"`).exec(text.replace('"$', '"')) ?? [];
      expect([key[1], above]).toEqual([key[1], expect.stringMatching(/^ {2}\/\/ /)]);
    }
  });

  it('takes what options say', async () => {
    await init(
      ...['--yes', '--offline', '--name', 'localhost', '--archive', '[::1]:104', '--called', 'PACS'],
      ...['--port', '2763', '--no-admin', '--no-audit-file'],
    );
    expect(written()).toContain('"PACS": { "servers": "[::1]:104" }');
    expect(written()).toContain('"port": 2763,\n');
    expect(written()).toMatch(/\n {2}"pidFile": "[^"]*aegis\.pid"\n\}\n$/);
    expect(existsSync(join(certs, 'admin.token'))).toBe(false);
    expect((await check()).exitCode).toBe(ExitCode.Done);
  });

  it('writes absolute paths as they were given, and others relative to the configuration', async () => {
    const state = join(folder, 'state');
    await initQuietly('--state-directory', state);
    for (const path of [join(certs, 'server.key'), join(folder, 'audit.jsonl'), state]) {
      expect(written()).toContain(`"${path}"`);
    }
    expect(written()).not.toContain('..');
    expect((await check()).exitCode).toBe(ExitCode.Done);
    config = join(folder, 'other', 'aegis.jsonc');
    certs = relative('', join(folder, 'others'));
    await initQuietly();
    expect(written()).toContain('"../others/server.key"');
    expect(written()).toContain('// "stateDirectory": "state"');
    expect((await check()).exitCode).toBe(ExitCode.Done);
  });

  it('refuses a file as the folder of the state', async () => {
    const file = join(folder, 'state');
    writeFileSync(file, '');
    await expect(initQuietly('--state-directory', file)).rejects.toMatchObject({
      message: `--state-directory ${file} is not a folder; name another place`,
      exitCode: ExitCode.Usage,
    });
    expect(readdirSync(folder)).toEqual(['state']);
  });

  it('refuses an archive on another machine until the clear text in between is accepted', async () => {
    await expect(initQuietly('--archive', '10.1.2.3:4242')).rejects.toMatchObject({
      message: expect.stringMatching(/in the clear; add --allow-remote-plaintext to accept that$/),
      exitCode: ExitCode.Usage,
    });
    expect(readdirSync(folder)).toEqual([]);
    await initQuietly('--archive', '10.1.2.3:4242', '--allow-remote-plaintext');
    expect(written()).toContain('"allowRemotePlaintext": true');
    expect((await check()).exitCode).toBe(ExitCode.Done);
  });

  it('says whether the archive answers', async () => {
    const archive = await SpyUpstream.start();
    const at = (port: number) => [
      '--yes',
      '--name',
      'localhost',
      '--archive',
      `127.0.0.1:${port}`,
      '--no-audit-file',
    ];
    const found = await init(...at(archive.port));
    expect(found.printedErrors).toBe(`  127.0.0.1:${archive.port} answered the C-ECHO to ORTHANC\n`);
    certs = join(folder, 'other');
    config = join(folder, 'other.jsonc');
    const missing = await init(...at(await freePort()));
    expect(missing.printedErrors).toMatch(/^ {2}127\.0\.0\.1:\d+ is not reached: .*ECONNREFUSED/);
    expect(missing.exitCode).toBe(ExitCode.Done);
  });

  it.each([
    ['config/aegis.jsonc', []],
    ['certs/server.key', []],
    ['certs/admin.token', ['--certificates', 'later']],
  ])('never replaces a file: %s', async (name, options) => {
    const file = join(folder, name);
    mkdirSync(join(file, '..'));
    writeFileSync(file, 'mine');
    await expect(initQuietly(...options)).rejects.toMatchObject({
      message: expect.stringContaining(`${file} exists and was left as it is; nothing was written.`),
      exitCode: ExitCode.Usage,
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(readdirSync(folder)).toHaveLength(1);
    expect(readdirSync(join(file, '..'))).toHaveLength(1);
  });

  it('makes no second CA', async () => {
    mkdirSync(certs);
    writeFileSync(join(certs, 'ca.key'), 'mine');
    await expect(initQuietly()).rejects.toThrow(
      `--certificates new: ${certs}/ca.key exists, so there is a CA already; make certificates with "aegis pki server" and choose files, or choose another folder with --dir`,
    );
  });

  it('leaves nothing behind where it is interrupted while it writes', async () => {
    const running = initQuietly();
    const refused = expect(running).rejects.toThrow('interrupted; nothing was written');
    await waitFor('the CA', () => existsSync(join(certs, 'ca.crt')));
    process.emit('SIGINT', 'SIGINT');
    await refused;
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves nothing behind where a folder cannot be made', async () => {
    writeFileSync(join(folder, 'config'), '');
    await expect(initQuietly()).rejects.toMatchObject({ exitCode: ExitCode.Failed });
    await expect(initQuietly('--audit-file', join(folder, 'config', 'audit.jsonl'))).rejects.toThrow(
      `the folder ${join(folder, 'config')} does not exist`,
    );
    expect(readdirSync(folder)).toEqual(['config']);
  });

  const hasProc = existsSync('/proc/self');
  (hasProc ? it : it.skip)('comes to an end on a file system that takes no folders', async () => {
    const running = runCommand(registerInit, [
      ...['--config', '/proc/aegis/aegis.jsonc', 'init', '--yes', '--offline', '--name', 'localhost'],
      ...['--no-audit-file', '--dir', join(folder, 'new', 'certs')],
    ]);
    await expect(running).rejects.toMatchObject({ exitCode: ExitCode.Failed });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('certificates that are there, or come later', () => {
  const issued = testCertificates();
  const ca = issued.issue('Hospital CA', { isCa: true });
  const server = issued.issue('pacs', { issuer: ca, names: ['localhost'] });
  const other = issued.issue('other', { issuer: ca, names: ['localhost'] });

  const files = (privateKey: string, certificate = server.certificateFile) => [
    ...['--certificates', 'files', '--certificate', certificate],
    ...['--private-key', privateKey, '--ca', ca.certificateFile],
  ];

  it('names files that fit together', async () => {
    await initQuietly(...files(server.privateKeyFile));
    expect(readdirSync(certs)).toEqual(['admin.token']);
    expect((await check()).exitCode).toBe(ExitCode.Done);
  });

  it.each([
    [
      'the key of another certificate',
      () => files(other.privateKeyFile),
      /^--private-key .* is not the private key of .*; name the key that the certificate was issued for$/,
    ],
    ['a certificate for a key', () => files(server.certificateFile), /^--private-key .* has mode 644/],
    ['a folder', () => files(folder), /^--private-key .* is a folder/],
    ['a missing file', () => files(server.privateKeyFile, 'no.crt'), /^--certificate no\.crt does not exist/],
    ['no file', () => ['--certificates', 'files'], /^--certificate is missing; name the file/],
  ])('refuses %s, and writes nothing', async (_name, options, message) => {
    await expect(initQuietly(...options())).rejects.toMatchObject({
      message: expect.stringMatching(message),
      exitCode: ExitCode.Usage,
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('listens on this machine only while the CA of the hospital has not answered', async () => {
    await initQuietly('--certificates', 'later');
    expect(written()).toContain('aegis pki request --name localhost');
    expect(written()).toContain('{ "name": "local", "host": "127.0.0.1", "port": 11112 }');
    expect((await check()).exitCode).toBe(ExitCode.Done);
  });
});

describe('aegis init on a terminal', () => {
  let terminal: Terminal;

  beforeEach(() => {
    terminal = openTerminal();
  });

  afterEach(() => {
    terminal.close();
  });

  it('asks five questions, and again after an answer that it cannot use', async () => {
    const port = String(await freePort());
    terminal.answers = [
      ...[port, `127.0.0.1:${port}`, 'SEVENTEEN-LETTERS', 'PACS', 'n', `127.0.0.1:${port}`, 'PACS', 'y'],
      ...['pacs_1', 'localhost 127.0.0.1', 'yes', 'new', '99999', '2762', 'none'],
      ...[join(folder, 'nowhere', 'audit.jsonl'), folder, 'none'],
    ];
    const { exitCode } = await init();
    expect(exitCode).toBe(ExitCode.Done);
    expect(terminal.answers).toEqual([]);
    expect(terminal.asked.match(/^\d\/5/gm)).toEqual(
      expect.arrayContaining(['1/5', '2/5', '3/5', '4/5', '5/5']),
    );
    for (const words of [
      `  "${port}" is not an address such as 127.0.0.1:4242`,
      '  "SEVENTEEN-LETTERS" is 17 characters; AE titles have 1 to 16',
      '  "pacs_1" is neither a DNS name nor an IP address',
      '  "yes" is not accepted; accepted are new, files and later',
      '  "99999" is not a port; accepted is a whole number up to 65535',
      '  2762 is the port for modalities; choose another one',
      `  the folder ${join(folder, 'nowhere')} does not exist; make it, or name another file`,
      `  ${folder} is a folder; name a file`,
    ]) {
      expect(terminal.asked).toContain(words);
    }
    expect(written()).toContain(`"PACS": { "servers": "127.0.0.1:${port}" }`);
    expect((await check()).exitCode).toBe(ExitCode.Done);
  });

  it('keeps its questions in 80 columns', async () => {
    const archive = await SpyUpstream.start();
    terminal.answers = [`127.0.0.1:${archive.port}`, '', '', '', '', 'none'];
    await init('--name', 'localhost');
    const lines = terminal.asked.split(/[\r\n]+/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5])('leaves nothing behind where it ends after %i answers', async (count) => {
    const archive = await SpyUpstream.start();
    terminal.answers = [`127.0.0.1:${archive.port}`, 'PACS', 'localhost', 'new', '9762'].slice(0, count);
    const running = init();
    const refused = expect(running).rejects.toMatchObject({
      message: 'nothing was entered; nothing was written',
      exitCode: ExitCode.Usage,
    });
    const questions = ['1/5 ', 'its AE title', '2/5 ', '3/5 certificates', '4/5 ', '5/5 '];
    await waitFor('the question', () => terminal.asked.includes(questions[count]!));
    process.emit('SIGINT', 'SIGINT');
    await refused;
    expect(readdirSync(folder)).toEqual([]);
  });
});

it('needs --yes where nobody can be asked', async () => {
  await expect(init()).rejects.toMatchObject({
    message: expect.stringMatching(/^there is no terminal to ask at; add --yes/),
    exitCode: ExitCode.Usage,
  });
});

/**
 * `aegis pki` for devices that bring their own key, and for certificates that end: sign, renew, list and inspect as a user
 * meets them.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { registerPki } from '../../../../src/commands/pki/pki';
import { authorityFolders } from '../../../support/authorityFolder';
import {
  certificationRequest,
  emailName,
  type TestRequestOptions,
} from '../../../support/certificationRequests';
import { type CommandRun, runCommand } from '../../../support/commandLine';
import { temporaryFolder } from '../../../support/processes';

const variables = ['AEGIS_CA_PASSPHRASE', 'AEGIS_P12_PASSWORD'] as const;
const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')!;
const stderr = Object.getOwnPropertyDescriptor(process.stderr, 'isTTY');
const newFolder = authorityFolders();
let directory: string;

/** Somebody sits at the terminal and types these lines, one for each question. */
function typing(...lines: string[]): { shown: string } {
  const terminal = { shown: '' };
  const keyboard = Object.assign(new PassThrough(), { isTTY: true });
  Object.defineProperty(process, 'stdin', { ...stdin, get: () => keyboard });
  Object.defineProperty(process.stderr, 'isTTY', { value: true, configurable: true });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    terminal.shown += String(text);
    // A question is answered only after it was shown.
    if (/[:\]] $/.test(String(text))) setImmediate(() => keyboard.write(`${lines.shift() ?? ''}\n`));
    return true;
  });
  return terminal;
}

/** Nobody is there to be asked, even where the tests run on a terminal. */
function typingNobody(): void {
  Object.defineProperty(process, 'stdin', {
    ...stdin,
    get: () => Object.assign(new PassThrough(), { isTTY: false }),
  });
}

beforeEach(() => {
  directory = join(temporaryFolder(), 'pki');
  for (const name of variables) delete process.env[name];
  typingNobody();
});

afterEach(() => {
  jest.restoreAllMocks();
  Object.defineProperty(process, 'stdin', stdin);
  if (stderr === undefined) Reflect.deleteProperty(process.stderr, 'isTTY');
  else Object.defineProperty(process.stderr, 'isTTY', stderr);
  for (const name of variables) delete process.env[name];
});

function pki(verb: string, ...options: string[]): Promise<CommandRun> {
  return runCommand(registerPki, ['pki', verb, '--dir', directory, ...options]);
}

function inspect(...options: string[]): Promise<CommandRun> {
  return runCommand(registerPki, ['pki', 'inspect', ...options]);
}

function inFolder(name: string) {
  return join(directory, name);
}

function requestFile(options: TestRequestOptions = {}, name = 'request.csr'): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, certificationRequest(options).pem);
  return file;
}

describe('aegis pki init', () => {
  it('asks twice for the passphrase of the key, and every command that signs then needs it', async () => {
    const terminal = typing('open sesame', 'open sesame', 'open sesame');
    await pki('init', '--encrypt');
    expect(readFileSync(inFolder('ca.key'), 'utf8')).toContain('ENCRYPTED');
    await pki('renew', 'crl');
    expect(terminal.shown).toBe(
      'new passphrase for ca.key: \nthe same again: \npassphrase of the CA key: \n',
    );
    jest.restoreAllMocks();
    typingNobody();
    const file = requestFile();
    const verbs: [string, ...string[]][] = [
      ['server', '--name', 'localhost'],
      ['client', 'ct1'],
      ['sign', file],
      ['renew', 'ca'],
      ['renew', 'crl'],
      ['revoke', 'ct1'],
    ];
    for (const verb of verbs) {
      await expect(pki(...verb)).rejects.toThrow('the CA key is encrypted; give its passphrase with');
    }
  });

  it('makes nothing when the two differ, when there is none, or when nobody can be asked', async () => {
    typing('open sesame', 'open sesam');
    await expect(pki('init', '--encrypt')).rejects.toThrow('the two passphrases differ; nothing was written');
    typing('');
    await expect(pki('init', '--encrypt')).rejects.toThrow('the passphrase is empty; nothing was written');
    typingNobody();
    await expect(pki('init', '--encrypt')).rejects.toThrow('--encrypt: there is no terminal to ask at; give');
    expect(existsSync(directory)).toBe(false);
  });
});

describe('aegis pki sign', () => {
  beforeEach(async () => {
    directory = (await newFolder()).directory;
  });

  it('shows what was asked for, what of it is ignored, and what comes next', async () => {
    const file = requestFile({
      commonNames: ['mr1'],
      names: ['mr1.example', '10.1.2.3'],
      furtherNames: [emailName('root@example.org')],
    });
    const { printed, printedErrors } = await pki('sign', file);
    expect(printedErrors).toMatch(/subject +CN=mr1\n/);
    expect(printedErrors).toMatch(/asks for +mr1\.example, 10\.1\.2\.3\n/);
    expect(printedErrors).toMatch(/key +ECDSA P-256, signed with ECDSA with SHA-256\n/);
    expect(printedErrors).toMatch(/ignored +email:root@example\.org\n/);
    expect(printedErrors).toMatch(/names +mr1, mr1\.example, 10\.1\.2\.3\n/);
    expect(printed).toMatch(/^client certificate "mr1"\n/);
    expect(printed).toContain(`copy ${inFolder('mr1.crt')} to the device that made the request`);
    expect(printed).toMatch(/"certificate": "spki-sha256:/);
    expect(printed).not.toContain('private key');
  });

  it('asks somebody at a terminal, and takes anything but yes for no', async () => {
    const file = requestFile();
    const terminal = typing('', 'n', 'y');
    await expect(pki('sign', file)).rejects.toThrow('declined; nothing was signed');
    await expect(pki('sign', file)).rejects.toThrow('declined; nothing was signed');
    expect(existsSync(inFolder('ct1.crt'))).toBe(false);
    await pki('sign', file);
    expect(existsSync(inFolder('ct1.crt'))).toBe(true);
    expect(terminal.shown.match(/sign it \(y\/n\) \[n\]: /g)).toHaveLength(3);
  });

  it.each([
    ['Ctrl-C', (): unknown => process.emit('SIGINT')],
    ['Ctrl-D', (): unknown => process.stdin.emit('end')],
  ])('ends with a message of its own line on %s', async (_key, press) => {
    const terminal = typing();
    const listeners = process.listenerCount('SIGINT');
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      terminal.shown += String(text);
      if (String(text).includes('sign it')) setImmediate(press);
      return true;
    });
    await expect(pki('sign', requestFile())).rejects.toMatchObject({
      message: 'nothing was entered; nothing was written',
      exitCode: 2,
    });
    expect(stripVTControlCharacters(terminal.shown)).toBe('sign it (y/n) [n]: \n');
    expect(process.listenerCount('SIGINT')).toBe(listeners);
    expect(existsSync(inFolder('ct1.crt'))).toBe(false);
  });

  it('does not ask with --yes', async () => {
    const terminal = typing('n');
    await pki('sign', requestFile(), '--yes');
    expect(terminal.shown).toBe('');
  });

  it('warns of a name that is of somebody else', async () => {
    await pki('server', '--name', 'pacs.example');
    const { printedErrors } = await pki('sign', requestFile({ names: ['pacs.example'] }));
    expect(printedErrors).toContain('warning: the certificate of "server" is for pacs.example, too;');
  });

  it('lets nothing of a request reach the terminal as it is', async () => {
    const file = requestFile({ commonNames: ['ct1\u001b[2J\nfake: line'], names: ['a\u001b[2Jb'] });
    const { printedErrors } = await pki('sign', file, '--as', 'ct1', '--name', 'ct1.example');
    const shown = `${printedErrors}${(await inspect(file)).printed}`;
    expect(shown).toMatch(/CN=ct1\\u\{1b\}\[2J\\u\{a\}fake: line\n/);
    expect(shown).toContain('a\\u{1b}[2Jb');
    expect(shown).not.toMatch(/[^\x20-\x7e\n]/);
  });
});

describe('aegis pki renew', () => {
  beforeEach(async () => {
    directory = (await newFolder()).directory;
    process.env.AEGIS_P12_PASSWORD = 'correct horse';
  });

  it('says what is new, what was kept, and what has to be done with it', async () => {
    const before = JSON.parse((await pki('client', 'ct1', '--json')).printed).certificates[0];
    const { printed } = await pki('renew', 'ct1');
    expect(printed).toMatch(/^client certificate "ct1", renewed for the same key\n/);
    expect(printed).toContain(before.spkiFingerprint);
    expect(printed).not.toContain(before.fingerprint);
    expect(printed).toContain(inFolder(join('former', `ct1.${before.serialNumber}.crt`)));
    expect(printed).toContain(
      `aegis pki revoke --dir ${directory} ct1 --serial ${before.serialNumber} --reason superseded`,
    );
    expect(printed).toMatch(
      /by "spki-sha256:", "cn:" or "dns:" stay as they are; by "sha256:" they need the new one/,
    );
    expect(printed).not.toContain('correct horse');
  });

  it('names the entries of the configuration that pin the former certificate', async () => {
    const { fingerprint, spkiFingerprint } = JSON.parse((await pki('client', 'ct1', '--json')).printed)
      .certificates[0];
    const config = join(temporaryFolder(), 'aegis.jsonc');
    const entry = (callingAeTitle: string, certificate: string) => ({
      ...{ callingAeTitle, certificate, from: '10.1.2.3', allow: 'echo' },
    });
    writeFileSync(
      config,
      JSON.stringify({
        listeners: [{ name: 'plain', host: '127.0.0.1', port: 11112 }],
        upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
        modalities: {
          stale: {
            ...entry('A', fingerprint.replaceAll(':', '').replace('sha256', 'sha256:').toLowerCase()),
          },
          steady: entry('B', spkiFingerprint),
        },
      }),
    );
    const run = (...options: string[]) =>
      runCommand(registerPki, ['--config', config, 'pki', 'renew', 'ct1', '--dir', directory, ...options]);
    const { printed } = await run();
    expect(printed).toContain(`modalities.stale.certificate in ${config} names the former one`);
    expect(printed).not.toContain('modalities.steady');
  });

  it('renews the gateway, the CA and the CRL, and says who needs to know', async () => {
    await pki('server', '--name', 'localhost');
    expect((await pki('renew', 'server')).printed).toMatch(
      new RegExp(
        `put ${inFolder('server.crt')}, ${inFolder('server-ecdsa.crt')} where .*\n  aegis.* reload\n`,
      ),
    );
    const ca = (await pki('renew', 'ca')).printed;
    expect(ca).toContain('everything that the CA issued stays valid');
    expect(ca).toMatch(/copy .*ca\.crt to each modality before \d{4}-\d\d-\d\d/);
    expect((await pki('renew', 'crl')).printed).toMatch(
      /next update +\d{4}-\d\d-\d\d\n[\s\S]*aegis.* reload\n/,
    );
  });

  it('refuses options that mean nothing', async () => {
    await expect(pki('renew', 'ca', '--new-key')).rejects.toThrow('a CA with another key is another CA');
    await expect(pki('renew', 'crl', '--days', '7')).rejects.toThrow('the list lasts as long as the CA');
    await expect(pki('renew', 'nobody')).rejects.toThrow('there is no certificate of "nobody"');
  });
});

describe('aegis pki list', () => {
  it('ends with what is to be renewed', async () => {
    await pki('init');
    expect((await pki('list')).printed).toContain('next: nothing is in use yet:\n  aegis pki server --dir');
    await pki('server', '--name', 'localhost');
    expect((await pki('list')).printed).toMatch(
      /next: nothing is due; server(-ecdsa)?\.crt is the first to end, in 823 days\n/,
    );
    await pki('client', 'ct1', '--days', '3');
    const { printed } = await pki('list');
    expect(printed.split('\n')[1]).toMatch(/^ct1\.crt +expires soon +\d{4}-\d\d-\d\d +2 /);
    expect(printed).toMatch(new RegExp(`next:\n  aegis pki renew --dir ${directory} ct1\n$`));
  });
});

describe('aegis pki list --expiring-within', () => {
  it('fails when something in use ends in that time, and for nothing that was replaced or revoked', async () => {
    directory = (await newFolder()).directory;
    process.env.AEGIS_P12_PASSWORD = 'correct horse';
    const exitCode = async () => (await pki('list', '--expiring-within', '30')).exitCode;
    await pki('client', 'ct1', '--days', '29');
    expect(await exitCode()).toBe(1);
    await pki('renew', 'ct1');
    expect(await exitCode()).toBeUndefined();
    await pki('client', 'ct2', '--days', '29');
    await pki('revoke', 'ct2');
    expect(await exitCode()).toBeUndefined();
  });
});

describe('aegis pki inspect', () => {
  beforeEach(async () => {
    directory = (await newFolder()).directory;
    await pki('client', 'ct1', '--days', '3');
  });

  it('says in words what is in a file, with the line for the configuration', async () => {
    const { exitCode, printed } = await inspect(inFolder('ct1.crt'));
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^certificate\n {2}subject +CN=ct1\n/);
    expect(printed).toMatch(/expires +\d{4}-\d\d-\d\d \d\d:\d\d UTC, in 2 days\n/);
    expect(printed).toMatch(/purposes +TLS client, TLS server\n/);
    expect(printed).toMatch(/"certificate": "spki-sha256:([0-9A-F]{2}:){31}[0-9A-F]{2}"\n$/);
    expect((await inspect(inFolder('ca.crt'))).printed).toMatch(/^certificate of a CA\n/);
    expect((await inspect(inFolder('ca.crl'))).printed).toMatch(/revoked +nothing\n/);
    expect((await inspect(requestFile())).printed).toMatch(/next:\n {2}aegis pki sign .*request\.csr\n$/);
  });

  it('finds the password that was generated for a PKCS#12 file beside it', async () => {
    const { exitCode, printed } = await inspect(inFolder('ct1.p12'));
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^PKCS#12 file, encrypted with AES-256\n\nprivate key, RSA 2048\n/);
    expect(printed).not.toContain(readFileSync(inFolder('ct1.p12.password'), 'utf8').trim());
  });

  it('prints the same for machines', async () => {
    const { printed } = await inspect(inFolder('ct1.crt'), '--json');
    expect(JSON.parse(printed)).toMatchObject({
      file: inFolder('ct1.crt'),
      contents: [{ kind: 'certificate', subject: 'CN=ct1', currency: 'current', daysLeft: 2 }],
    });
  });

  it('fails for what nobody would take today, and still says what it is', async () => {
    const other = certificationRequest().privateKey;
    const forged = await inspect(requestFile({ signedBy: other }));
    expect(forged.exitCode).toBe(1);
    expect(forged.printed).toMatch(/problem +its signature is not that of its key/);
    jest.useFakeTimers({ now: Date.now() + 4 * 86_400_000, doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const expired = await inspect(inFolder('ct1.crt'));
      expect(expired.exitCode).toBe(1);
      expect(expired.printed).toMatch(/EXPIRED 1 day ago\n/);
      expect(expired.printed).toMatch(
        /next: renew it; if aegis pki issued it, run aegis pki renew <NAME>\n$/,
      );
    } finally {
      jest.useRealTimers();
    }
  });

  it('fails for a file that is too long, as its help says', async () => {
    const file = join(directory, 'long.pem');
    writeFileSync(file, Buffer.alloc(1024 * 1024 + 1));
    await expect(inspect(file)).rejects.toMatchObject({
      message: `${file} has more than 1 MiB; files of certificates and keys are smaller`,
      exitCode: 1,
    });
  });

  it('fails for a folder and for a file that is not there', async () => {
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    await expect(inspect(folder)).rejects.toThrow(`${inFolder('folder')} is a folder; name a file`);
    await expect(inspect(join(directory, 'nothing'))).rejects.toThrow(
      `${join(directory, 'nothing')} does not exist; correct the path`,
    );
  });
});

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { registerCheck } from '../../../../src/commands/check';
import { registerModality } from '../../../../src/commands/modality/modality';
import { registerPki } from '../../../../src/commands/pki/pki';
import { ExitCode } from '../../../../src/errors';
import { authorityFolders } from '../../../support/authorityFolder';
import { runCommand } from '../../../support/commandLine';
import { describeWithSmallDisk } from '../../../support/peers';
import { SmallDisk } from '../../../support/smallDisk';

const newFolder = authorityFolders();
let certs: string;
let file: string;
const { isTTY } = process.stdin;

beforeEach(async () => {
  certs = (await newFolder()).directory;
  // Nobody is there to be asked, even where the tests run on a terminal.
  process.stdin.isTTY = false;
  await pki('server', '--name', 'localhost');
  file = await configurationIn(dirname(certs));
});

afterEach(() => {
  process.stdin.isTTY = isTTY;
});

/** A configuration in that folder that uses the CA of `certs`. */
async function configurationIn(folder: string): Promise<string> {
  const path = join(folder, 'aegis.jsonc');
  const inCerts = (name: string) => join(certs, name);
  writeFileSync(
    path,
    JSON.stringify({
      listeners: [
        {
          name: 'tls',
          port: 2762,
          tls: {
            certificate: inCerts('server.crt'),
            privateKey: inCerts('server.key'),
            trustedCertificates: inCerts('ca.crt'),
            crl: inCerts('ca.crl'),
          },
        },
      ],
      upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
      modalities: { ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', allow: 'store' } },
    }),
  );
  return path;
}

function pki(verb: string, ...options: string[]) {
  return runCommand(registerPki, ['pki', verb, '--dir', certs, ...options]);
}

function modality(verb: string, ...options: string[]) {
  return runCommand(registerModality, ['--config', file, 'modality', verb, '--dir', certs, ...options]);
}

function sheets() {
  return ['--sheet-dir', join(dirname(file), 'onboarding')];
}

function add(...options: string[]) {
  return modality(
    'add',
    '--calling',
    'CT2',
    ...['--from', '10.1.2.11', '--allow', 'echo,store', '--force'],
    ...sheets(),
    ...options,
  );
}

function check() {
  return runCommand(registerCheck, ['--config', file, 'check', '--offline']);
}

function certificate() {
  return join(certs, 'ct2.crt');
}

describe('a modality that comes back after its certificate was revoked', () => {
  beforeEach(async () => {
    await add('--issue-certificate');
    await modality('remove', 'ct2');
    await pki('revoke', 'ct2');
  });

  it('is not given the revoked one, and what is advised instead works', async () => {
    const command = `aegis pki client --dir ${certs} ct2 --force`;
    await expect(add('--issue-certificate')).rejects.toThrow(
      `${certificate()} is revoked; make another with "${command}", and accept it with --certificate ${certificate()}`,
    );
    await runCommand(registerPki, command.split(' ').slice(1));
    expect((await add('--certificate', certificate())).printedErrors).not.toContain('revoked');
    expect((await check()).printed).not.toContain('revoked');
  });

  it('is warned of where it is given the revoked one all the same, then and by check', async () => {
    const words =
      /modalities\.ct2\.certificate names certificate [0-9A-F]{32} of "ct2", which was revoked on \d{4}-\d\d-\d\d: make another with "aegis pki client .* ct2 --force"\n/;
    const { exitCode, printedErrors } = await add('--certificate', certificate());
    expect(exitCode).toBe(ExitCode.Done);
    expect(printedErrors).toMatch(words);
    const checked = await check();
    expect(checked.exitCode).toBe(ExitCode.Done);
    expect(checked.printed).toMatch(words);
  });

  it('is found by the fingerprint of the certificate, too, however that is written', async () => {
    const [, fingerprint] = /fingerprint +(sha256:\S+)/.exec(
      (await runCommand(registerPki, ['pki', 'inspect', certificate()])).printed,
    )!;
    const text = fingerprint!.toLowerCase().replaceAll(':', '').replace('sha256', 'sha256:');
    expect((await add('--certificate', text)).printedErrors).toContain('which was revoked on');
  });

  it('is found in the lists of the listeners where the CA is elsewhere', async () => {
    const lists = readFileSync(join(certs, 'ca.crl'));
    const elsewhere = join(dirname(certs), 'gateway');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'ca.crl'), lists);
    writeFileSync(join(elsewhere, 'ca.crt'), readFileSync(join(certs, 'ca.crt')));
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .replaceAll(join(certs, 'ca.crl'), join(elsewhere, 'ca.crl'))
        .replaceAll(join(certs, 'ca.crt'), join(elsewhere, 'ca.crt')),
    );
    expect((await add('--certificate', certificate())).printedErrors).toContain(
      `warning: ${certificate()} is revoked by ${join(elsewhere, 'ca.crl')}, so the listener "tls" refuses the device; `,
    );
  });
});

it('says nothing where the same key has another certificate that is accepted', async () => {
  await add('--issue-certificate');
  const first = (await check()).printed;
  const [earlier] = JSON.parse(
    (await runCommand(registerPki, ['--json', 'pki', 'list', '--dir', certs])).printed,
  )
    .filter(({ name }: { name: string }) => name === 'ct2')
    .map(({ serialNumber }: { serialNumber: string }) => serialNumber);
  await pki('renew', 'ct2');
  await pki('revoke', 'ct2', '--serial', earlier, '--reason', 'superseded');
  expect((await check()).printed).toBe(first);
});

it('aegis modality remove names the sheet that is left', async () => {
  await add('--issue-certificate');
  const { printed } = await modality('remove', 'ct2', ...sheets());
  const sheet = join(dirname(file), 'onboarding', 'ct2');
  expect(printed).toContain(`delete its onboarding sheet: ${sheet}.md, ${sheet}.html\n`);
});

describeWithSmallDisk('a configuration in a folder that cannot be written to', () => {
  it('gets no entry, and no certificate is issued for it', async () => {
    const disk = new SmallDisk();
    file = await configurationIn(disk.folder);
    disk.makeReadOnly();
    await expect(add('--issue-certificate', '--no-sheet')).rejects.toThrow(
      `${file} cannot be replaced: nothing can be written to ${disk.folder} (EROFS); nothing was issued`,
    );
    expect((await pki('list')).printed).not.toContain('ct2');
  });
});

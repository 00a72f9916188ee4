/**
 * The life of a new modality with the real gateway: added, let in with the certificate that was issued for it and with
 * no other, tested, removed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { registerEcho } from '../../src/commands/echo';
import { registerModality } from '../../src/commands/modality';
import { ExitCode } from '../../src/errors';
import { createFolder, openFolder } from '../../src/pki/folder';
import { writeClientCertificate, writeServerCertificates } from '../../src/pki/folderCertificates';
import { runCommand } from '../support/commandLine';
import { GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { SpyUpstream } from '../support/spyUpstream';

const { isTTY } = process.stdin;
beforeEach(() => {
  process.stdin.isTTY = false;
});
afterEach(() => {
  process.stdin.isTTY = isTTY;
});

async function startSite() {
  const folder = temporaryFolder();
  const certs = join(folder, 'certs');
  await createFolder(certs, {});
  const authority = await openFolder(certs, async () => undefined);
  await writeServerCertificates(certs, authority, { names: ['localhost', '127.0.0.1'] });
  const archive = await SpyUpstream.start();
  const gateway = await GatewayProcess.start({
    listeners: [
      {
        name: 'tls',
        host: '127.0.0.1',
        port: 0,
        tls: {
          certificate: join(certs, 'server.crt'),
          privateKey: join(certs, 'server.key'),
          trustedCertificates: join(certs, 'ca.crt'),
          crl: join(certs, 'ca.crl'),
        },
      },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archive.port}`] } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } },
    audit: { file: join(folder, 'audit.jsonl') },
  });
  const modality = (...commandArguments: string[]) =>
    runCommand(registerModality, ['--config', gateway.configurationFile, 'modality', ...commandArguments]);
  const echoWith = (certificate: string) =>
    runCommand(registerEcho, [
      'echo',
      `localhost:${gateway.port('tls')}`,
      ...['--calling', 'CT2', '--called', 'ARCHIVE', '--ca', join(certs, 'ca.crt')],
      ...[
        '--certificate',
        join(certs, `${certificate}.crt`),
        '--private-key',
        join(certs, `${certificate}.key`),
      ],
    ]);
  const reload = async (times: number) => {
    gateway.process.kill('SIGHUP');
    await gateway.process.waitForOutput(new RegExp(`(was reloaded[\\s\\S]*){${times}}`));
  };
  return { folder, certs, authority, archive, gateway, modality, echoWith, reload };
}

describe('a new modality', () => {
  it('is let in with its own certificate, and with no other of the same CA', async () => {
    const { folder, certs, authority, archive, gateway, modality, echoWith, reload } = await startSite();
    const before = readFileSync(gateway.configurationFile, 'utf8');
    const added = await modality(
      ...['add', '--calling', 'CT2', '--from', '127.0.0.1', '--allow', 'echo', '--issue-certificate'],
      ...['--dir', certs, '--sheet-dir', folder, '--address', `127.0.0.1:${archive.port}`],
    );
    expect(added.exitCode).toBe(ExitCode.Done);
    await reload(1);
    expect((await echoWith('ct2')).exitCode).toBe(ExitCode.Done);

    const pkcs12 = { password: 'correct horse', isPasswordGenerated: false, isLegacy: false };
    await writeClientCertificate(certs, authority, { name: 'other', names: [], pkcs12 });
    const other = await echoWith('other');
    expect(other.exitCode).toBe(ExitCode.Failed);
    expect(other.printed).toContain('calling AE title not recognized');

    const tested = await modality('test', 'ct2');
    expect(tested.exitCode).toBe(ExitCode.Done);
    expect(tested.printed).toMatch(/last accepted +\S+ from 127\.0\.0\.1 on tls/);
    expect(tested.printed).toMatch(/last refused +\S+ from 127\.0\.0\.1 .*certificate-mismatch/);

    await modality('remove', 'ct2');
    expect(readFileSync(gateway.configurationFile, 'utf8')).toBe(before);
    await reload(2);
    expect((await echoWith('ct2')).exitCode).toBe(ExitCode.Failed);
  });
});

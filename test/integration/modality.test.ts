/**
 * The life of a new modality with the real gateway: added, let in with the certificate that was issued for it and with
 * no other, tested, removed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { registerEcho } from '../../src/commands/echo/echo';
import { registerModality } from '../../src/commands/modality/modality';
import { ExitCode } from '../../src/errors';
import { createFolder, openFolder } from '../../src/pki/folder';
import { writeClientCertificate, writeServerCertificates } from '../../src/pki/folderCertificates';
import { runCommand } from '../support/commandLine';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { runProcess, temporaryFolder } from '../support/processes';
import { SpyUpstream } from '../support/spyUpstream';

const { isTTY } = process.stdin;
beforeEach(() => {
  process.stdin.isTTY = false;
});
afterEach(() => {
  process.stdin.isTTY = isTTY;
});

async function startSite({ hasMoreListeners = false } = {}) {
  const folder = temporaryFolder();
  const certs = join(folder, 'certs');
  await createFolder(certs, {});
  const authority = await openFolder(certs, async () => undefined);
  await writeServerCertificates(certs, authority, { names: ['localhost', '127.0.0.1'] });
  const archive = await SpyUpstream.start();
  const tls = {
    certificate: join(certs, 'server.crt'),
    privateKey: join(certs, 'server.key'),
    trustedCertificates: join(certs, 'ca.crt'),
    crl: join(certs, 'ca.crl'),
  };
  const more: ConfigurationInput['listeners'] = [
    { name: 'old', host: '127.0.0.1', port: 0, tls: { ...tls, profile: 'bcp195-extended' } },
    { name: 'plain', host: '127.0.0.1', port: 0 },
  ];
  const gateway = await GatewayProcess.start({
    listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls }, ...(hasMoreListeners ? more : [])],
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

const addCt2 = ['add', '--calling', 'CT2', '--from', '127.0.0.1', '--issue-certificate'];

describeWithPeers(['echoscu'], 'the command on the onboarding sheet', () => {
  it('works as it stands, with the files that it names', async () => {
    const { folder, certs, gateway, modality, reload } = await startSite();
    await modality(...addCt2, '--allow', 'echo', '--dir', certs, '--sheet-dir', folder);
    await reload(1);
    const [, command] = /^ {4}(echoscu .*)$/m.exec(readFileSync(join(folder, 'ct2.md'), 'utf8'))!;
    // The configuration says 0, any free port.
    const [program, ...words] = command!.replace(/PORT$/, String(gateway.port('tls'))).split(' ');
    const { exitCode, output } = await runProcess(program!, ['-v', ...words], { workingDirectory: certs });
    expect(output).toContain('Received Echo Response (Success)');
    expect(exitCode).toBe(0);
  });
});

describeWithPeers(['chromium'], 'the printed onboarding sheet', () => {
  it('is one page, with everything that an entry can have', async () => {
    const { folder, certs, modality } = await startSite({ hasMoreListeners: true });
    const storable = [
      'CTImageStorage',
      'EnhancedCTImageStorage',
      'MRImageStorage',
      'EnhancedMRImageStorage',
      'SecondaryCaptureImageStorage',
      'XRayRadiationDoseSRStorage',
      'GrayscaleSoftcopyPresentationStateStorage',
    ];
    await modality(
      ...[...addCt2, '--calling', 'CT2_QR', '--from', '10.1.2.11', '--host', 'pacs.radiology.example'],
      ...['--allow', 'echo,store,find,findWorklist,move,get,storageCommitment,mpps,ups'],
      ...['tls', 'old', 'plain'].flatMap((name) => ['--listener', name]),
      ...storable.flatMap((name) => ['--store-sop-class', name]),
      ...['--move-destination', 'WS1', '--max-associations', '4', '--mode', 'observe'],
      ...['--address', 'ct2.radiology.example:2762', '--address-tls-server-name', 'ct2'],
      ...['--address-tls-trusted-certificates', join(certs, 'ca.crt')],
      ...['--dir', certs, '--sheet-dir', folder],
    );
    const pdf = join(folder, 'ct2.pdf');
    const { exitCode, output } = await runProcess('chromium', [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ...[`--user-data-dir=${temporaryFolder()}`, '--no-pdf-header-footer', `--print-to-pdf=${pdf}`],
      `file://${join(folder, 'ct2.html')}`,
    ]);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    const pages = readFileSync(pdf, 'latin1').match(/\/Type\s*\/Page\b/g);
    expect(pages).toHaveLength(1);
  });
});

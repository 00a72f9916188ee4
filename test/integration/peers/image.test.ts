/**
 * The image as Podman runs it: rootless by its user, read-only, without capabilities, between a real storescu and a real
 * Orthanc. To build it takes minutes, so this is skipped without AEGIS_IMAGE: CONTRIBUTING.md, "The image".
 */
import { chmodSync, chownSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { testCertificates } from '../../support/certificates';
import { storescu } from '../../support/dcmtk';
import { writePart10 } from '../../support/dicomFiles';
import type { ConfigurationInput } from '../../support/gateway';
import { Orthanc } from '../../support/orthanc';
import { freePort, runProcess, startProcess, temporaryFolder } from '../../support/processes';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const { AEGIS_IMAGE: image = '', AEGIS_PODMAN = 'podman' } = process.env;
const [podman = '', ...podmanOptions] = AEGIS_PODMAN.split(' ');
/** As docs/containers.md runs it. */
const HARDENED = [
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--network',
  'host',
];
/** Of the image: its health check asks the default port of admin. */
const USER = 10001;
/** A container starts slower than a process. */
const DEADLINE_MS = 120_000;

const certificates = testCertificates();

function run(...words: readonly string[]) {
  return runProcess(podman, [...podmanOptions, ...words], { deadlineMs: DEADLINE_MS });
}

/** What is mounted as /etc/aegis, with keys of the user of the image. */
function configurationFolder(configuration: ConfigurationInput): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'certs'));
  const { server, ca } = certificates;
  for (const file of [server.certificateFile, server.privateKeyFile, ca.certificateFile]) {
    cpSync(file, join(folder, 'certs', file.split('/').at(-1)!));
  }
  const key = join(folder, 'certs', server.privateKeyFile.split('/').at(-1)!);
  chownSync(key, USER, USER);
  writeFileSync(join(folder, 'aegis.jsonc'), JSON.stringify(configuration));
  return folder;
}

function inImage(file: string): string {
  return `certs/${file.split('/').at(-1)!}`;
}

async function configurationFor(archivePort: number): Promise<ConfigurationInput> {
  const { server, ca } = certificates;
  return {
    listeners: [
      {
        name: 'tls',
        host: '127.0.0.1',
        port: await freePort(),
        tls: {
          certificate: inImage(server.certificateFile),
          privateKey: inImage(server.privateKeyFile),
          trustedCertificates: inImage(ca.certificateFile),
        },
      },
    ],
    upstreams: { ORTHANC: { servers: [`127.0.0.1:${archivePort}`] } },
    stateDirectory: '/var/lib/aegis',
    admin: {},
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: ['echo', 'store'] } },
  };
}

(image === '' ? describe.skip : describe)('the image', () => {
  it('takes an image over TLS into Orthanc, is healthy, and drains on SIGTERM', async () => {
    const archive = await Orthanc.start({ aeTitle: 'ORTHANC' });
    const configuration = await configurationFor(archive.dicomPort);
    const folder = configurationFolder(configuration);
    const name = `aegis-test-${process.pid}`;
    const volume = ['--volume', `${folder}:/etc/aegis:ro`];
    const container = startProcess(podman, [
      ...[...podmanOptions, 'run', '--rm', '--name', name, ...HARDENED, ...volume, '--stop-timeout', '75'],
      image,
    ]);
    await container.waitForOutput(/aegis: listening on .*\n/, DEADLINE_MS);

    const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
    const { statuses } = await storescu(
      {
        port: configuration.listeners[0]!.port!,
        callingAeTitle: 'CT1',
        calledAeTitle: 'ORTHANC',
        tls: { certificate: certificates.client, ca: certificates.ca },
      },
      [writePart10(temporaryFolder(), instance)],
    );
    expect(statuses).toEqual([0x0000]);
    expect((await archive.storedInstance(instance.sopInstanceUid))?.sha256).toBe(instance.sha256);

    expect(await run('healthcheck', 'run', name)).toMatchObject({ exitCode: 0 });
    expect((await run('exec', name, 'aegis', 'status')).output).toMatch(/^ready: aegis /);
    expect((await run('exec', name, 'id', '-u')).output.trim()).toBe(String(USER));
    expect((await run('exec', name, 'touch', '/app/x')).output).toContain('Read-only file system');
    expect((await run('exec', name, 'ls', '/usr/local/bin')).output.split(/\s+/).sort()).toEqual([
      '',
      'aegis',
      'node',
    ]);
    // Not one line of the log is of the health check.
    expect(container.stdout).not.toContain('AEGIS');

    await run('stop', name);
    expect(await container.exited).toEqual({ exitCode: 0, signal: null });
    expect(container.stdout).toContain('"event":"gateway.stopped"');
  });

  it('says why it is unhealthy where the admin HTTP is off', async () => {
    const { admin: _off, ...configuration } = await configurationFor(1);
    const name = `aegis-test-${process.pid}-off`;
    const volume = ['--volume', `${configurationFolder(configuration)}:/etc/aegis:ro`];
    const container = startProcess(podman, [
      ...[...podmanOptions, 'run', '--rm', '--name', name, ...HARDENED, ...volume],
      image,
    ]);
    await container.waitForOutput(/aegis: listening on .*\n/, DEADLINE_MS);
    const { exitCode, output } = await run(
      'exec',
      name,
      'aegis',
      'status',
      '--alive',
      '--url',
      'http://127.0.0.1:9762',
    );
    expect(exitCode).toBe(1);
    expect(output).toContain('does it run, with "admin"?');
    await run('stop', name);
  });

  it.each([
    [
      'pki init, with what the bundle loads beside itself',
      ['--tmpfs', '/tmp:rw,mode=1777'],
      ['pki', 'init', '--dir', '/tmp/pki'],
    ],
    ['its licences', ['--entrypoint', 'head'], ['-1', '/app/dist/LICENSES.txt', '/app/LICENSE']],
  ])('has %s', async (_what, options, words) => {
    expect(await run('run', '--rm', ...HARDENED, ...options, image, ...words)).toMatchObject({ exitCode: 0 });
  });
});

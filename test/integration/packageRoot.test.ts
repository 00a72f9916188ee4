/**
 * Each package in an empty Debian, as docs/install.md says: installed, checked and run as the account of the gateway, which
 * has no rights; a real storescu over TLS into a real Orthanc. The .deb is also upgraded, removed and purged. Slow, and it
 * needs root, so it is for releases:
 *
 *   debootstrap --variant=minbase bookworm /tmp/bookworm
 *   AEGIS_PACKAGE_ROOT=/tmp/bookworm npx jest test/integration/packageRoot.test.ts
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { storescu } from '../support/dcmtk';
import { writePart10 } from '../support/dicomFiles';
import { Orthanc } from '../support/orthanc';
import { startProcess, temporaryFolder } from '../support/processes';
import { syntheticInstance } from '../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../support/uids';

const source = join(__dirname, '../..');
const debian = process.env.AEGIS_PACKAGE_ROOT ?? '';
const describeInDebian = debian === '' ? describe.skip : describe;
const MINUTES_MS = 60_000;

/** The programs of this machine's sbin are not in the path of an ordinary user. No registry: nothing may be asked for. */
const environment = {
  PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  DEBIAN_FRONTEND: 'noninteractive',
  npm_config_registry: 'http://127.0.0.1:9/',
};

function inDebian(...command: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('/usr/sbin/chroot', [debian, ...command], {
    encoding: 'utf8',
    env: environment,
  });
  return { status, output: stdout + stderr };
}

function typed(...lines: readonly string[]): void {
  for (const line of lines) {
    const { status, output } = inDebian('sh', '-c', line);
    expect(status === 0 ? '' : `${line}\n${output}`).toBe('');
  }
}

function asAccount(...command: readonly string[]) {
  return inDebian('runuser', '-u', 'aegis', '--', ...command);
}

function owned(path: string): string {
  return inDebian('stat', '-c', '%U:%G %a', path).output.trim();
}

/** Of what "Under systemd" says for those without the .deb. The unit makes the folders of state and log. */
const accountAndFolders = [
  'useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin aegis',
  'install -d -o root -g aegis -m 750 /etc/aegis /etc/aegis/certs',
  'install -d -o aegis -g aegis -m 750 /var/lib/aegis /var/log/aegis',
];

/** Configures the gateway in /etc/aegis, checks and starts it as its account, and sends an image through it. */
async function relaysAnImage(command: string): Promise<void> {
  const orthanc = await Orthanc.start();
  const { ca, server, client } = testCertificates();
  mkdirSync(join(debian, 'etc/aegis/certs'), { recursive: true });
  for (const [file, from] of [
    ['ca.crt', ca.certificateFile],
    ['server.crt', server.certificateFile],
    ['server.key', server.privateKeyFile],
  ] as const) {
    copyFileSync(from, join(debian, 'etc/aegis/certs', file));
  }
  const tls = {
    certificate: 'certs/server.crt',
    privateKey: 'certs/server.key',
    trustedCertificates: 'certs/ca.crt',
  };
  const configuration = {
    listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls }],
    upstreams: { ORTHANC: { servers: [`127.0.0.1:${orthanc.dicomPort}`] } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: ['echo', 'store'] } },
    stateDirectory: '/var/lib/aegis',
    audit: { file: '/var/log/aegis/audit.jsonl' },
  };
  writeFileSync(join(debian, 'etc/aegis/aegis.jsonc'), JSON.stringify(configuration));
  typed('chown -R root:aegis /etc/aegis && chmod -R u=rwX,g=rX,o= /etc/aegis');
  const options = ['--config', '/etc/aegis/aegis.jsonc'];
  expect(asAccount(command, ...options, 'check')).toMatchObject({ status: 0 });

  const gateway = startProcess('/usr/sbin/chroot', [
    ...['--userspec=aegis:aegis', debian, command, ...options, 'start'],
  ]);
  await gateway.waitForOutput(/listening on .*\(tls\)\n/);
  const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
  const target = {
    port: Number(/:(\d+) \(tls\)/.exec(gateway.stderr)?.[1]),
    callingAeTitle: 'CT1',
    calledAeTitle: 'ORTHANC',
    tls: { ca, certificate: client },
  };
  expect((await storescu(target, [writePart10(temporaryFolder(), instance)])).statuses).toEqual([0x0000]);
  expect((await orthanc.storedInstance(instance.sopInstanceUid))?.sha256).toBe(instance.sha256);
  expect(await gateway.stop()).toMatchObject({ exitCode: 0 });
  expect(readFileSync(join(debian, 'var/log/aegis/audit.jsonl'), 'utf8')).toContain('command.completed');
}

describeInDebian('in an empty Debian [needs AEGIS_PACKAGE_ROOT]', () => {
  const folder = temporaryFolder();
  const packaged = (name: RegExp) => readdirSync(folder).find((file) => name.test(file))!;

  beforeAll(() => {
    const options = ['--output', folder, '--node', process.execPath, '--fast'];
    spawnSync(process.execPath, [join(source, 'scripts/package.mjs'), ...options], { stdio: 'inherit' });
    for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(debian, 'tmp', name));
  }, 5 * MINUTES_MS);

  afterEach(() => {
    inDebian('userdel', 'aegis');
    inDebian('rm', '-rf', '/etc/aegis', '/var/lib/aegis', '/var/log/aegis');
    inDebian('rm', '-rf', '/usr/local/bin/node', '/usr/local/bin/aegis', '/usr/local/lib/node_modules');
  });

  it(
    'the .deb installs, relays a TLS C-STORE into Orthanc, upgrades, and goes without a trace',
    async () => {
      const name = packaged(/\.deb$/);
      onCleanUp(() => void inDebian('dpkg', '--purge', 'dicom-aegis'));

      expect(inDebian('dpkg', '--install', `/tmp/${name}`)).toMatchObject({ status: 0 });
      expect(owned('/etc/aegis')).toBe('root:aegis 750');
      expect(owned('/var/lib/aegis')).toBe('aegis:aegis 700');
      expect(owned('/var/log/aegis')).toBe('aegis:aegis 750');
      expect(existsSync(join(debian, 'etc/systemd/system/multi-user.target.wants/aegis.service'))).toBe(
        false,
      );
      expect(asAccount('aegis', 'check')).toMatchObject({
        status: 2,
        output: expect.stringContaining('/etc/aegis/aegis.jsonc'),
      });

      await relaysAnImage('/usr/bin/aegis');

      const before = statSync(join(debian, 'etc/aegis/aegis.jsonc'));
      expect(inDebian('dpkg', '--install', `/tmp/${name}`)).toMatchObject({ status: 0 });
      expect(statSync(join(debian, 'etc/aegis/aegis.jsonc')).mtimeMs).toBe(before.mtimeMs);

      expect(inDebian('dpkg', '--remove', 'dicom-aegis')).toMatchObject({ status: 0 });
      expect(existsSync(join(debian, 'usr/lib/aegis'))).toBe(false);
      expect(existsSync(join(debian, 'var/log/aegis/audit.jsonl'))).toBe(true);

      inDebian('rm', '-r', '/etc/aegis/certs', '/etc/aegis/aegis.jsonc');
      expect(inDebian('dpkg', '--purge', 'dicom-aegis')).toMatchObject({ status: 0 });
      for (const path of ['etc/aegis', 'var/lib/aegis', 'var/log/aegis', 'etc/logrotate.d/dicom-aegis']) {
        expect(`${path}: ${existsSync(join(debian, path))}`).toBe(`${path}: false`);
      }
    },
    10 * MINUTES_MS,
  );

  it(
    'the .deb has no error that lintian finds',
    () => {
      // Not compressed here, to save minutes.
      const uncompressed = ['control', 'data'].map((part) => `uses-no-compression-for-${part}-tarball`);
      const { stdout, error } = spawnSync(
        'lintian',
        ['--suppress-tags', uncompressed.join(), '--allow-root', join(folder, packaged(/\.deb$/))],
        { encoding: 'utf8' },
      );
      expect(error).toBeUndefined();
      expect(stdout).toBe('');
    },
    10 * MINUTES_MS,
  );

  it(
    'the single executable relays a TLS C-STORE into Orthanc, where no Node.js is',
    async () => {
      expect(inDebian('sh', '-c', 'command -v node nodejs')).toMatchObject({ status: 127 });
      typed(`install -m 755 /tmp/${packaged(/-linux-\w+$/)} /usr/local/bin/aegis`, ...accountAndFolders);
      await relaysAnImage('/usr/local/bin/aegis');
    },
    10 * MINUTES_MS,
  );

  it(
    'the tarball relays a TLS C-STORE into Orthanc, with Node.js of the machine and no registry',
    async () => {
      const node = realpathSync(process.execPath);
      const npm = 'lib/node_modules/npm';
      cpSync(join(dirname(node), '..', npm), join(debian, 'usr/local', npm), { recursive: true });
      copyFileSync(node, join(debian, 'usr/local/bin/node'));
      typed(
        `node /usr/local/${npm}/bin/npm-cli.js install --global /tmp/${packaged(/\.tgz$/)}`,
        ...accountAndFolders,
      );
      await relaysAnImage('/usr/local/bin/aegis');
    },
    10 * MINUTES_MS,
  );
});

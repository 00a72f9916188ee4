/**
 * The .deb in an empty Debian: installed, used, upgraded, removed, purged. Slow, and it needs root, so it is for releases:
 *
 *   debootstrap --variant=minbase bookworm /tmp/bookworm
 *   AEGIS_PACKAGE_ROOT=/tmp/bookworm npx jest test/integration/packageRoot.test.ts
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
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

/** The programs of this machine's sbin are not in the path of an ordinary user. */
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive' };

function inDebian(...command: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('/usr/sbin/chroot', [debian, ...command], {
    encoding: 'utf8',
    env: environment,
  });
  return { status, output: stdout + stderr };
}

function owned(path: string): string {
  return inDebian('stat', '-c', '%U:%G %a', path).output.trim();
}

describeInDebian('the .deb in an empty Debian [needs AEGIS_PACKAGE_ROOT]', () => {
  it(
    'installs, relays a TLS C-STORE into Orthanc, upgrades, and goes without a trace',
    async () => {
      const folder = temporaryFolder();
      const options = ['--output', folder, '--node', process.execPath, '--fast'];
      spawnSync(process.execPath, [join(source, 'scripts/package.mjs'), 'deb', ...options], {
        stdio: 'inherit',
      });
      const name = readdirSync(folder).find((file) => file.endsWith('.deb'))!;
      copyFileSync(join(folder, name), join(debian, 'tmp', name));
      onCleanUp(() => void inDebian('dpkg', '--purge', 'dicom-aegis'));

      expect(inDebian('dpkg', '--install', `/tmp/${name}`)).toMatchObject({ status: 0 });
      expect(owned('/etc/aegis')).toBe('root:aegis 750');
      expect(owned('/var/lib/aegis')).toBe('aegis:aegis 700');
      expect(owned('/var/log/aegis')).toBe('aegis:aegis 750');
      expect(existsSync(join(debian, 'etc/systemd/system/multi-user.target.wants/aegis.service'))).toBe(
        false,
      );
      expect(inDebian('aegis', 'check')).toMatchObject({ status: 2 });

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
      inDebian('sh', '-c', 'chown -R root:aegis /etc/aegis && chmod -R u=rwX,g=rX,o= /etc/aegis');
      const check = inDebian('runuser', '-u', 'aegis', '--', 'aegis', 'check', '--offline');
      expect(check).toMatchObject({ status: 0 });

      const chroot = ['--userspec=aegis:aegis', debian, '/usr/bin/aegis', 'start'];
      const gateway = startProcess('/usr/sbin/chroot', chroot);
      await gateway.waitForOutput(/listening on .*\(tls\)\n/);
      const port = Number(/:(\d+) \(tls\)/.exec(gateway.stderr)?.[1]);
      const instance = syntheticInstance(
        'ct',
        SopClass.CTImageStorage,
        TransferSyntax.ExplicitVrLittleEndian,
      );
      const file = writePart10(folder, instance);
      const target = {
        port,
        callingAeTitle: 'CT1',
        calledAeTitle: 'ORTHANC',
        tls: { ca, certificate: client },
      };
      expect((await storescu(target, [file])).statuses).toEqual([0x0000]);
      expect(await orthanc.instanceCount()).toBe(1);
      expect(await gateway.stop()).toMatchObject({ exitCode: 0 });
      expect(readFileSync(join(debian, 'var/log/aegis/audit.jsonl'), 'utf8')).toContain('command.completed');

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
});

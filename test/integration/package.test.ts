/**
 * What `npm run package` makes, as an operator without a registry installs it. packageRoot.test.ts installs
 * the .deb in an empty Debian.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import { GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const root = join(__dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const MINUTES_MS = 60_000;

/** Programs of the packages get nothing of this source: not its folder, not what its tests set. */
function run(command: string, args: readonly string[], environment: Record<string, string> = {}) {
  const { PATH = '', HOME = '' } = process.env;
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: '/',
    encoding: 'utf8',
    env: { PATH, HOME, ...environment },
  });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** The time of the last commit is not the same in a copy of the source without its history. */
const environment = { SOURCE_DATE_EPOCH: '1796083200' };
const packages = temporaryFolder();

function product(name: RegExp): string {
  return join(packages, readdirSync(packages).find((file) => name.test(file)) ?? '');
}

beforeAll(() => {
  // The Node.js of this test is inside, so that nothing has to be fetched.
  const options = ['--output', packages, '--node', process.execPath, '--fast'];
  const made = run(process.execPath, [join(root, 'scripts/package.mjs'), ...options], environment);
  if (made.status !== 0) throw new Error(made.stderr);
}, 5 * MINUTES_MS);

const EXECUTABLE = /^aegis-.*-linux-[^.]+$/;

describe('two builds', () => {
  it(
    'are the same to the byte, whatever the folder, the umask, the language and the time zone',
    () => {
      const copy = join(temporaryFolder(), 'a copy');
      const isSource = /^(src|scripts|docs|deploy|config|certs|[^/]*\.(json|md)|LICENSE|\.npmrc)(\/|$)/;
      cpSync(root, copy, {
        recursive: true,
        filter: (path) => path === root || isSource.test(relative(root, path)),
      });
      symlinkSync(realpathSync(join(root, 'node_modules')), join(copy, 'node_modules'));
      const again = temporaryFolder();
      const build = `cd '${copy}' && node scripts/bundle.mjs && node scripts/package.mjs --fast "$@"`;
      const options = ['--output', again, '--node', process.execPath];
      const different = { ...environment, TZ: 'Asia/Tokyo', LC_ALL: 'tr_TR.UTF-8' };
      const made = run('sh', ['-c', `umask 077 && ${build}`, 'sh', ...options], different);
      expect(made).toMatchObject({ status: 0 });
      const sums = (folder: string) => readFileSync(join(folder, 'SHA256SUMS'), 'utf8').trim().split('\n');
      expect(sums(packages)).toHaveLength(4);
      expect(sums(again)).toEqual(sums(packages));
    },
    5 * MINUTES_MS,
  );
});

/** In bytes, and as files are counted, not the blocks of a disk. */
function sizeOf(path: string): number {
  const found = lstatSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/** It needs most of what is inside: the schema, keys and certificates, the checks. */
function expectFirstConfiguration(aegis: string): void {
  const folder = temporaryFolder();
  const file = join(folder, 'aegis.jsonc');
  const options = ['--yes', '--offline', '--dir', join(folder, 'certs')];
  expect(run(aegis, ['--config', file, 'init', ...options])).toMatchObject({ status: 0 });
  expect(existsSync(join(folder, 'aegis.schema.json'))).toBe(true);
}

describe('the tarball', () => {
  const folder = temporaryFolder();
  // A port where nobody listens: whatever npm would ask the registry for fails.
  const noRegistry = {
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_cache: join(folder, 'cache'),
  };
  const installed = join(folder, 'prefix/lib/node_modules/dicom-aegis');
  const aegis = join(folder, 'prefix/bin/aegis');

  beforeAll(() => {
    mkdirSync(noRegistry.npm_config_cache);
    const words = ['install', '--global', '--prefix', join(folder, 'prefix'), product(/\.tgz$/)];
    expect(run('npm', words, noRegistry)).toMatchObject({ status: 0 });
  }, MINUTES_MS);

  it('installs without a registry, and gives the command', () => {
    expect(run(aegis, ['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    const example = join(installed, 'config/aegis.example.jsonc');
    expect(run(aegis, ['--config', example, 'check', '--offline']).stdout).toContain(example);
  });

  it('plays the demo with what is inside', () => {
    const { status, stdout } = run(aegis, ['demo']);
    expect(stdout).toMatch(/all \d+ as expected/);
    expect(stdout).toMatch(/aegis demo --keep/);
    expect(stdout).not.toMatch(/node .*aegis/);
    expect(status).toBe(0);
  }, 60_000);

  it('weighs less than 30 MB, in less than 40 packages, and runs no script when it is installed', () => {
    expect(sizeOf(installed)).toBeLessThan(30e6);
    const names = run('npm', ['ls', '--all', '--parseable', '--prefix', installed]).stdout.trim().split('\n');
    expect(names.length).toBeGreaterThanOrEqual(1);
    expect(names.length).toBeLessThan(40);
    for (const name of names) {
      expect(JSON.parse(readFileSync(join(name, 'package.json'), 'utf8'))).not.toHaveProperty('scripts');
    }
  });

  it('acknowledges quickly: koffi is there with its binary', () => {
    const program = `process.stdout.write(String(require('koffi').load(null).func('int getpid()')()))`;
    const { stdout } = spawnSync(process.execPath, ['-e', program], { cwd: installed, encoding: 'utf8' });
    expect(Number(stdout)).toBeGreaterThan(1);
  });

  it('lists in its SBOM all that is in the bundle, each with a free licence', () => {
    const { components } = JSON.parse(readFileSync(join(installed, 'sbom.cdx.json'), 'utf8'));
    const licences = ['dist/LICENSES.txt', 'dist/dashboard/LICENSES.txt'].map((file) =>
      readFileSync(join(installed, file), 'utf8'),
    );
    const bundled = [...licences.join('\n').matchAll(/^(\S+) (\d+\.\d+\.\d+\S*), (.+)$/gm)];
    expect(bundled.length).toBeGreaterThan(50);
    const listed = components.map(({ 'bom-ref': reference }: { 'bom-ref': string }) => reference);
    for (const [, name, number, licence] of bundled) {
      expect(listed).toContain(`${name}@${number}`);
      expect(`${name}: ${licence}`).toMatch(
        /: (MIT|MIT-0|ISC|BSD-3-Clause|Apache-2\.0|\(BSD-3-Clause OR GPL-2\.0\))$/,
      );
    }
    expect(listed).toContain('koffi@3.3.4');
  });

  it('has every file that the others load', () => {
    const dist = join(installed, 'dist');
    for (const file of readdirSync(dist).filter((name) => name.endsWith('.js'))) {
      const loaded = readFileSync(join(dist, file), 'utf8').matchAll(/require\("\.\/([^"]+)"\)/g);
      for (const [, name] of loaded)
        expect(`${file} loads ${name}: ${existsSync(join(dist, name!))}`).toMatch(/true$/);
    }
    expect(existsSync(join(installed, 'src'))).toBe(false);
  });

  it('installs without a registry where npm is on Windows too', () => {
    const words = ['install', '--global', '--os=win32', '--cpu=x64', '--prefix', join(folder, 'windows')];
    expect(run('npm', [...words, product(/\.tgz$/)], noRegistry)).toMatchObject({ status: 0 });
  });

  it('writes the first configuration', () => {
    expectFirstConfiguration(aegis);
  });
});

describe('the .deb', () => {
  const content = join(temporaryFolder(), 'content');
  const text = (file: string) => readFileSync(join(content, file), 'utf8');

  beforeAll(() => {
    expect(
      run('dpkg-deb', ['--raw-extract', product(/^dicom-aegis_.*_(amd64|arm64)\.deb$/), content]),
    ).toMatchObject({ status: 0 });
  }, MINUTES_MS);

  it('has its own Node.js, which runs the program', () => {
    const [node, cli] = [join(content, 'usr/lib/aegis/node'), join(content, 'usr/lib/aegis/dist/cli.js')];
    expect(run(node, [cli, '--version']).stdout).toBe(`${version}\n`);
    // Nothing in it asks for the Node.js of the system.
    expect(text('usr/lib/aegis/dist/cli.js')).not.toMatch(/^#!/);
    expect(text('usr/bin/aegis')).toContain('exec /usr/lib/aegis/node /usr/lib/aegis/dist/cli.js "$@"');
  });

  it('has the unit with its own command, and no configuration that could listen', () => {
    expect(text('usr/lib/systemd/system/aegis.service')).toMatch(/^ExecStart=\/usr\/bin\/aegis /m);
    expect(readdirSync(join(content, 'etc/aegis'))).toEqual([]);
  });

  it('asks dpkg to keep what the operator changes', () => {
    expect(text('DEBIAN/conffiles')).toBe('/etc/logrotate.d/dicom-aegis\n');
  });

  it('enables and starts nothing when it is installed', () => {
    expect(text('DEBIAN/postinst')).not.toMatch(/\benable\b|systemctl.*\bstart\b|invoke start/);
  });

  it('names every library and Node.js in its SBOM, with their licences', () => {
    const { components } = JSON.parse(text('usr/share/doc/dicom-aegis/sbom.cdx.json'));
    const names = components.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['node', 'koffi', 'fastify', 'preact', 'dcmjs']));
    expect(text('usr/share/doc/dicom-aegis/licenses-of-libraries.txt')).toMatch(/^fastify 5\./m);
    const ofNode = text('usr/share/doc/dicom-aegis/license-of-node.txt');
    expect(ofNode).toContain('Node.js is licensed for use as follows');
  });

  it('also stops the socket when it is removed, or the ports would stay open', () => {
    expect(text('DEBIAN/prerm')).toMatch(/invoke stop aegis\.socket aegis\.service/);
  });

  it('lets nobody but root write what it installs', () => {
    const found = run('find', [content, '-perm', '/022', '!', '-type', 'l']);
    expect(found.stdout).toBe('');
  });
});

describe('the single executable', () => {
  it('is the command', () => {
    const executable = product(EXECUTABLE);
    expect(run(executable, ['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    expect(run(executable, ['explain', '--help']).stdout).toContain('EXAMPLES');
    expect(run(executable, ['--config', '/nonexistent.jsonc', 'check'])).toMatchObject({ status: 2 });
    expectFirstConfiguration(executable);
  });

  it('is a gateway of several processes, with its page', async () => {
    const spy = await SpyUpstream.start();
    const listener = { name: 'dicom', host: '127.0.0.1', port: 0 };
    const gateway = GatewayProcess.launch(
      {
        listeners: [listener],
        upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
        modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'dicom', allow: 'echo' } },
        admin: { port: 0 },
        workers: 2,
      },
      [],
      // In place of Node.js and dist/cli.js.
      ['/bin/sh', '-c', `shift 2; exec ${product(EXECUTABLE)} "$@"`, 'sh'],
    );
    onCleanUp(async () => {
      await gateway.process.stop();
    });
    await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
    const started = await gateway.event('gateway.started');
    expect(started.detail).toContain('with 2 workers; quick acknowledgement off: ');
    expect(started.detail).toContain('koffi is not part of the single executable');
    const [, page] = /listening on (\S+) \(admin HTTP\)/.exec(gateway.process.stderr)!;
    const answer = await fetch(`http://${page}/`);
    expect(await answer.text()).toContain('page.js');
    const scu = await RawScu.connect({ port: gateway.port('dicom') });
    const contexts = [proposedContext(1, SopClass.Verification)];
    await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
    expect(await gateway.process.stop()).toMatchObject({ exitCode: 0 });
  }, 60_000);
});

/** What `npm run package` makes, as an operator without a registry installs it. */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/processes';

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

function makePackages(output: string, ...products: readonly string[]): void {
  const made = run(process.execPath, [join(root, 'scripts/package.mjs'), ...products, '--output', output]);
  if (made.status !== 0) throw new Error(made.stderr);
}

/** In bytes, and as files are counted, not the blocks of a disk. */
function sizeOf(path: string): number {
  const found = lstatSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

describe('the tarball', () => {
  const folder = temporaryFolder();
  const tarball = join(folder, `dicom-aegis-${version}.tgz`);
  const installed = join(folder, 'prefix/lib/node_modules/dicom-aegis');
  const aegis = join(folder, 'prefix/bin/aegis');

  beforeAll(() => {
    makePackages(folder, 'tarball');
    const cache = join(folder, 'cache');
    mkdirSync(cache);
    // A port where nobody listens: whatever npm would ask the registry for fails.
    const environment = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_cache: cache };
    const npm = run('npm', ['install', '--global', '--prefix', join(folder, 'prefix'), tarball], environment);
    expect(npm).toMatchObject({ status: 0 });
  }, 3 * MINUTES_MS);

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

  it('has no file that only this source needs', () => {
    expect(existsSync(join(installed, 'dist/generateSchema.js'))).toBe(false);
    expect(existsSync(join(installed, 'src'))).toBe(false);
  });
});

/** What is in dist/: few files to load, and the licences of all that was put into them. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { freePort, startProcess, temporaryFolder } from '../support/processes';

const root = join(__dirname, '../..');

it('starts a TLS gateway without a module outside of dist/, but for koffi', async () => {
  const folder = temporaryFolder();
  const hook = join(folder, 'hook.cjs');
  writeFileSync(
    hook,
    `process.on('exit', () => {
      const loaded = Object.keys(require.cache).filter((file) => file !== __filename);
      process.stderr.write('loaded: ' + JSON.stringify(loaded) + '\\n');
    });`,
  );
  const { server, ca } = testCertificates();
  const configuration = {
    listeners: [
      {
        name: 'tls',
        host: '127.0.0.1',
        port: 0,
        tls: {
          certificate: server.certificateFile,
          privateKey: server.privateKeyFile,
          trustedCertificates: ca.certificateFile,
        },
      },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${await freePort()}`] } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } },
    admin: { port: 0 },
  };
  const file = join(folder, 'aegis.jsonc');
  writeFileSync(file, JSON.stringify(configuration));
  const cli = join(root, 'dist/cli.js');
  const gateway = startProcess(process.execPath, ['--require', hook, cli, '--config', file, 'start']);
  await gateway.waitForOutput(/\(admin HTTP\)\n/);
  expect(await gateway.stop()).toMatchObject({ exitCode: 0 });
  const loaded: string[] = JSON.parse(/loaded: (.*)\n/.exec(gateway.stderr)![1]!);
  const outside = loaded.filter((name) => !name.startsWith(join(root, 'dist/')));
  expect(outside.filter((name) => !name.includes('koffi'))).toEqual([]);
});

it('carries the licences of what is bundled', () => {
  const licences = readFileSync(join(root, 'dist/LICENSES.txt'), 'utf8');
  for (const name of ['commander', 'zod', 'winston', 'fastify', 'prom-client', 'jsonc-parser', 'csv-parse']) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+, \\S+\\n\\n\\S`, 'm'));
  }
});

const BASE = ['cli.js', 'rolldown-runtime.js', 'words.js'];
const CONFIGURED = [...BASE, 'configuration.js', 'policy.js', 'schemas.js'];

// Not by the clock: a start is slow by what it loads. Bytes are a tenth more than they were when this was written.
it.each([
  { verb: ['--version'], files: BASE, maxBytes: 183_000 },
  { verb: ['explain', '--help'], files: BASE, maxBytes: 183_000 },
  {
    verb: ['explain', '--calling', 'CT1', '--called', 'ARCHIVE', '--from', '127.0.0.1'],
    files: [...CONFIGURED, 'report.js', 'table.js'],
    maxBytes: 737_000,
  },
])('loads no more than it needs: aegis $verb', ({ verb, files, maxBytes }) => {
  const loaded = filesLoadedBy(verb);
  expect(loaded.map((file) => basename(file)).sort()).toEqual([...files].sort());
  expect(loaded.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(maxBytes);
});

// The library of the log is a third of what `aegis start` loads.
it.each([['check', '--offline'], ['log'], ['modality', 'list'], ['inventory'], ['observe', 'report']])(
  'loads nothing of what runs a gateway: aegis %s',
  (...verb) => {
    expect(filesLoadedBy(verb).map((file) => basename(file))).not.toContain('start.js');
  },
);

it('loads nothing into a worker that only the first process needs', () => {
  const files = filesLoadedWith('workerProcess.js');
  expect([...files].sort()).toEqual([
    'gateway.js',
    'lines.js',
    'policy.js',
    'rolldown-runtime.js',
    'schemas.js',
    'words.js',
    'workerProcess.js',
  ]);
});

/** What the command loads of dist/. It may fail. */
function filesLoadedBy(verb: readonly string[]): string[] {
  const folder = temporaryFolder();
  const hook = join(folder, 'hook.cjs');
  const list = 'Object.keys(require.cache).filter((file) => file !== __filename)';
  writeFileSync(
    hook,
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(join(folder, 'loaded'))}, ${list}.join(' ')));`,
  );
  const argv = [
    '--require',
    hook,
    join(root, 'dist/cli.js'),
    '--config',
    smallConfiguration(folder),
    ...verb,
  ];
  const { stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', input: '' });
  expect(stderr).not.toContain('unknown');
  return readFileSync(join(folder, 'loaded'), 'utf8').split(' ');
}

/** What a file of dist/ loads before its first line runs, and what that loads. */
function filesLoadedWith(name: string, known = new Set<string>()): Set<string> {
  if (known.has(name)) return known;
  known.add(name);
  const code = readFileSync(join(root, 'dist', name), 'utf8');
  for (const [line] of code.matchAll(/^(?:const require_|require\().*$/gm)) {
    for (const [, file] of line.matchAll(/require\("\.\/(.*?)"\)/g)) filesLoadedWith(file!, known);
  }
  return known;
}

function smallConfiguration(folder: string): string {
  const file = join(folder, 'aegis.jsonc');
  const upstreams = { ARCHIVE: { servers: ['127.0.0.1:4242'] } };
  const modalities = {
    ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo', listeners: ['plain'] },
  };
  const listeners = [{ name: 'plain', host: '127.0.0.1', port: 11112 }];
  writeFileSync(file, JSON.stringify({ listeners, upstreams, modalities }));
  return file;
}

it('reads a configuration without making code of text', () => {
  const folder = temporaryFolder();
  const hook = join(folder, 'hook.cjs');
  const made = '() => { process.stderr.write("code was made of text"); return () => {}; }';
  writeFileSync(hook, `globalThis.Function = new Proxy(Function, { construct: ${made}, apply: ${made} });`);
  const argv = [
    '--require',
    hook,
    join(root, 'dist/cli.js'),
    '--config',
    smallConfiguration(folder),
    'check',
    '--offline',
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('ok: 1 listener');
});

/** What is in dist/: few files to load, and the licences of all that was put into them. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
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

it('tells its version without loading the gateway', () => {
  const cli = join(root, 'dist/cli.js');
  const program = `process.on('exit', () => process.stderr.write(Object.keys(require.cache).join(' ')));
    process.argv[2] = '--version'; require(${JSON.stringify(cli)})`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program, 'aegis'], { encoding: 'utf8' });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const loaded = stderr.split(' ').map((file) => basename(file));
  expect(loaded.sort()).toEqual(['cli.js', 'rolldown-runtime.js', 'words.js']);
});

it('reads a configuration without making code of text', () => {
  const folder = temporaryFolder();
  const hook = join(folder, 'hook.cjs');
  const made = '() => { process.stderr.write("code was made of text"); return () => {}; }';
  writeFileSync(hook, `globalThis.Function = new Proxy(Function, { construct: ${made}, apply: ${made} });`);
  const file = join(folder, 'aegis.jsonc');
  const upstreams = { ARCHIVE: { servers: ['127.0.0.1:4242'] } };
  const modalities = {
    ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo', listeners: ['plain'] },
  };
  const listeners = [{ name: 'plain', host: '127.0.0.1', port: 11112 }];
  writeFileSync(file, JSON.stringify({ listeners, upstreams, modalities }));
  const argv = ['--require', hook, join(root, 'dist/cli.js'), '--config', file, 'check', '--offline'];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('ok: 1 listener');
});

/** The gateway and its commands on a machine that has of Windows what can be had without it: see asWindows.cjs. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, runProcess, temporaryFolder } from '../support/processes';
import { SpyUpstream } from '../support/spyUpstream';

const AS_WINDOWS = `--require=${resolve(__dirname, '../support/asWindows.cjs')}`;
const cli = resolve(__dirname, '../../dist/cli.js');
const { ca, server, client } = testCertificates();
let archive: SpyUpstream;

beforeAll(async () => {
  archive = await SpyUpstream.start();
});

/** Readable by everybody, which says nothing on Windows: its access lists decide. */
function shared(file: string): string {
  const copy = join(temporaryFolder(), 'shared.key');
  copyFileSync(file, copy);
  chmodSync(copy, 0o644);
  return copy;
}

function configurationWith(changes: Partial<ConfigurationInput> = {}): ConfigurationInput {
  return {
    listeners: [
      {
        ...{ name: 'tls', host: '127.0.0.1', port: 0 },
        tls: {
          certificate: server.certificateFile,
          privateKey: shared(server.privateKeyFile),
          trustedCertificates: ca.certificateFile,
        },
      },
    ],
    upstreams: { ARCHIVE: { servers: `127.0.0.1:${archive.port}` } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } },
    ...changes,
  };
}

async function start(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = GatewayProcess.launch(configuration, [], ['env', `NODE_OPTIONS=${AS_WINDOWS}`]);
  await gateway.process.waitForOutput(/aegis: listening on .*\n/);
  return gateway;
}

function aegis(...words: string[]) {
  return runProcess(process.execPath, [AS_WINDOWS, cli, ...words]);
}

function echo(port: number) {
  const files = ['--certificate', client.certificateFile, '--private-key', shared(client.privateKeyFile)];
  return aegis(
    ...['echo', `127.0.0.1:${port}`, '--calling', 'CT1', '--called', 'ARCHIVE'],
    ...[...files, '--ca', ca.certificateFile],
  );
}

describe('a gateway on Windows', () => {
  it('serves with workers, is reloaded and asked to lock by the admin HTTP, and ends with Ctrl-C', async () => {
    const configuration = configurationWith({
      admin: { port: await freePort(), token: '0123456789abcdef' },
      audit: { file: join(temporaryFolder(), 'audit.jsonl') },
      workers: 2,
    });
    const gateway = await start(configuration);
    const { configurationFile: file } = gateway;
    await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
    expect(await echo(gateway.port('tls'))).toMatchObject({ exitCode: 0 });

    const { ct1 } = configuration.modalities;
    writeFileSync(
      file,
      JSON.stringify({ ...configuration, modalities: { ct1: { ...ct1, allow: ['echo', 'find'] } } }),
    );
    const reloaded = await aegis('--config', file, 'reload');
    expect(reloaded).toMatchObject({ exitCode: 0 });
    expect(reloaded.output).toContain('modality "ct1" changed: allow + "find"');

    const locked = await aegis('--config', file, 'modality', 'lock', 'ct1', '--reason', 'stolen');
    expect(locked).toMatchObject({ exitCode: 0 });
    expect(await echo(gateway.port('tls'))).toMatchObject({ exitCode: 1 });

    gateway.process.kill('SIGINT');
    expect(await gateway.process.exited).toEqual({ exitCode: 0, signal: null });
    expect(gateway.auditLines.map(({ event }) => event)).not.toContain('audit.broken');
    expect(readFileSync(configuration.audit!.file!, 'utf8')).toBe(gateway.process.stdout);
  });

  it('drains when its console is closed', async () => {
    const gateway = await start(configurationWith());
    gateway.process.kill('SIGHUP');
    expect(await gateway.process.exited).toEqual({ exitCode: 0, signal: null });
    expect(gateway.process.stderr).toContain('aegis: SIGHUP: draining');
  });

  it('cannot be reloaded by a signal, and the commands say what to do instead', async () => {
    const folder = temporaryFolder();
    const pidFile = join(folder, 'aegis.pid');
    const gateway = await start(configurationWith({ pidFile, stateDirectory: join(folder, 'state') }));
    const { configurationFile: file } = gateway;
    const reloaded = await aegis('--config', file, 'reload');
    expect(reloaded.exitCode).toBe(2);
    expect(reloaded.output).toContain('has no admin token, so the running gateway cannot be asked;');
    expect(reloaded.output).toContain('restart its service, or add "admin"');
    const locked = await aegis('--config', file, 'modality', 'lock', 'ct1', '--reason', 'stolen');
    expect(locked.output).toContain('make it read the file: restart its service');
    expect(gateway.process.isRunning).toBe(true);
  });
});

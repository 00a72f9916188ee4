/**
 * The HTTP for monitoring as a monitor sees it: next to a real gateway process, with modalities that come and go.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { askAdmin } from '../support/adminHttp';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import { Exposition } from '../support/exposition';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, startProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const LISTENER = 'dicom';
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];
const instance = {
  sopClassUid: SopClass.CTImageStorage,
  sopInstanceUid: '1.2.3',
  dataSet: Buffer.from('080018000600000031', 'hex').subarray(0, 8),
};

let spy: SpyUpstream;
beforeAll(async () => {
  spy = await SpyUpstream.start();
});

function configurationWith(changes: Partial<ConfigurationInput> = {}): ConfigurationInput {
  const modality = { from: '127.0.0.1', listeners: LISTENER };
  return {
    listeners: [{ name: LISTENER, host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: {
      ct1: { ...modality, callingAeTitle: 'CT1', allow: ['echo', 'store'], dataSets: 'off' },
      ws1: { ...modality, callingAeTitle: 'WS1', allow: 'echo' },
      mr1: { ...modality, callingAeTitle: 'MR1', allow: 'echo', mode: 'observe' },
    },
    admin: { port: 0 },
    ...changes,
  };
}

async function start(changes: Partial<ConfigurationInput> = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configurationWith(changes));
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

function ask(gateway: GatewayProcess, path: string, method = 'GET', body = '') {
  return askAdmin(gateway, path, { method, body });
}

async function scrape(gateway: GatewayProcess): Promise<Exposition> {
  const { status, headers, body } = await ask(gateway, '/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  return new Exposition(body);
}

async function readiness(gateway: GatewayProcess) {
  const { status, body } = await ask(gateway, '/readyz');
  return { status, ...JSON.parse(body) };
}

async function associate(gateway: GatewayProcess, calling: string): Promise<RawScu> {
  const scu = await RawScu.connect({ port: gateway.port(LISTENER) });
  await scu.associate({ calling, called: 'ARCHIVE', contexts });
  return scu;
}

async function store(gateway: GatewayProcess, calling: string): Promise<number> {
  const scu = await associate(gateway, calling);
  const status = await scu.store(3, instance);
  await scu.release();
  return status;
}

const allPassed = { listening: true, notDraining: true, upstreamUp: true, certificatesValid: true };

describe.each([1, 2])('/metrics with %d worker(s)', (workers) => {
  it('tells of a store, a refusal, a rejection and the observe mode', async () => {
    const gateway = await start({ workers });
    expect(await store(gateway, 'CT1')).toBe(0x0000);
    expect(await store(gateway, 'WS1')).toBe(0x0124);
    expect(await store(gateway, 'MR1')).toBe(0x0000);
    const open = await associate(gateway, 'CT1');
    await associate(gateway, 'NOBODY');
    await gateway.event('association.rejected');
    await gateway.process.waitForOutput(/(association\.released.*\n(.*\n)*?.*){3}/);
    const exposition = await scrape(gateway);

    const commands = 'aegis_commands_total';
    expect(exposition.series(commands)).toEqual({
      [`${commands}{command="C-STORE",modality="ct1",outcome="allowed",reason=""}`]: 1,
      [`${commands}{command="C-STORE",modality="mr1",outcome="would-deny",reason="command-not-allowed"}`]: 1,
      [`${commands}{command="C-STORE",modality="ws1",outcome="denied",reason="command-not-allowed"}`]: 1,
    });
    const associations = 'aegis_associations_total';
    const of = (modality: string, outcome: string, reason = '') =>
      `${associations}{direction="ingress",modality="${modality}",outcome="${outcome}",reason="${reason}"}`;
    expect(exposition.series(associations)).toEqual({
      [of('ct1', 'allowed')]: 2,
      [of('mr1', 'allowed')]: 1,
      [of('ws1', 'allowed')]: 1,
      [of('', 'denied', 'calling-ae-title-unknown')]: 1,
    });
    const active = 'aegis_associations_active';
    expect(exposition.series(active)).toEqual({
      [`${active}{direction="ingress",modality="ct1"}`]: 1,
      [`${active}{direction="ingress",modality="mr1"}`]: 0,
      [`${active}{direction="ingress",modality="ws1"}`]: 0,
    });
    expect(exposition.series('aegis_relayed_bytes_total')).toEqual({
      'aegis_relayed_bytes_total{direction="ingress",modality="ct1"}': 8,
      'aegis_relayed_bytes_total{direction="ingress",modality="mr1"}': 8,
    });
    expect(exposition.value('aegis_command_duration_seconds_count{command="C-STORE"}')).toBe(2);
    expect(exposition.value(`aegis_upstream_up{server="127.0.0.1:${spy.port}",upstream="ARCHIVE"}`)).toBe(1);
    expect(exposition.value('aegis_configuration_last_reload_success')).toBe(1);
    await open.release();
  });
});

describe('/metrics after the death of a worker', () => {
  it('tells that its associations are gone', async () => {
    const gateway = await start({ workers: 2 });
    for (let count = 0; count < 4; count += 1) await associate(gateway, 'CT1');
    await gateway.process.waitForOutput(/(association\.accepted.*\n(.*\n)*?.*){4}/);
    const { pid } = gateway.process;
    const [victim] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    process.kill(victim!, 'SIGKILL');
    await gateway.process.waitForOutput(/a worker died \(SIGKILL\)/);
    expect(await gateway.event('association.aborted')).toMatchObject({
      outcome: 'failed',
      reason: 'gateway-stopped',
      detail: 'its worker died (SIGKILL)',
      modality: 'ct1',
    });
    const exposition = await scrape(gateway);
    // Connections are dealt out in turn: two of the four were the victim's.
    expect(exposition.value('aegis_associations_active{direction="ingress",modality="ct1"}')).toBe(2);
    expect(
      exposition.value(
        'aegis_associations_total{direction="ingress",modality="ct1",outcome="failed",reason="gateway-stopped"}',
      ),
    ).toBe(2);
  });
});

describe('/metrics', () => {
  it('tells of connections that were refused, and of a reload that was', async () => {
    const gateway = await start({
      modalities: { ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: LISTENER } },
    });
    const scu = await RawScu.connect({ port: gateway.port(LISTENER) });
    await scu.expectClosed();
    await gateway.event('connection.refused');
    gateway.reload('{');
    await gateway.event('configuration.rejected');
    const exposition = await scrape(gateway);
    expect(exposition.series('aegis_connections_refused_total')).toEqual({
      [`aegis_connections_refused_total{listener="${LISTENER}",reason="source-address-unknown"}`]: 1,
    });
    expect(exposition.value('aegis_configuration_last_reload_success')).toBe(0);
  });

  it('tells when certificates and revocation lists end, of the new ones after a reload', async () => {
    const withServer = (server: typeof certificates.server) => ({
      listeners: [
        {
          name: LISTENER,
          host: '127.0.0.1',
          port: 0,
          tls: {
            certificate: server.certificateFile,
            privateKey: server.privateKeyFile,
            trustedCertificates: certificates.ca.certificateFile,
            crl: certificates.crl.crlFile,
          },
        },
      ],
    });
    const gateway = await start(withServer(certificates.server));
    const series = (kind: string) => `aegis_certificate_not_after_seconds{kind="${kind}",name="${LISTENER}"}`;
    const end = ({ x509 }: typeof certificates.server) => Date.parse(x509.validTo) / 1000;
    const before = await scrape(gateway);
    expect(before.value(series('listener'))).toBe(end(certificates.server));
    expect(before.value(series('ca'))).toBe(Date.parse(certificates.ca.x509.validTo) / 1000);
    expect(before.value(series('crl'))).toBeGreaterThan(Date.now() / 1000);
    const renewed = certificates.issue('renewed', { issuer: certificates.ca, validToDays: 7 });
    gateway.reload(configurationWith(withServer(renewed)));
    await gateway.event('configuration.reloaded');
    await gateway.process.waitForOutput(/was reloaded/);
    expect((await scrape(gateway)).value(series('listener'))).toBe(end(renewed));
  });
});

describe('/readyz', () => {
  it('is 200 with an archive that answers', async () => {
    expect(await readiness(await start())).toEqual({ status: 200, isReady: true, checks: allPassed });
  });

  it('is 503 without one', async () => {
    const gateway = await start({ upstreams: { ARCHIVE: { servers: [`127.0.0.1:${await freePort()}`] } } });
    const checks = { ...allPassed, upstreamUp: false };
    expect(await readiness(gateway)).toEqual({ status: 503, isReady: false, checks });
  });

  it.each([1, 2])(
    'asks nothing of an archive whose health is not to be checked (%d worker(s))',
    async (workers) => {
      const archive = await SpyUpstream.start();
      const upstreams = {
        ARCHIVE: { servers: [`127.0.0.1:${archive.port}`], health: { check: 'off' as const } },
      };
      const gateway = await start({ upstreams, workers });
      expect(await readiness(gateway)).toEqual({ status: 200, isReady: true, checks: allPassed });
      const up = `aegis_upstream_up{server="127.0.0.1:${archive.port}",upstream="ARCHIVE"}`;
      expect((await scrape(gateway)).value(up)).toBe(1);
      expect((await ask(gateway, '/api/v1/status')).body).toContain('"isUp":true');
      expect(archive.connects).toBe(0);
      await archive.stop();
      await (await RawScu.connect({ port: gateway.port(LISTENER) })).associate({
        calling: 'CT1',
        called: 'ARCHIVE',
        contexts,
      });
      await gateway.event('upstream.down');
      const checks = { ...allPassed, upstreamUp: false };
      expect(await readiness(gateway)).toEqual({ status: 503, isReady: false, checks });
    },
  );

  it('is 200 with an archive whose port accepts, where no more is checked', async () => {
    const archive = await SpyUpstream.start({ script: { onAssociateRq: () => {} } });
    const upstreams = {
      ARCHIVE: { servers: [`127.0.0.1:${archive.port}`], health: { check: 'tcp' as const } },
    };
    const gateway = await start({ upstreams });
    expect(await readiness(gateway)).toEqual({ status: 200, isReady: true, checks: allPassed });
    expect(archive.connections.every(({ associateRq }) => associateRq === undefined)).toBe(true);
  });

  it('is 503 with a certificate that has expired', async () => {
    const expired = certificates.issue('expired', { issuer: certificates.ca, validToDays: -1 });
    const gateway = await start({
      listeners: [
        {
          name: LISTENER,
          host: '127.0.0.1',
          port: 0,
          tls: {
            certificate: expired.certificateFile,
            privateKey: expired.privateKeyFile,
            trustedCertificates: certificates.ca.certificateFile,
          },
        },
      ],
    });
    expect(await readiness(gateway)).toMatchObject({ status: 503, checks: { certificatesValid: false } });
  });

  it('is 503 during a drain, while /healthz is 200, and the port is closed at the end', async () => {
    const gateway = await start();
    const scu = await associate(gateway, 'CT1');
    gateway.process.kill('SIGTERM');
    await gateway.process.waitForOutput(/draining/);
    const checks = { ...allPassed, notDraining: false };
    expect(await readiness(gateway)).toEqual({ status: 503, isReady: false, checks });
    expect(await ask(gateway, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    // A monitor that keeps its connection does not keep the gateway.
    const idle = connect(gateway.port('admin HTTP'), '127.0.0.1');
    onCleanUp(() => {
      idle.destroy();
    });
    await new Promise((connected) => idle.once('connect', connected));
    await scu.release();
    expect(await gateway.process.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe('the admin HTTP', () => {
  it.each([
    ['a path that there is not', '/api/v1/secrets', 'GET', '', 404],
    ['a method that there is not', '/healthz', 'DELETE', '', 404],
    ['a broken path', '/%', 'GET', '', 400],
    ['a body', '/metrics', 'POST', 'x'.repeat(2000), 404],
  ])('answers %s without a word about itself', async (_what, path, method, body, status) => {
    const gateway = await start();
    const answer = await ask(gateway, path, method, body);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatch(/^\{"error":"(not found|bad request)"\}$/);
    expect(answer.headers).not.toHaveProperty('server');
    expect(answer.headers).not.toHaveProperty('x-powered-by');
  });

  it('names a port in use, and the gateway does not start', async () => {
    const other = createServer();
    onCleanUp(() => {
      other.close();
    });
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    const { port } = other.address() as { port: number };
    const { process } = GatewayProcess.launch(configurationWith({ admin: { port } }));
    expect(await process.exited).toMatchObject({ exitCode: 1 });
    expect(process.stderr.replace(/^aegis: warning: .*"observe".*\n/, '')).toBe(
      `error: cannot listen on 127.0.0.1:${port} for the admin HTTP: the port is in use (EADDRINUSE); stop the other program or choose another admin.port\n`,
    );
    expect(process.stdout).toBe('');
  });

  it('does not keep a gateway that cannot start', async () => {
    const other = createServer();
    onCleanUp(() => {
      other.close();
    });
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    const { port } = other.address() as { port: number };
    const listeners = [{ name: LISTENER, host: '127.0.0.1', port }];
    const { process } = GatewayProcess.launch(configurationWith({ listeners }));
    expect(await process.exited).toMatchObject({ exitCode: 1 });
  });

  it('takes a restart to change', async () => {
    const gateway = await start();
    gateway.reload(configurationWith({ admin: { port: 0, host: '127.0.0.2' } }));
    expect(await gateway.event('configuration.rejected')).toMatchObject({
      detail: 'admin changed: that takes a restart of the gateway',
    });
  });

  it.each([
    [true, { port: 0 }],
    [false, undefined],
  ])('loads its libraries (%s) only where it is configured', async (isLoaded, admin) => {
    const folder = temporaryFolder();
    const hook = join(folder, 'hook.cjs');
    writeFileSync(
      hook,
      `process.on('exit', () => {
        const { basename } = require('node:path');
        const loaded = Object.keys(require.cache).map((file) => basename(file));
        process.stderr.write('loaded: ' + loaded.includes('adminServer.js') + '\\n');
      });`,
    );
    const file = join(folder, 'aegis.jsonc');
    const { admin: _, ...rest } = configurationWith();
    writeFileSync(file, JSON.stringify({ ...rest, admin }));
    const cli = resolve(__dirname, '../../dist/cli.js');
    const gateway = startProcess(process.execPath, ['--require', hook, cli, '--config', file, 'start']);
    await gateway.waitForOutput(isLoaded ? /\(admin HTTP\)\n/ : /listening on .*\n/);
    expect(await gateway.stop()).toMatchObject({ exitCode: 0 });
    expect(gateway.stderr).toContain(`loaded: ${isLoaded}\n`);
    expect(gateway.stderr.includes('admin HTTP')).toBe(isLoaded);
  });
});

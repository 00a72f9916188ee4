/**
 * The JSON of the admin HTTP next to a real gateway process: who may ask, what is reported of live traffic, the pending
 * callers over workers and restarts, and the reload.
 */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PendingCaller } from '../../src/admin/pendingCaller';
import type { StatusReport } from '../../src/admin/statusReport';
import { askAdmin } from '../support/adminHttp';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const TOKEN = 'a token without spaces'.replaceAll(' ', '-');
const authorization = `Bearer ${TOKEN}`;
const LISTENER = 'plain';
const TLS_LISTENER = 'tls';
const certificates = testCertificates();
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];

let spy: SpyUpstream;
beforeAll(async () => {
  spy = await SpyUpstream.start();
});

function configurationWith(changes: Partial<ConfigurationInput> = {}): ConfigurationInput {
  const { certificateFile: certificate, privateKeyFile: privateKey } = certificates.server;
  return {
    listeners: [
      { name: LISTENER, host: '127.0.0.1', port: 0 },
      {
        name: TLS_LISTENER,
        host: '127.0.0.1',
        port: 0,
        tls: { certificate, privateKey, trustedCertificates: certificates.ca.certificateFile },
      },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: {
      ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: [LISTENER, TLS_LISTENER], allow: 'echo' },
    },
    unknownAddresses: 'reject',
    admin: { port: 0, token: TOKEN },
    // The peer that was rejected here does not close.
    timeouts: { closeSeconds: 0.5 },
    ...changes,
  };
}

async function start(changes: Partial<ConfigurationInput> = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configurationWith(changes));
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

interface Caller {
  readonly calling: string;
  readonly isTls?: boolean;
  readonly localAddress?: string;
}

async function call(gateway: GatewayProcess, { calling, isTls = false, localAddress = '127.0.0.1' }: Caller) {
  const { cert, key } = certificates.client;
  const scu = await RawScu.connect({
    port: gateway.port(isTls ? TLS_LISTENER : LISTENER),
    localAddress,
    ...(isTls ? { tls: { ca: certificates.ca.cert, cert, key, servername: 'localhost' } } : {}),
  });
  await scu.associate({ calling, called: 'ARCHIVE', contexts });
  return scu;
}

async function statusOf(gateway: GatewayProcess): Promise<StatusReport> {
  const { status, body } = await askAdmin(gateway, '/api/v1/status');
  expect(status).toBe(200);
  return JSON.parse(body) as StatusReport;
}

async function pendingOf(gateway: GatewayProcess): Promise<PendingCaller[]> {
  const { status, body } = await askAdmin(gateway, '/api/v1/pending');
  expect(status).toBe(200);
  return (JSON.parse(body) as { callers: PendingCaller[] }).callers;
}

function audited(gateway: GatewayProcess, event: string, times: number) {
  return gateway.process.waitForOutput(new RegExp(`("event":"${event}"[^]*?){${times}}\\n`));
}

describe('who may ask', () => {
  const reload = { method: 'POST' };

  it('may look on loopback, and changes something with the token only', async () => {
    const gateway = await start();
    expect(await askAdmin(gateway, '/api/v1/pending')).toMatchObject({
      status: 200,
      body: '{"total":0,"callers":[]}',
    });
    const denied = await askAdmin(gateway, '/api/v1/reload', reload);
    expect(denied).toMatchObject({ status: 401, body: '{"error":"the token is missing or wrong"}' });
    expect(denied.headers['www-authenticate']).toBe('Bearer');
    for (const wrong of [
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      'Bearer ',
      TOKEN,
    ]) {
      const headers = { authorization: wrong };
      expect(await askAdmin(gateway, '/api/v1/reload', { ...reload, headers })).toMatchObject({
        status: 401,
      });
      expect(
        await askAdmin(gateway, '/api/v1/pending/0123456789ab', { method: 'DELETE', headers }),
      ).toMatchObject({
        status: 401,
      });
    }
    expect(gateway.process.stdout).not.toContain('configuration.reloaded');
    expect(
      await askAdmin(gateway, '/api/v1/reload', { ...reload, headers: { authorization } }),
    ).toMatchObject({
      status: 200,
    });
  });

  it('changes nothing where there is no token', async () => {
    const gateway = await start({ admin: { port: 0 } });
    expect(
      await askAdmin(gateway, '/api/v1/reload', { ...reload, headers: { authorization } }),
    ).toMatchObject({
      status: 403,
      body: '{"error":"admin.token is not configured, so nothing can be changed"}',
    });
  });

  it.each(['evil.example', 'evil.example:9762', 'localhost.evil.example', '127.0.0.1.evil.example'])(
    'is not a page of %s, which leads a browser here under its own name',
    async (host) => {
      const gateway = await start();
      for (const path of ['/api/v1/status', '/metrics', '/healthz', '/none']) {
        expect(await askAdmin(gateway, path, { headers: { host, authorization } })).toMatchObject({
          status: 403,
          body: '{"error":"the host has to be an IP address or localhost"}',
        });
      }
    },
  );

  it.each(['localhost', 'LOCALHOST:1', '127.0.0.1:80', '[::1]:9762', '10.0.0.1'])(
    'may ask by the name %s',
    async (host) => {
      const gateway = await start();
      expect(await askAdmin(gateway, '/healthz', { headers: { host } })).toMatchObject({ status: 200 });
    },
  );

  it('is not a page of another site, which could take all streams of events; a link may lead here', async () => {
    const gateway = await start();
    const site = { 'sec-fetch-site': 'cross-site' };
    for (const path of ['/api/v1/events', '/api/v1/status', '/']) {
      const headers = { ...site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty', authorization };
      expect(await askAdmin(gateway, path, { headers })).toMatchObject({
        status: 403,
        body: '{"error":"a page of another site may not ask"}',
      });
    }
    const link = { ...site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect(await askAdmin(gateway, '/', { headers: link })).toMatchObject({ status: 200 });
    const own = { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'empty' };
    expect(await askAdmin(gateway, '/api/v1/status', { headers: own })).toMatchObject({ status: 200 });
  });

  it('gets no header that lets another origin read', async () => {
    const gateway = await start();
    const { headers } = await askAdmin(gateway, '/api/v1/status', {
      headers: { origin: 'https://evil.example' },
    });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('needs the token for everything beyond loopback', async () => {
    const gateway = await start({ admin: { host: '0.0.0.0', port: 0, token: TOKEN } });
    for (const path of ['/healthz', '/readyz', '/metrics', '/api/v1/status', '/api/v1/pending', '/none']) {
      expect(await askAdmin(gateway, path)).toMatchObject({ status: 401 });
    }
    expect(await askAdmin(gateway, '/healthz', { headers: { authorization } })).toMatchObject({
      status: 200,
    });
    const { body } = await askAdmin(gateway, '/none', { headers: { authorization } });
    expect(body).toBe('{"error":"not found"}');
  });

  it('has the token from a file that nobody else can read, or the gateway does not start', async () => {
    const file = join(temporaryFolder(), 'admin.token');
    writeFileSync(file, `${TOKEN}\n`);
    chmodSync(file, 0o644);
    const open = GatewayProcess.launch(configurationWith({ admin: { port: 0, tokenFile: file } }));
    expect(await open.process.exited).toMatchObject({ exitCode: 2 });
    expect(open.process.stderr).toContain(
      `error: ${file} has mode 644, so others than its owner have access to the token`,
    );
    chmodSync(file, 0o600);
    const gateway = await start({ admin: { port: 0, tokenFile: file } });
    expect(
      await askAdmin(gateway, '/api/v1/reload', { ...reload, headers: { authorization } }),
    ).toMatchObject({
      status: 200,
    });
  });
});

describe.each([1, 2])('/api/v1/status with %d worker(s)', (workers) => {
  it('tells of listeners, upstreams, open associations, denials and certificates', async () => {
    const gateway = await start({ workers });
    const scu = await call(gateway, { calling: 'CT1', isTls: true });
    await call(gateway, { calling: 'CT9' });
    await audited(gateway, 'association.rejected', 1);
    await audited(gateway, 'association.accepted', 1);
    const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));
    const status = await statusOf(gateway);
    expect(status).toMatchObject({
      version,
      workers,
      isReady: true,
      listeners: [
        { name: LISTENER, host: '127.0.0.1', port: gateway.port(LISTENER), isTls: false },
        { name: TLS_LISTENER, host: '127.0.0.1', port: gateway.port(TLS_LISTENER), isTls: true },
      ],
      upstreams: [{ upstream: 'ARCHIVE', server: `127.0.0.1:${spy.port}`, isTls: false, isUp: true }],
      associations: [
        {
          modality: 'ct1',
          callingAeTitle: 'CT1',
          sourceAddress: '127.0.0.1',
          isTls: true,
          listener: TLS_LISTENER,
        },
      ],
      totals: { associationsAccepted: 1, associationsRejected: 1 },
      denials: [{ reason: 'calling-ae-title-unknown', callingAeTitle: 'CT9', listener: LISTENER }],
      pendingCallers: 1,
    });
    expect(status.certificates).toContainEqual({
      kind: 'modality',
      name: 'ct1',
      notAfter: new Date(certificates.client.x509.validTo).toISOString(),
    });
    expect(status.certificates.map(({ kind }) => kind).sort()).toEqual(['ca', 'listener', 'modality']);
    const { body: metrics } = await askAdmin(gateway, '/metrics');
    const end = Date.parse(certificates.client.x509.validTo) / 1000;
    expect(metrics).toContain(`aegis_certificate_not_after_seconds{kind="modality",name="ct1"} ${end}\n`);
    await scu.release();
    await audited(gateway, 'association.released', 1);
    expect((await statusOf(gateway)).associations).toEqual([]);
  });
});

describe.each([1, 2])('the pending callers with %d worker(s)', (workers) => {
  it('are the same caller whichever worker it came to, with all that it showed', async () => {
    const gateway = await start({ workers });
    for (let count = 0; count < 4; count += 1) await call(gateway, { calling: 'CT9', isTls: true });
    await call(gateway, { calling: 'CT8', localAddress: '127.0.0.2' });
    await audited(gateway, 'association.rejected', 5);
    const [ct8, ct9, ...others] = await pendingOf(gateway);
    expect(others).toEqual([]);
    expect(ct8).toMatchObject({
      callingAeTitle: 'CT8',
      sourceAddress: '127.0.0.2',
      listener: LISTENER,
      isTls: false,
      count: 1,
    });
    expect(ct8).not.toHaveProperty('certificate');
    expect(ct9).toMatchObject({
      callingAeTitle: 'CT9',
      calledAeTitle: 'ARCHIVE',
      reason: 'calling-ae-title-unknown',
      count: 4,
      isTls: true,
      certificate: {
        fingerprint256: certificates.client.x509.fingerprint256,
        notAfter: new Date(certificates.client.x509.validTo).toISOString(),
      },
      proposedSopClasses: ['Verification', 'CTImageStorage'],
    });
  });
});

describe('the pending callers', () => {
  it('survive a restart, and only the owner of the file can read them', async () => {
    const file = join(temporaryFolder(), 'pending.json');
    const first = await start({ pending: { file } });
    await call(first, { calling: 'CT9' });
    await audited(first, 'association.rejected', 1);
    const before = await pendingOf(first);
    expect(before).toHaveLength(1);
    await first.process.stop();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const second = await start({ pending: { file } });
    expect(await pendingOf(second)).toEqual(before);
    await call(second, { calling: 'CT9' });
    await audited(second, 'association.rejected', 1);
    expect(await pendingOf(second)).toEqual([expect.objectContaining({ id: before[0]!.id, count: 2 })]);
  });

  it('are kept in the file without an admin HTTP too', async () => {
    const file = join(temporaryFolder(), 'pending.json');
    const { admin: _, ...configuration } = configurationWith({ pending: { file } });
    const gateway = await GatewayProcess.start(configuration);
    await call(gateway, { calling: 'CT9' });
    await audited(gateway, 'association.rejected', 1);
    await gateway.process.stop();
    expect(readFileSync(file, 'utf8')).toContain('"callingAeTitle":"CT9"');
  });

  it('do not keep the gateway from starting when their file is damaged', async () => {
    const file = join(temporaryFolder(), 'pending.json');
    writeFileSync(file, '{"version":1,');
    const gateway = await start({ pending: { file } });
    expect(gateway.process.stderr).toContain(
      `warning: pending.file ${file} is damaged: it is not JSON; it is kept as ${file}.damaged`,
    );
    expect(await pendingOf(gateway)).toEqual([]);
  });

  it('go off the list with the token, and by themselves once they are let in', async () => {
    const gateway = await start();
    await call(gateway, { calling: 'CT9' });
    await call(gateway, { calling: 'CT8' });
    await audited(gateway, 'association.rejected', 2);
    const [ct8] = await pendingOf(gateway);
    const remove = { method: 'DELETE', headers: { authorization } };
    expect(await askAdmin(gateway, `/api/v1/pending/${ct8!.id}`, remove)).toMatchObject({
      status: 204,
      body: '',
    });
    expect(await askAdmin(gateway, `/api/v1/pending/${ct8!.id}`, remove)).toMatchObject({ status: 404 });
    const { modalities } = configurationWith();
    gateway.reload(
      configurationWith({
        modalities: {
          ...modalities,
          ct9: { callingAeTitle: 'CT9', from: '127.0.0.1', listeners: LISTENER, allow: 'echo' },
        },
      }),
    );
    await gateway.process.waitForOutput(/was reloaded/);
    const scu = await call(gateway, { calling: 'CT9' });
    await audited(gateway, 'association.accepted', 1);
    expect(await pendingOf(gateway)).toEqual([]);
    await scu.release();
  });

  it('do not learn of addresses that are closed before they say who they are', async () => {
    const gateway = await start({ unknownAddresses: 'close' });
    const scu = await RawScu.connect({ port: gateway.port(LISTENER), localAddress: '127.0.0.9' });
    await scu.expectClosed();
    await audited(gateway, 'connection.refused', 1);
    expect(await pendingOf(gateway)).toEqual([]);
  });
});

describe('POST /api/v1/reload', () => {
  const reload = (gateway: GatewayProcess) =>
    askAdmin(gateway, '/api/v1/reload', { method: 'POST', headers: { authorization } });

  it('takes the file over, as SIGHUP does', async () => {
    const gateway = await start();
    const { modalities } = configurationWith();
    const ct9 = { callingAeTitle: 'CT9', from: '127.0.0.1', listeners: LISTENER, allow: 'echo' } as const;
    writeFileSync(
      gateway.configurationFile,
      JSON.stringify(configurationWith({ modalities: { ...modalities, ct9 } })),
    );
    const { status, body } = await reload(gateway);
    expect(status).toBe(200);
    const change = 'modality "ct9" added: CT9 from 127.0.0.1, allow echo';
    expect(JSON.parse(body)).toMatchObject({ isReloaded: true, changes: [change], ended: 0 });
    await gateway.event('configuration.reloaded');
    const scu = await call(gateway, { calling: 'CT9' });
    await audited(gateway, 'association.accepted', 1);
    await scu.release();
    expect((await statusOf(gateway)).lastReload).toEqual({
      time: expect.any(String),
      isOk: true,
      detail: change,
    });
  });

  it('names every problem with its place, and changes nothing', async () => {
    const gateway = await start();
    writeFileSync(gateway.configurationFile, '{\n"listeners": 1,\n"modality": {} }');
    const { status, body } = await reload(gateway);
    expect(status).toBe(422);
    const { isReloaded, problems } = JSON.parse(body);
    expect(isReloaded).toBe(false);
    expect(problems).toContainEqual(
      expect.objectContaining({
        line: 3,
        path: '',
        message: expect.stringContaining('unknown key "modality"'),
      }),
    );
    expect((await statusOf(gateway)).lastReload).toMatchObject({ isOk: false });
    const scu = await call(gateway, { calling: 'CT1' });
    await audited(gateway, 'association.accepted', 1);
    await scu.release();
  });

  it('tells what takes a restart', async () => {
    const gateway = await start();
    writeFileSync(gateway.configurationFile, JSON.stringify(configurationWith({ workers: 2 })));
    expect(JSON.parse((await reload(gateway)).body)).toEqual({
      isReloaded: false,
      file: gateway.configurationFile,
      problems: [{ message: 'workers changed: that takes a restart of the gateway', severity: 'error' }],
    });
  });

  it('ends associations that are no longer allowed where it is asked to', async () => {
    const gateway = await start();
    const open = await call(gateway, { calling: 'CT1' });
    await audited(gateway, 'association.accepted', 1);
    const { modalities } = configurationWith();
    const moved = { ...modalities, ct1: { ...modalities.ct1!, from: '10.1.2.3' } };
    writeFileSync(gateway.configurationFile, JSON.stringify(configurationWith({ modalities: moved })));
    const ask = (query: string) =>
      askAdmin(gateway, `/api/v1/reload${query}`, { method: 'POST', headers: { authorization } });
    expect(JSON.parse((await ask('')).body)).toMatchObject({ isReloaded: true, ended: 0 });
    expect((await ask('?enforce=perhaps')).status).toBe(400);
    expect(JSON.parse((await ask('?enforce=true')).body)).toMatchObject({ changes: [], ended: 1 });
    await audited(gateway, 'association.aborted', 1);
    open.end();
  });

  it('takes turns with others and with SIGHUP', async () => {
    const gateway = await start({ workers: 2 });
    gateway.process.kill('SIGHUP');
    const answers = await Promise.all([reload(gateway), reload(gateway), reload(gateway)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await audited(gateway, 'configuration.reloaded', 4);
  });
});

describe('a certificate that comes to its end', () => {
  it('is in the audit log at the start, and of the new one at a reload', async () => {
    const withServer = (name: string, validToDays: number) => {
      const { certificateFile: certificate, privateKeyFile: privateKey } = certificates.issue(name, {
        issuer: certificates.ca,
        validFromDays: -10,
        validToDays,
      });
      const trustedCertificates = certificates.ca.certificateFile;
      return configurationWith({
        listeners: [
          {
            name: TLS_LISTENER,
            host: '127.0.0.1',
            port: 0,
            tls: { certificate, privateKey, trustedCertificates },
          },
        ],
        modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } },
      });
    };
    const { admin: _, ...withoutAdmin } = withServer('ended', -1);
    const gateway = await GatewayProcess.start(withoutAdmin);
    expect(await gateway.event('certificate.expiring')).toMatchObject({
      outcome: 'info',
      listener: TLS_LISTENER,
      detail: expect.stringMatching(/^the certificate of listener tls has ended, at /),
    });
    const { admin: __, ...renewed } = withServer('short', 0.5);
    gateway.reload(renewed);
    await audited(gateway, 'certificate.expiring', 2);
    expect(gateway.auditLines.filter(({ event }) => event === 'certificate.expiring').at(-1)).toMatchObject({
      detail: expect.stringMatching(/^the certificate of listener tls ends in less than a day, at /),
    });
  });
});

describe('a client that keeps its connection', () => {
  it('does not keep the pending callers from being written', async () => {
    const file = join(temporaryFolder(), 'pending.json');
    const gateway = await start({ pending: { file } });
    const idle = connect(gateway.port('admin HTTP'), '127.0.0.1');
    onCleanUp(() => {
      idle.destroy();
    });
    await new Promise((connected) => idle.once('connect', connected));
    await call(gateway, { calling: 'CT9' });
    await audited(gateway, 'association.rejected', 1);
    expect(await gateway.process.stop()).toMatchObject({ exitCode: 0 });
    expect(readFileSync(file, 'utf8')).toContain('CT9');
  });
});

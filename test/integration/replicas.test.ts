/**
 * Two gateways that share a real Redis, behind a real HAProxy with deploy/haproxy.cfg: limits, locks, penalties and last
 * addresses of both together, and what happens when one of them, or Redis, is gone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { askAdmin } from '../support/adminHttp';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { freePort, startProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { RedisServer } from '../support/redis';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const TOKEN = 'a-token-without-spaces';
const PASSWORD = 'not-for-any-log';
const contexts = [proposedContext(1, SopClass.Verification)];
const { ca, server, client, folder } = testCertificates();

/** PS3.8 Table 9-26. */
const A_ABORT = 7;

/** On a machine that is so busy that Redis is late, none may be one too many either. */
const EXACT = { whileAway: 'closed' } as const;

type Shared = NonNullable<ConfigurationInput['shared']>;

async function configurationOf(
  archive: SpyUpstream,
  redisUrl: string,
  rest: Partial<ConfigurationInput> = {},
  shared: Partial<Shared> = {},
): Promise<ConfigurationInput> {
  const ct1 = { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: ['plain', 'proxied'] };
  return {
    listeners: [
      { name: 'plain', host: '127.0.0.1', port: 0 },
      { name: 'proxied', host: '127.0.0.1', port: 0, proxyProtocol: { trustedProxies: ['127.0.0.1'] } },
    ],
    upstreams: { ARCHIVE: { servers: `127.0.0.1:${archive.port}` } },
    modalities: { ct1: { ...ct1, allow: 'echo', maxAssociations: 3 } },
    admin: { port: await freePort(), token: TOKEN },
    shared: { redis: { url: redisUrl }, leaseSeconds: 2, ...shared },
    timeouts: { closeSeconds: 0.5 },
    ...rest,
  };
}

async function start(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configuration);
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function associate(port: number, calling = 'CT1') {
  const scu = await RawScu.connect({ port });
  const answer = await scu.associate({ calling, called: 'ARCHIVE', contexts }).catch(() => undefined);
  return { scu, kind: answer?.kind };
}

async function accepted(port: number): Promise<RawScu> {
  const { scu, kind } = await associate(port);
  expect(kind).toBe('accepted');
  return scu;
}

/** Asks until it is let in: a place has to come free first. */
async function untilAccepted(port: number): Promise<RawScu> {
  return await waitFor('a free place', async () => {
    const { scu, kind } = await associate(port);
    if (kind === 'accepted') return scu;
    scu.end();
    return undefined;
  });
}

function shared(gateway: GatewayProcess): Promise<Record<string, unknown>> {
  return askAdmin(gateway, '/api/v1/status').then(({ body }) => JSON.parse(body).shared);
}

async function untilShared(gateway: GatewayProcess, wanted: Record<string, unknown>): Promise<void> {
  await waitFor(`shared ${JSON.stringify(wanted)}`, async () => {
    const status = await shared(gateway);
    return Object.entries(wanted).every(([key, value]) => status[key] === value);
  });
}

async function withHaproxy(gateways: readonly GatewayProcess[]): Promise<number> {
  const port = await freePort();
  const [first, second] = gateways.map((gateway) => ({
    dicom: gateway.port('proxied'),
    admin: gateway.port('admin HTTP'),
  }));
  // As it is delivered, with our addresses in place of those of the example.
  const text = readFileSync(join(__dirname, '../../deploy/haproxy.cfg'), 'utf8')
    .replace('bind :2762', `bind 127.0.0.1:${port}`)
    .replace('10.0.0.11:2762', `127.0.0.1:${first!.dicom} port ${first!.admin}`)
    .replace('10.0.0.12:2762', `127.0.0.1:${second!.dicom} port ${second!.admin}`);
  const file = join(temporaryFolder(), 'haproxy.cfg');
  writeFileSync(file, text);
  await startProcess('haproxy', ['-db', '-f', file]).waitForPort(port);
  return port;
}

describeWithPeers(['redis-server', 'haproxy'], 'two gateways behind HAProxy', () => {
  it('keep a limit together under load, and the places of one that is killed are free after its lease', async () => {
    const redis = await RedisServer.start();
    const archive = await SpyUpstream.start();
    const url = `redis://127.0.0.1:${redis.port}`;
    const gateways = [
      await start(await configurationOf(archive, url, {}, EXACT)),
      await start(await configurationOf(archive, url, { workers: 2 }, EXACT)),
    ];
    const port = await withHaproxy(gateways);
    let most = 0;
    let served = 0;
    for (let round = 0; round < 10; round += 1) {
      const calls = await Promise.all(Array.from({ length: 12 }, () => associate(port)));
      const inside = calls.filter(({ kind }) => kind === 'accepted');
      most = Math.max(most, inside.length);
      served += inside.length;
      for (const { scu } of inside) await scu.release();
      for (const { scu } of calls) scu.end();
    }
    // A place may come back after the next round has begun; never may there be one too many.
    expect(most).toBe(3);
    expect(served).toBeGreaterThanOrEqual(10);
    for (const gateway of gateways) {
      expect(gateway.auditLines.some(({ event }) => event === 'association.accepted')).toBe(true);
      expect(gateway.auditLines).toContainEqual(
        expect.objectContaining({
          reason: 'association-limit',
          detail: expect.stringContaining('counted over all gateways'),
        }),
      );
    }
    // One dies with all three places.
    const [a, b] = gateways;
    for (let place = 0; place < 3; place += 1) await untilAccepted(a!.port('plain'));
    expect((await associate(b!.port('plain'))).kind).toBe('rejected');
    const killedMs = performance.now();
    await a!.process.stop('SIGKILL');
    await untilAccepted(port);
    expect(performance.now() - killedMs).toBeLessThan(6000);
    await untilShared(b!, { gateways: 1 });
  });
});

describeWithPeers(['redis-server'], 'a gateway that another process takes over from', () => {
  it.each([1, 2])(
    'keeps its places until its associations have ended, with workers: %d',
    async (workers) => {
      const redis = await RedisServer.start();
      const archive = await SpyUpstream.start();
      const listeners = [{ name: 'plain', host: '127.0.0.1', port: await freePort() }];
      const ct1 = { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo' } as const;
      const gateway = await start({
        ...(await configurationOf(archive, `redis://127.0.0.1:${redis.port}`, { workers }, EXACT)),
        listeners,
        modalities: { ct1: { ...ct1, maxAssociations: 3 } },
      });
      const port = gateway.port('plain');
      const old = [await accepted(port), await accepted(port)];
      gateway.process.kill('SIGUSR2');
      const [, pid] = await gateway.process.waitForOutput(/process (\d+) has taken over/, 60_000);
      onCleanUp(() => {
        if (gateway.process.isRunning) process.kill(Number(pid), 'SIGKILL');
      });
      // Longer than a lease, so that it has to be renewed.
      for (const fromMs = performance.now(); performance.now() - fromMs < 4000; ) {
        const one = await untilAccepted(port);
        expect((await associate(port)).kind).toBe('rejected');
        await one.release();
      }
      for (const scu of old) await scu.release();
      await gateway.process.waitForOutput(/the old process has ended/);
      for (let place = 0; place < 3; place += 1) await untilAccepted(port);
      expect((await associate(port)).kind).toBe('rejected');
      process.kill(Number(pid), 'SIGKILL');
      await gateway.process.exited;
    },
    120_000,
  );
});

describeWithPeers(['redis-server'], 'while Redis is away', () => {
  it('each gateway goes on alone, answers at once, and says again what it holds', async () => {
    const redis = await RedisServer.start();
    const archive = await SpyUpstream.start();
    const url = `redis://127.0.0.1:${redis.port}`;
    const [a, b] = [
      await start(await configurationOf(archive, url)),
      await start(await configurationOf(archive, url)),
    ];
    const port = a.port('plain');
    await accepted(port);
    await untilShared(b, { isUp: true, gateways: 2, whileAway: 'alone' });
    // It hangs: connections stay open, and no answer comes.
    redis.signal('SIGSTOP');
    await accepted(port);
    expect(await shared(a)).toMatchObject({
      isUp: false,
      detail: expect.stringMatching(/^no answer within/),
    });
    const next = performance.now();
    await accepted(port);
    expect(performance.now() - next).toBeLessThan(2000);
    // Its own limit still counts.
    expect((await associate(port)).kind).toBe('rejected');
    redis.signal('SIGCONT');
    await untilShared(a, { isUp: true });
    await untilShared(b, { isUp: true });
    expect((await associate(b.port('plain'))).kind).toBe('rejected');
    // It comes back with an empty memory: places and locks are known again.
    await redis.kill();
    await untilShared(a, { isUp: false });
    await redis.begin();
    await untilShared(a, { isUp: true });
    await untilShared(b, { isUp: true });
    expect((await associate(b.port('plain'))).kind).toBe('rejected');
    expect(a.auditLines.filter(({ event }) => event === 'shared.down').length).toBeGreaterThanOrEqual(2);
    const { body } = await askAdmin(a, '/metrics');
    expect(body).toContain('\naegis_shared_up 1\n');
  });

  it('lets nobody in where that is configured, and is not ready', async () => {
    const redis = await RedisServer.start();
    const archive = await SpyUpstream.start();
    const url = `redis://127.0.0.1:${redis.port}`;
    const gateway = await start(await configurationOf(archive, url, {}, { whileAway: 'closed' }));
    const scu = await accepted(gateway.port('plain'));
    await redis.kill();
    await gateway.event('shared.down');
    expect((await associate(gateway.port('plain'))).kind).toBe('rejected');
    expect(await gateway.event('association.rejected')).toMatchObject({
      reason: 'shared-unavailable',
      outcome: 'failed',
    });
    // What is open goes on.
    expect(await scu.echo(1)).toBe(0);
    const { status, body } = await askAdmin(gateway, '/readyz');
    expect([status, JSON.parse(body).checks.sharedUp]).toEqual([503, false]);
    await redis.begin();
    await untilAccepted(gateway.port('plain'));
  });
});

describeWithPeers(['redis-server'], 'two gateways', () => {
  it('share locks, refusals and pending callers', async () => {
    const redis = await RedisServer.start();
    const archive = await SpyUpstream.start();
    const url = `redis://127.0.0.1:${redis.port}`;
    const rest = { penalty: { faults: 6 } };
    const [a, b] = [
      await start(await configurationOf(archive, url, { ...rest, workers: 2 })),
      await start(await configurationOf(archive, url, rest)),
    ];
    const headers = { authorization: `Bearer ${TOKEN}` };
    const json = { ...headers, 'content-type': 'application/json' };
    const lock = JSON.stringify({ modality: 'ct1', reason: 'lost' });
    const open = await accepted(b.port('plain'));
    await askAdmin(a, '/api/v1/locks', { method: 'POST', headers: json, body: lock });
    const lockedMs = performance.now();
    expect((await open.readPdu())[0]).toBe(A_ABORT);
    expect(performance.now() - lockedMs).toBeLessThan(3000);
    expect(await b.event('modality.locked')).toMatchObject({
      modality: 'ct1',
      detail: expect.stringContaining('at another gateway; associations ended: 1'),
    });
    // A third one has it from the first moment.
    const c = await start(await configurationOf(archive, url, rest));
    expect((await associate(c.port('plain'))).kind).toBe('rejected');
    await askAdmin(b, '/api/v1/locks?modality=ct1', { method: 'DELETE', headers });
    expect(await a.event('modality.unlocked')).toMatchObject({
      detail: expect.stringContaining('unlocked at another gateway'),
    });
    (await untilAccepted(a.port('plain'))).end();
    // One refusal at C, and three at A and B, none of which has six.
    for (const gateway of [a, b, a, b, a, b]) (await associate(gateway.port('plain'), 'GUESS')).scu.end();
    const imposed = await waitFor(
      'the penalty',
      () =>
        [a, b, c].flatMap(({ auditLines }) =>
          auditLines.filter(({ event }) => event === 'penalty.imposed'),
        )[0],
    );
    expect(imposed).toMatchObject({ detail: expect.stringContaining('at all gateways together') });
    for (const gateway of [a, b, c]) {
      await waitFor('it is closed everywhere', async () => {
        const { scu, kind } = await associate(gateway.port('plain'));
        scu.end();
        return kind !== 'accepted' && kind !== 'rejected';
      });
    }
    const { body } = await askAdmin(c, '/api/v1/pending', { headers });
    expect(JSON.parse(body).callers).toContainEqual(
      expect.objectContaining({ callingAeTitle: 'GUESS', sourceAddress: '127.0.0.1' }),
    );
  });

  it('find a modality that called the other one, so that a C-MOVE works whichever is asked', async () => {
    const redis = await RedisServer.start();
    const archive = await SpyUpstream.start();
    const device = await SpyUpstream.start();
    const tls = {
      certificate: server.certificateFile,
      privateKey: server.privateKeyFile,
      trustedCertificates: ca.certificateFile,
    };
    const address = { host: 'last-seen', port: device.port };
    const entry = { callingAeTitle: 'CT1', from: '127.0.0.1', certificate: 'cn:ct1', allow: 'echo' } as const;
    const rest: Partial<ConfigurationInput> = {
      listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls }],
      modalities: { ct1: { ...entry, address } },
      egress: { port: 0 },
    };
    const url = `redis://127.0.0.1:${redis.port}`;
    const a = await start(await configurationOf(archive, url, rest));
    const b = await start(await configurationOf(archive, url, rest));
    const material = { ca: ca.cert, cert: client.cert, key: client.key };
    const modality = await RawScu.connect({ port: a.port('tls'), tls: material });
    expect((await modality.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).kind).toBe('accepted');
    await modality.release();
    await waitFor('the archive reaches it through the other gateway', async () => {
      const caller = await RawScu.connect({ port: b.port('egress') });
      const answer = await caller.associate({ calling: 'ARCHIVE', called: 'CT1', contexts });
      if (answer.kind === 'accepted') await caller.release();
      return answer.kind === 'accepted';
    });
    expect(device.connects).toBe(1);
    const seen = JSON.parse((await askAdmin(b, '/api/v1/inventory')).body);
    expect(seen.modalities).toContainEqual(expect.objectContaining({ modality: 'ct1' }));
  });
});

describeWithPeers(['redis-server'], 'Redis with TLS and an ACL user', () => {
  it('lets in with the right password, and says in words when it is wrong', async () => {
    const acl = `user aegis on >${PASSWORD} ~{aegis:*}:* +eval +evalsha +time +@read +@write`;
    const redis = await RedisServer.start(
      [
        ...['--tls-cert-file', server.certificateFile, '--tls-key-file', server.privateKeyFile],
        ...[
          '--tls-ca-cert-file',
          ca.certificateFile,
          '--tls-auth-clients',
          'no',
          '--user',
          ...acl.split(' ').slice(1),
        ],
      ],
      true,
    );
    const archive = await SpyUpstream.start();
    const passwordFile = join(folder, 'redis-password');
    writeFileSync(passwordFile, `${PASSWORD}x\n`, { mode: 0o600 });
    const options: Shared['redis'] = {
      url: `rediss://127.0.0.1:${redis.port}`,
      user: 'aegis',
      passwordFile,
      tls: { trustedCertificates: ca.certificateFile, serverName: 'localhost' },
    };
    const gateway = await start(await configurationOf(archive, '', {}, { redis: options }));
    expect(await gateway.event('shared.down')).toMatchObject({
      outcome: 'failed',
      detail: expect.stringMatching(
        /is away: WRONGPASS: it refuses the user or the password; this gateway keeps all limits by itself/,
      ),
    });
    // Without a restart: the file is read again at each try.
    writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    await untilShared(gateway, { isUp: true, gateways: 1 });
    await accepted(gateway.port('plain'));
    expect(gateway.process.output).not.toContain(PASSWORD);
    const { body } = await askAdmin(gateway, '/api/v1/configuration', {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(body).not.toContain(PASSWORD);
  });
});

import { createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import type { AuditEvent } from '../../../src/audit/events';
import { configurationSchema, type UpstreamConfiguration } from '../../../src/config/schema';
import { ServerStates } from '../../../src/gateway/serverStates';
import { UpstreamHealth } from '../../../src/gateway/upstreamHealth';
import { checkServer } from '../../../src/verification/serverCheck';
import type { VerificationReport, verify } from '../../../src/verification/verification';
import { onCleanUp } from '../../support/cleanUp';
import { freePort } from '../../support/processes';
import { type SpyScript, SpyUpstream } from '../../support/spyUpstream';

type HealthInput = Partial<NonNullable<UpstreamConfiguration['health']>>;

interface Settings {
  readonly upstreamConnectSeconds?: number;
  readonly health?: HealthInput;
}

function configurationOf(servers: readonly string[], { upstreamConnectSeconds = 5, health }: Settings = {}) {
  return configurationSchema.parse({
    listeners: [{ name: 'plain', port: 104 }],
    upstreams: { ARCHIVE: { servers, ...(health === undefined ? {} : { health }) } },
    modalities: {},
    timeouts: { upstreamConnectSeconds },
  });
}

const NO_TLS = new Map<string, never>();

function setUp(servers: readonly string[], settings: Settings = {}, askEcho?: typeof verify) {
  const states = new ServerStates();
  const events: AuditEvent[] = [];
  const health = new UpstreamHealth(
    configurationOf(servers, settings),
    NO_TLS,
    states,
    { record: (event) => events.push(event) },
    (question) => checkServer(question, askEcho),
  );
  onCleanUp(() => health.stop());
  return { health, states, events };
}

async function isUp(script: SpyScript, upstreamConnectSeconds?: number): Promise<boolean | undefined> {
  const spy = await SpyUpstream.start({ script });
  const settings = upstreamConnectSeconds === undefined ? {} : { upstreamConnectSeconds };
  const { health } = setUp([`127.0.0.1:${spy.port}`], settings);
  return (await health.servers())[0]?.isUp;
}

describe('a server that nobody watches', () => {
  it('is asked with a C-ECHO from AEGIS, once for all who want to know within ten seconds', async () => {
    const spy = await SpyUpstream.start();
    const server = `127.0.0.1:${spy.port}`;
    const { health } = setUp([server]);
    const expected = [{ upstream: 'ARCHIVE', server, isTls: false, isUp: true }];
    expect(await Promise.all([health.servers(), health.servers()])).toMatchObject([expected, expected]);
    expect(await health.servers()).toMatchObject(expected);
    expect(spy.connects).toBe(1);
    expect(spy.connections[0]!.associateRq).toMatchObject({ calling: 'AEGIS', called: 'ARCHIVE' });
    expect(spy.requests).toHaveLength(1);
  });

  it.each<[string, SpyScript]>([
    ['rejects', { onAssociateRq: (connection) => connection.reject(1, 1, 3) }],
    ['aborts', { onAssociateRq: (connection) => connection.abort() }],
    [
      'answers with a failure',
      { onRequest: (connection, request) => connection.respond(request, { Status: 0x0110 }) },
    ],
    ['does not answer the release', { onReleaseRq: (connection) => connection.end() }],
  ])('is up where it %s', async (_what, script) => {
    expect(await isUp(script)).toBe(true);
  });

  it.each<[string, SpyScript]>([
    ['closes', { onAssociateRq: (connection) => connection.end() }],
    ['answers nothing', { onAssociateRq: () => {} }],
    ['accepts and then hangs', { onRequest: () => {} }],
  ])('is down where it %s', async (_what, script) => {
    expect(await isUp(script, 0.2)).toBe(false);
  });

  it('is not asked a second time before it has answered', async () => {
    let calls = 0;
    const { health } = setUp(['127.0.0.1:4242'], { upstreamConnectSeconds: 0.05 }, () => {
      calls += 1;
      return new Promise(() => {});
    });
    for (let round = 0; round < 3; round += 1) expect((await health.servers())[0]?.isUp).toBe(false);
    expect(calls).toBe(1);
  });

  it('that was down is waited for half a second at most', async () => {
    let nowMs = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    try {
      const answers: ((report: VerificationReport) => void)[] = [];
      const { health } = setUp(['127.0.0.1:4242'], {}, () => new Promise((resolve) => answers.push(resolve)));
      const first = health.isAnyUp();
      answers[0]!({
        isOk: false,
        steps: [{ name: 'tcp', isOk: false, failure: 'notConnected', durationMs: 1, text: '' }],
      });
      expect(await first).toBe(false);
      nowMs += 10_001;
      expect((await health.servers())[0]?.isUp).toBe(false);
      answers[1]!({ isOk: true, steps: [] });
      await setImmediate();
      expect(await health.isAnyUp()).toBe(true);
    } finally {
      clock.mockRestore();
    }
  });

  it('is down where nobody could ask it', async () => {
    const { health } = setUp(['127.0.0.1:4242'], {}, async () => {
      throw new Error('EMFILE');
    });
    expect((await health.servers())[0]?.isUp).toBe(false);
  });

  it('is asked again at once after an association has failed there', async () => {
    const spy = await SpyUpstream.start();
    const server = `127.0.0.1:${spy.port}`;
    const { health, states, events } = setUp([server]);
    expect(await health.isAnyUp()).toBe(true);
    states.learn({ upstream: 'ARCHIVE', server }, false, 'reset');
    expect(await health.isAnyUp()).toBe(true);
    expect(spy.connects).toBe(2);
    expect(events.map(({ event }) => event)).toEqual(['upstream.down', 'upstream.up']);
  });
});

describe('a server that is watched', () => {
  it('is not asked once more for each who wants to know', async () => {
    const spy = await SpyUpstream.start();
    const { health } = setUp([`127.0.0.1:${spy.port}`], { health: { intervalSeconds: 3600 } });
    expect((await health.servers())[0]?.isUp).toBe(true);
    expect(await health.isAnyUp()).toBe(true);
    expect(spy.connects).toBe(1);
  });

  it('is up where its port takes connections and no more is asked', async () => {
    const server = createServer((socket) => socket.resume());
    onCleanUp(() => void server.close());
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    const { health } = setUp([`127.0.0.1:${port}`], { health: { check: 'tcp' } });
    expect(await health.isAnyUp()).toBe(true);
    expect((await health.servers())[0]?.isUp).toBe(true);
  });

  it('is down where its port takes none', async () => {
    const { health } = setUp([`127.0.0.1:${await freePort()}`], { health: { check: 'tcp' } });
    expect(await health.isAnyUp()).toBe(false);
  });
});

describe('a server that is not to be asked', () => {
  const off = { health: { check: 'off', intervalSeconds: 10 } } as const;

  it('never gets a connection', async () => {
    const spies = [await SpyUpstream.start(), await SpyUpstream.start()];
    const { health } = setUp(
      spies.map(({ port }) => `127.0.0.1:${port}`),
      off,
    );
    expect(await health.isAnyUp()).toBe(true);
    expect((await health.servers()).map((server) => server.isUp)).toEqual([true, true]);
    expect(spies.map(({ connects }) => connects)).toEqual([0, 0]);
  });

  it('is down for an interval after an association failed there, and until the next one fails', async () => {
    let nowMs = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    try {
      const spy = await SpyUpstream.start();
      const name = { upstream: 'ARCHIVE', server: `127.0.0.1:${spy.port}` };
      const { health, states } = setUp([name.server], off);
      states.learn(name, false, 'refused');
      expect(await health.isAnyUp()).toBe(false);
      expect(await health.servers()).toMatchObject([
        { ...name, isTls: false, isUp: false, detail: 'refused' },
      ]);
      // Or a load balancer that heeds /readyz would never let anybody find out that it is back.
      nowMs += 10_000;
      expect(await health.isAnyUp()).toBe(true);
      states.learn(name, false, 'refused');
      expect(await health.isAnyUp()).toBe(false);
      states.learn(name, true);
      expect(await health.isAnyUp()).toBe(true);
      expect(spy.connects).toBe(0);
    } finally {
      clock.mockRestore();
    }
  });
});

describe('several servers', () => {
  it('are asked at once, together, and once for all who want to know', async () => {
    const spy = await SpyUpstream.start();
    const open = `127.0.0.1:${spy.port}`;
    const closed = `127.0.0.1:${await freePort()}`;
    const { health } = setUp([open, closed]);
    const expected = [
      { upstream: 'ARCHIVE', server: open, isTls: false, isUp: true },
      { upstream: 'ARCHIVE', server: closed, isTls: false, isUp: false, detail: expect.any(String) },
    ];
    expect(await Promise.all([health.servers(), health.servers()])).toMatchObject([expected, expected]);
    expect(await health.servers()).toMatchObject(expected);
    expect(spy.connects).toBe(1);
  });

  it('do not wait for one that hangs where another is up', async () => {
    const spy = await SpyUpstream.start();
    const hanging = await SpyUpstream.start({ script: { onAssociateRq: () => {} } });
    const { health } = setUp([`127.0.0.1:${hanging.port}`, `127.0.0.1:${spy.port}`], {
      upstreamConnectSeconds: 30,
    });
    const begun = Date.now();
    expect(await health.isAnyUp()).toBe(true);
    expect(Date.now() - begun).toBeLessThan(3000);
    expect(hanging.connects).toBe(1);
  });

  it('are down together where none is up', async () => {
    expect(await setUp([`127.0.0.1:${await freePort()}`]).health.isAnyUp()).toBe(false);
  });

  it('of another configuration are asked at once', async () => {
    const spy = await SpyUpstream.start();
    const { health } = setUp([`127.0.0.1:${await freePort()}`]);
    expect((await health.servers())[0]?.isUp).toBe(false);
    health.replace(configurationOf([`127.0.0.1:${spy.port}`]), NO_TLS);
    expect((await health.servers())[0]?.isUp).toBe(true);
  });
});

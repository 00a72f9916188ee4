import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { UpstreamProbes } from '../../../src/admin/upstreamProbes';
import { configurationSchema } from '../../../src/config/schema';
import type { VerificationReport } from '../../../src/verification/verification';
import { freePort } from '../../support/processes';
import { type SpyScript, SpyUpstream } from '../../support/spyUpstream';

function configurationOf(servers: readonly string[], upstreamConnectSeconds = 5) {
  return configurationSchema.parse({
    listeners: [{ name: 'plain', port: 104 }],
    upstreams: { ARCHIVE: { servers } },
    modalities: {},
    timeouts: { upstreamConnectSeconds },
  });
}

async function isUp(script: SpyScript, upstreamConnectSeconds?: number): Promise<boolean | undefined> {
  const spy = await SpyUpstream.start({ script });
  const probes = new UpstreamProbes(configurationOf([`127.0.0.1:${spy.port}`], upstreamConnectSeconds));
  return (await probes.states())[0]?.isUp;
}

describe('UpstreamProbes', () => {
  it('asks each server with a C-ECHO from AEGIS, once for all who ask within ten seconds', async () => {
    const spy = await SpyUpstream.start();
    const closed = `127.0.0.1:${await freePort()}`;
    const open = `127.0.0.1:${spy.port}`;
    const probes = new UpstreamProbes(configurationOf([open, closed]));
    const expected = [
      { upstream: 'ARCHIVE', server: open, isUp: true },
      { upstream: 'ARCHIVE', server: closed, isUp: false },
    ];
    expect(await Promise.all([probes.states(), probes.states()])).toEqual([expected, expected]);
    expect(await probes.states()).toEqual(expected);
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
  ])('takes a server that %s for one that is up', async (_what, script) => {
    expect(await isUp(script)).toBe(true);
  });

  it.each<[string, SpyScript]>([
    ['closes', { onAssociateRq: (connection) => connection.end() }],
    ['answers nothing', { onAssociateRq: () => {} }],
    ['accepts and then hangs', { onRequest: () => {} }],
  ])('takes a server that %s for one that is down', async (_what, script) => {
    expect(await isUp(script, 0.2)).toBe(false);
  });

  it('never asks a server that has not answered a second time', async () => {
    let calls = 0;
    const probes = new UpstreamProbes(configurationOf(['127.0.0.1:4242'], 0.05), () => {
      calls += 1;
      return new Promise(() => {});
    });
    for (let round = 0; round < 3; round += 1) expect((await probes.states())[0]?.isUp).toBe(false);
    expect(calls).toBe(1);
  });

  it('waits half a second at most for a server that was down the last time', async () => {
    let nowMs = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    try {
      const answers: ((report: VerificationReport) => void)[] = [];
      const probes = new UpstreamProbes(
        configurationOf(['127.0.0.1:4242']),
        () => new Promise((resolve) => answers.push(resolve)),
      );
      const first = probes.isAnyUp();
      answers[0]!({
        isOk: false,
        steps: [{ name: 'tcp', isOk: false, failure: 'notConnected', durationMs: 1, text: '' }],
      });
      expect(await first).toBe(false);
      nowMs += 10_001;
      expect((await probes.states())[0]?.isUp).toBe(false);
      answers[1]!({ isOk: true, steps: [] });
      await setImmediate();
      expect(await probes.isAnyUp()).toBe(true);
    } finally {
      clock.mockRestore();
    }
  });

  it('says that one is up without waiting for another that hangs', async () => {
    const spy = await SpyUpstream.start();
    const hanging = await SpyUpstream.start({ script: { onAssociateRq: () => {} } });
    const probes = new UpstreamProbes(
      configurationOf([`127.0.0.1:${hanging.port}`, `127.0.0.1:${spy.port}`], 30),
    );
    const begun = Date.now();
    expect(await probes.isAnyUp()).toBe(true);
    expect(Date.now() - begun).toBeLessThan(3000);
    expect(hanging.connects).toBe(1);
  });

  it('says that none is up where there is none', async () => {
    expect(await new UpstreamProbes(configurationOf([`127.0.0.1:${await freePort()}`])).isAnyUp()).toBe(
      false,
    );
  });

  it('takes a server that nobody could ask for one that is down', async () => {
    const probes = new UpstreamProbes(configurationOf(['127.0.0.1:4242']), async () => {
      throw new Error('EMFILE');
    });
    expect((await probes.states())[0]?.isUp).toBe(false);
  });

  it('asks the servers of another configuration at once', async () => {
    const spy = await SpyUpstream.start();
    const probes = new UpstreamProbes(configurationOf([`127.0.0.1:${await freePort()}`]));
    expect((await probes.states())[0]?.isUp).toBe(false);
    probes.replace(configurationOf([`127.0.0.1:${spy.port}`]));
    expect((await probes.states())[0]?.isUp).toBe(true);
  });
});

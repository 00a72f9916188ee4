import { describe, expect, it } from '@jest/globals';
import { UpstreamProbes } from '../../../src/admin/upstreamProbes';
import { configurationSchema } from '../../../src/config/schema';
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

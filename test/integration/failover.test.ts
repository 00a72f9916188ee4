/** One upstream with several servers: which one takes an association, and what happens when one goes and comes back. */
import { describe, expect, it } from '@jest/globals';
import { CommandField, proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { finalStatus, RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification)];
const titles = { calling: 'CT1', called: 'ARCHIVE' };
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
/** What asks for a server itself, and not for a modality. */
function isCheck({ associateRq }: SpyUpstream['connections'][number]) {
  return associateRq?.calling === 'AEGIS';
}

/** A connection of which the request has not come yet may be that of a check. */
function associationsOf(spy: SpyUpstream) {
  return spy.connections.filter((connection) => connection.associateRq !== undefined && !isCheck(connection))
    .length;
}

type Upstream = ConfigurationInput['upstreams'][string];

async function setUp(
  upstream: Partial<Upstream> = {},
  scripts: readonly SpyScript[] = [{}, {}],
  rest: Partial<ConfigurationInput> = {},
) {
  const spies = await Promise.all(scripts.map((script) => SpyUpstream.start({ script })));
  const servers = spies.map(({ port }) => `127.0.0.1:${port}`);
  const upstreams = { ARCHIVE: { servers, health: { check: 'off' }, ...upstream } } as const;
  const gateway = await TestGateway.start(plainConfiguration(0, {}, { upstreams, ...rest }));
  const established = () => RawScu.associated(gateway.port(), { contexts });
  return { spies, servers, gateway, established };
}

describe('failover', () => {
  it('takes the first server, whatever its number of associations', async () => {
    const { spies, established } = await setUp();
    const scus = [await established(), await established(), await established()];
    expect(spies.map(associationsOf)).toEqual([3, 0]);
    for (const scu of scus) await scu.release();
  });

  it.each<[string, SpyScript]>([
    ['closes the connection before it answers', { onAssociateRq: (connection) => connection.end() }],
    ['resets it', { onAssociateRq: (connection) => connection.reset() }],
    ['answers nonsense', { onAssociateRq: (connection) => connection.send(Buffer.alloc(10, 9)) }],
  ])('goes on to the next one where a server %s', async (_what, script) => {
    const { spies, servers, gateway, established } = await setUp({}, [script, {}]);
    const scu = await established();
    expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
    await scu.release();
    expect(spies.map(associationsOf)).toEqual([1, 1]);
    expect(await gateway.event({ event: 'association.released' })).toMatchObject({ upstream: servers[1] });
    expect(await gateway.event({ event: 'upstream.down' })).toMatchObject({
      outcome: 'failed',
      reason: 'upstream-unavailable',
      calledAeTitle: 'ARCHIVE',
      upstream: servers[0],
      detail: expect.any(String),
    });
    // What is down is not tried first again.
    await (await established()).release();
    expect(spies.map(associationsOf)).toEqual([1, 2]);
  });

  it('goes on to the next one where a server aborts the request, and does not take it for down', async () => {
    const { spies, gateway, established } = await setUp({}, [
      { onAssociateRq: (connection) => connection.abort() },
      {},
    ]);
    await (await established()).release();
    await (await established()).release();
    expect(spies.map(associationsOf)).toEqual([2, 2]);
    expect(gateway.events.some(({ event }) => event === 'upstream.down')).toBe(false);
  });

  it('passes on what a server rejects: the next one is not asked for another opinion', async () => {
    const { spies, gateway } = await setUp({}, [
      { onAssociateRq: (connection) => connection.reject(1, 1, 7) },
      {},
    ]);
    const scu = await RawScu.connect({ port: gateway.port() });
    expect(await scu.associate({ ...titles, contexts })).toMatchObject({ kind: 'rejected', reason: 7 });
    expect(spies.map(associationsOf)).toEqual([1, 0]);
  });

  it('goes on to the next one where a server does not answer for as long as a health check may take', async () => {
    const health = { check: 'off', deadlineSeconds: 0.2 } as const;
    const { spies, servers, gateway, established } = await setUp({ health }, [
      { onAssociateRq: () => {} },
      {},
    ]);
    await (await established()).release();
    expect(spies.map(associationsOf)).toEqual([1, 1]);
    await spies[0]!.waitUntil(({ connections }) => connections[0]?.aborted !== undefined, 'an A-ABORT');
    expect(await gateway.event({ event: 'upstream.down' })).toMatchObject({
      upstream: servers[0],
      detail: 'no answer to the association request in time',
    });
  });

  it('gives the last one all the time that timeouts allow', async () => {
    const health = { check: 'off', deadlineSeconds: 0.1 } as const;
    const slow: SpyScript = {
      onAssociateRq: (connection) => void setTimeout(() => connection.accept(), 300),
    };
    const { spies, established } = await setUp({ health }, [{ onAssociateRq: () => {} }, slow]);
    await (await established()).release();
    expect(spies.map(associationsOf)).toEqual([1, 1]);
  });

  it('says of each server why it could not be reached when none can', async () => {
    const { spies, servers, gateway } = await setUp();
    for (const spy of spies) await spy.stop();
    const scu = await RawScu.connect({ port: gateway.port() });
    expect(await scu.associate({ ...titles, contexts })).toMatchObject({
      kind: 'rejected',
      result: 2,
      source: 3,
      reason: 1,
    });
    const { detail } = await gateway.event({ event: 'association.rejected' });
    for (const server of servers) expect(detail).toContain(`${server}: nobody listens on this port`);
  });
});

describe('leastAssociations', () => {
  it('spreads associations and fills the gaps', async () => {
    const { spies, established } = await setUp({ balance: 'leastAssociations' }, [{}, {}, {}]);
    const scus = await Promise.all(Array.from({ length: 6 }, established));
    expect(spies.map(associationsOf)).toEqual([2, 2, 2]);
    const ofSecond = new Set(spies[1]!.connections);
    for (const scu of scus) await scu.release();
    await spies[1]!.waitUntil(() => [...ofSecond].every(({ closed }) => closed !== undefined), 'the ends');
    await Promise.all(Array.from({ length: 3 }, established));
    expect(spies.map(associationsOf)).toEqual([3, 3, 3]);
  });
});

const watched = { check: 'echo', intervalSeconds: 0.05, deadlineSeconds: 0.5 } as const;

describe('health', () => {
  it('finds out before any association does, and takes the server back by itself', async () => {
    const { spies, servers, gateway, established } = await setUp({ health: watched });
    const port = spies[0]!.port;
    await spies[0]!.stop();
    await gateway.event({ event: 'upstream.down', upstream: servers[0]! });
    await (await established()).release();
    expect(associationsOf(spies[1]!)).toBe(1);
    const back = await SpyUpstream.start({ port });
    expect(await gateway.event({ event: 'upstream.up', upstream: servers[0]! })).toMatchObject({
      outcome: 'info',
    });
    await (await established()).release();
    expect([associationsOf(back), associationsOf(spies[1]!)]).toEqual([1, 1]);
  });

  it('finds a server that takes connections and does not answer', async () => {
    const { servers, gateway, established } = await setUp({ health: { ...watched, deadlineSeconds: 0.1 } }, [
      { onAssociateRq: () => {} },
      {},
    ]);
    const { detail } = await gateway.event({ event: 'upstream.down', upstream: servers[0]! });
    expect(detail).toBe('no answer within 0.1 s');
    await (await established()).release();
  });

  it('leaves an association where it is: only that of the server that died ends', async () => {
    const { spies, gateway, established } = await setUp({ balance: 'leastAssociations', health: watched });
    const [one, other] = [await established(), await established()];
    const [first] = spies[0]!.connections.filter((connection) => !isCheck(connection));
    await spies[0]!.stop();
    first!.destroy();
    await gateway.event({ event: 'association.aborted', reason: 'upstream-closed' });
    expect((await one.readPdu())[0]).toBe(0x07);
    expect(finalStatus(await other.request(1, echo))).toBe(0x0000);
    await other.release();
  });

  it('does not probe a single server, unless configured to', async () => {
    const { spies, established } = await setUp({ health: undefined }, [{}]);
    await (await established()).release();
    expect(spies[0]!.connects).toBe(1);
    const asked = await setUp({ health: watched }, [{}]);
    await asked.spies[0]!.waitUntil((spy) => spy.connections.filter(isCheck).length >= 2, 'two checks');
  });

  it('watches other servers after a reload, and no longer those that went', async () => {
    const { spies, gateway } = await setUp({ health: watched });
    const [gone, stays] = spies;
    const other = await SpyUpstream.start();
    const servers = [`127.0.0.1:${stays!.port}`, `127.0.0.1:${other.port}`];
    await gateway.reload(plainConfiguration(0, {}, { upstreams: { ARCHIVE: { servers, health: watched } } }));
    const asked = gone!.connects;
    await other.waitUntil((spy) => spy.connections.filter(isCheck).length >= 3, 'three checks');
    expect(gone!.connects - asked).toBeLessThanOrEqual(1);
  });

  it('ends with the gateway', async () => {
    const { spies, gateway } = await setUp({ health: watched });
    await spies[0]!.waitUntil((spy) => spy.connects >= 1, 'a check');
    await gateway.gateway.stop();
    const asked = spies[0]!.connects;
    await spies[1]!.stop();
    const another = await setUp({ health: watched });
    await another.spies[0]!.waitUntil((spy) => spy.connects >= 3, 'three checks');
    // One may have been on the way.
    expect(spies[0]!.connects - asked).toBeLessThanOrEqual(1);
    expect(gateway.events.some(({ event }) => event === 'upstream.down')).toBe(false);
  });
});

/**
 * What one peer can take from the others: places of an upstream, file descriptors, the admin HTTP. The gateway is a
 * process of its own where the system sets the limit.
 */
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { askAdmin } from '../support/adminHttp';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const contexts = [proposedContext(1, SopClass.Verification)];
const onLinux = process.platform === 'linux' ? it : it.skip;

/** ct1 and ct2, which differ in their AE titles only. */
function twoModalities({ port }: SpyUpstream, rest: Partial<ConfigurationInput> = {}): ConfigurationInput {
  const configuration = plainConfiguration(port, {}, rest);
  const { ct1 } = configuration.modalities;
  return { ...configuration, modalities: { ct1: ct1!, ct2: { ...ct1!, callingAeTitle: 'CT2' } } };
}

function associated(port: number, calling: string): Promise<RawScu> {
  return RawScu.associated(port, { calling, contexts });
}

describe('a modality that holds all places of an upstream and uses none', () => {
  it.each([1, 2])('gives one to each that waits, with %d worker(s)', async (workers) => {
    const spy = await SpyUpstream.start();
    const configuration = twoModalities(spy, { workers });
    configuration.upstreams.ARCHIVE!.maxAssociations = 4;
    const gateway = await GatewayProcess.start(configuration);
    const port = gateway.port('plain');
    const held = await Promise.all(Array.from({ length: 4 }, () => associated(port, 'CT1')));
    for (let count = 0; count < 2; count += 1) {
      const other = await associated(port, 'CT2');
      expect(await other.echo(1)).toBe(0);
    }
    const aborted = await gateway.events('association.aborted', 2);
    for (const line of aborted) expect(line).toMatchObject({ reason: 'place-yielded', modality: 'ct1' });
    const answers = await Promise.allSettled(held.map((scu) => scu.echo(1)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });

  it('keeps those that it uses', async () => {
    const spy = await SpyUpstream.start();
    const configuration = twoModalities(spy, { timeouts: { upstreamQueueSeconds: 7 } });
    configuration.upstreams.ARCHIVE!.maxAssociations = 2;
    const gateway = await TestGateway.start(configuration);
    const held = [await associated(gateway.port(), 'CT1'), await associated(gateway.port(), 'CT1')];
    let isOver = false;
    const busy = (async () => {
      while (!isOver) for (const scu of held) expect(await scu.echo(1)).toBe(0);
    })();
    const other = await RawScu.connect({ port: gateway.port() });
    expect(await other.associate({ calling: 'CT2', called: 'ARCHIVE', contexts })).toMatchObject({
      kind: 'rejected',
    });
    isOver = true;
    await busy;
  });
});

describe('a modality that holds all places of the gateway and uses none', () => {
  it.each([1, 2])('gives one to each that waits, with %d worker(s)', async (workers) => {
    const spy = await SpyUpstream.start();
    const configuration = twoModalities(spy, { workers, limits: { maxAssociations: 4 } });
    const gateway = await GatewayProcess.start(configuration);
    const port = gateway.port('plain');
    await Promise.all(Array.from({ length: 4 }, () => associated(port, 'CT1')));
    const other = await associated(port, 'CT2');
    expect(await other.echo(1)).toBe(0);
    const [aborted] = await gateway.events('association.aborted', 1);
    expect(aborted).toMatchObject({ reason: 'place-yielded', modality: 'ct1' });
  });
});

describe('a modality that opens and releases associations in a loop', () => {
  it.each([1, 2])('waits for its turn, and others do not, with %d worker(s)', async (workers) => {
    const spy = await SpyUpstream.start();
    const limits = { associationsPerSecond: 2 };
    const gateway = await GatewayProcess.start(twoModalities(spy, { workers, limits }));
    const port = gateway.port('plain');
    const open = async (calling: string) => {
      const scu = await associated(port, calling);
      await scu.release();
    };
    for (let count = 0; count < 20; count += 1) await open('CT1');
    const started = performance.now();
    const late = Promise.all([open('CT1'), open('CT1'), open('CT1')]).then(() => performance.now());
    await open('CT2');
    const otherDone = performance.now();
    expect((await late) - started).toBeGreaterThan(300);
    expect(await late).toBeGreaterThan(otherDone);
    expect(await gateway.events('association.released', 24)).toHaveLength(24);
  });
});

describe('200 silent connections to a process that may open 64 files', () => {
  onLinux.each([1, 2])('keep nobody out, with %d worker(s)', async (workers) => {
    const spy = await SpyUpstream.start();
    const configuration = plainConfiguration(spy.port, {}, { workers, admin: { port: 0 } });
    const gateway = GatewayProcess.launch(configuration, [], ['prlimit', '--nofile=64:64']);
    await gateway.process.waitForOutput(/\(admin HTTP\)/);
    const port = gateway.port('plain');
    const sockets: Socket[] = [];
    onCleanUp(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (let count = 0; count < 200; count += 1) {
      sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
    }
    await gateway.events('connection.refused', 3);
    for (let count = 0; count < 3; count += 1) {
      const scu = await associated(port, 'CT1');
      expect(await scu.echo(1)).toBe(0);
      await scu.release();
      expect(await askAdmin(gateway, '/healthz')).toMatchObject({ status: 200 });
    }
    const [refused] = await gateway.events('connection.refused', 3);
    expect(refused).toMatchObject({ reason: 'descriptors-exhausted', sourceAddress: '127.0.0.1' });
    // With several workers, the system closes what comes in one turn to a primary that has no descriptor left.
    if (workers > 1) return;
    const { body } = await askAdmin(gateway, '/metrics');
    expect(Number(/reason="descriptors-exhausted"\} (\d+)/.exec(body)?.[1])).toBeGreaterThan(140);
  });
});

describe('40 clients of the admin HTTP that ask and read nothing', () => {
  it('keep neither a liveness probe nor a modality waiting', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await GatewayProcess.start(plainConfiguration(spy.port, {}, { admin: { port: 0 } }));
    await gateway.process.waitForOutput(/\(admin HTTP\)/);
    const requests = Buffer.from('GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(2000));
    const sockets: Socket[] = [];
    let isOver = false;
    const attack = () => {
      const socket = connect(gateway.port('admin HTTP'), '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      socket.pause();
      socket.write(requests);
      socket.once('close', () => {
        if (!isOver && sockets.length < 2000) attack();
      });
    };
    onCleanUp(() => {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    });
    for (let count = 0; count < 40; count += 1) attack();
    const started = performance.now();
    let answered = 0;
    await waitFor('ten probes', async () => {
      answered += (await askAdmin(gateway, '/healthz').catch(() => undefined))?.status === 200 ? 1 : 0;
      return answered >= 10;
    });
    const scu = await associated(gateway.port('plain'), 'CT1');
    expect(await scu.echo(1)).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

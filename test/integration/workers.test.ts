/** Several workers behind one port, as a real process: cluster needs files that node can run. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Readiness } from '../../src/admin/statusReport';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { type ConfigurationInput, plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];

interface Setting {
  readonly gateway: GatewayProcess;
  readonly spy: SpyUpstream;
}

/** Two workers in front of one archive, with one modality. */
function configurationWith(
  { port }: SpyUpstream,
  modality: object = {},
  rest: Partial<ConfigurationInput> = {},
): ConfigurationInput {
  return plainConfiguration(
    port,
    { allow: ['store', 'echo'], dataSets: 'off', ...modality },
    { workers: 2, ...rest },
  );
}

async function setUp(modality: object = {}, rest: Partial<ConfigurationInput> = {}): Promise<Setting> {
  const spy = await SpyUpstream.start();
  return { gateway: await GatewayProcess.start(configurationWith(spy, modality, rest)), spy };
}

async function call({ gateway }: Setting, calling = 'CT1', listener = 'plain') {
  const scu = await RawScu.connect({ port: gateway.port(listener) });
  return { scu, answer: await scu.associate({ calling, called: 'ARCHIVE', contexts }) };
}

function linesOf({ gateway }: Setting, name: string) {
  return gateway.auditLines.filter(({ event }) => event === name);
}

/** The process ids of the workers, by the parent that Linux knows. */
function workersOf({ gateway: { process } }: Setting): number[] {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

/** One of the workers hangs from now on; at the latest at the end of the file it can be ended. */
function freezeOne(setting: Setting): number {
  const victim = workersOf(setting)[0]!;
  process.kill(victim, 'SIGSTOP');
  onCleanUp(() => {
    if (existsSync(`/proc/${victim}`)) process.kill(victim, 'SIGCONT');
  });
  return victim;
}

async function untilTwoWorkers(setting: Setting): Promise<void> {
  await waitFor('two workers', () => workersOf(setting).length === 2);
}

/** Node has begun to wait for events, which is long before a worker listens. */
function hasEventLoop(pid: number): boolean {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).includes('eventpoll');
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** Moments of the start of a worker, each later than the one before. */
const moments: readonly ((setting: Setting, old: readonly number[]) => boolean)[] = [
  (setting, old) => workersOf(setting).filter((pid) => old.includes(pid)).length === 1,
  (setting, old) => workersOf(setting).some((pid) => !old.includes(pid)),
  (setting, old) => workersOf(setting).some((pid) => !old.includes(pid) && hasEventLoop(pid)),
];

describe('two workers', () => {
  it('store on many associations at once, and write one audit log', async () => {
    const setting = await setUp();
    const dataSets = Array.from({ length: 40 }, (_value, index) =>
      Buffer.alloc(50_000, `instance ${index} `),
    );
    await Promise.all(
      dataSets.map(async (dataSet, index) => {
        const { scu, answer } = await call(setting);
        expect(answer.kind).toBe('accepted');
        const instance = { sopClassUid: SopClass.CTImageStorage, sopInstanceUid: `1.2.${index}`, dataSet };
        expect(await scu.store(3, instance)).toBe(0);
        await scu.release();
      }),
    );
    expect(new Set(setting.spy.requests.map(({ dataSet }) => sha256(dataSet!)))).toEqual(
      new Set(dataSets.map((dataSet) => sha256(dataSet))),
    );
    const { exitCode } = await setting.gateway.process.stop();
    expect(exitCode).toBe(0);
    expect(linesOf(setting, 'association.released')).toHaveLength(40);
    expect(linesOf(setting, 'gateway.started')).toHaveLength(1);
    expect(setting.gateway.auditLines.at(-1)).toMatchObject({ event: 'gateway.stopped' });
  });

  it('count the limit of a modality together, and free places whichever worker had them', async () => {
    const setting = await setUp({ maxAssociations: 3 });
    for (let round = 0; round < 3; round += 1) {
      const calls = await Promise.all(Array.from({ length: 8 }, () => call(setting)));
      const accepted = calls.filter(({ answer }) => answer.kind === 'accepted');
      expect(accepted).toHaveLength(3);
      for (const { scu } of accepted) await scu.release();
      for (const { scu } of calls) scu.end();
      const released = 3 * (round + 1);
      await setting.spy.waitUntil(
        (spy) => spy.connections.filter(({ closed }) => closed).length === released,
        'the releases',
      );
      await setting.gateway.events('association.released', released);
    }
  });

  it('take a reload over, or leave everything as it is', async () => {
    const setting = await setUp();
    setting.gateway.reload(configurationWith(setting.spy, { callingAeTitle: 'CT2' }));
    await setting.gateway.process.waitForOutput(/was reloaded/);
    for (let count = 0; count < 4; count += 1) {
      expect((await call(setting, 'CT2')).answer.kind).toBe('accepted');
      expect((await call(setting, 'CT1')).answer.kind).toBe('rejected');
    }
    setting.gateway.reload('{ "listeners": [');
    await setting.gateway.process.waitForOutput(/was not reloaded/);
    expect((await call(setting, 'CT2')).answer.kind).toBe('accepted');
  });

  it('replace one that dies; what it served ends, and its places come back', async () => {
    const setting = await setUp({ maxAssociations: 4 });
    const calls = await Promise.all(Array.from({ length: 4 }, () => call(setting)));
    const [victim] = workersOf(setting);
    process.kill(victim!, 'SIGKILL');
    await setting.gateway.process.waitForOutput(/a worker died \(SIGKILL\)/);
    const endings = await Promise.all(
      calls.map(({ scu }) =>
        scu.echo(1).then(
          () => 'served' as const,
          () => 'ended' as const,
        ),
      ),
    );
    // Nearly always two of them: a connection goes to a worker that has taken its last one.
    const ended = endings.filter((ending) => ending === 'ended').length;
    expect([1, 2, 3]).toContain(ended);
    const again = await Promise.all(Array.from({ length: ended }, () => call(setting)));
    expect(again.filter(({ answer }) => answer.kind !== 'accepted')).toEqual([]);
    await untilTwoWorkers(setting);
  });

  it('are not ready while none of them lives', async () => {
    const adminPort = await freePort();
    const setting = await setUp({}, { admin: { host: '127.0.0.1', port: adminPort } });
    const readiness = async () => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
      return { status: response.status, body: (await response.json()) as Readiness };
    };
    await setting.gateway.process.waitForOutput(/\(admin HTTP\)/);
    expect(await readiness()).toMatchObject({ status: 200 });
    for (const worker of workersOf(setting)) process.kill(worker, 'SIGKILL');
    await setting.gateway.process.waitForOutput(/(a worker died[\s\S]*){2}/);
    expect(await readiness()).toMatchObject({ status: 503, body: { checks: { listening: false } } });
    await waitFor('readiness', async () => (await readiness()).status === 200);
  });

  it('know a reload that came while one of them started', async () => {
    const setting = await setUp();
    const { gateway, spy } = setting;
    for (const [round, hasCome] of moments.entries()) {
      const title = `CT${2 + round}`;
      const old = workersOf(setting);
      // The youngest: the other one listens for certain, and keeps the port.
      process.kill(old.at(-1)!, 'SIGKILL');
      await waitFor(`moment ${round} of the start of a worker`, () => hasCome(setting, old));
      gateway.reload(configurationWith(spy, { callingAeTitle: title }));
      await gateway.process.waitForOutput(new RegExp(`(was reloaded[^]*){${round + 1}}`));
      await untilTwoWorkers(setting);
      // Each of the two serves some of these.
      for (let count = 0; count < 6; count += 1) {
        expect((await call(setting, title)).answer.kind).toBe('accepted');
        expect((await call(setting, 'CT1')).answer.kind).toBe('rejected');
      }
    }
  });

  it('leave no peer waiting that was on its way to one that died', async () => {
    const setting = await setUp();
    const victim = freezeOne(setting);
    const calls = Promise.all(Array.from({ length: 6 }, () => call(setting)));
    // The one that hangs is handed one of them, the other all the rest.
    await setting.gateway.events('association.accepted', 5);
    process.kill(victim, 'SIGKILL');
    const answers = (await calls).map(({ answer }) => answer.kind);
    expect(answers.sort()).toEqual([...Array(5).fill('accepted'), 'closed']);
    await untilTwoWorkers(setting);
    expect((await call(setting)).answer.kind).toBe('accepted');
  });

  it('leave nobody waiting on any listener: each of them hands over a connection of its own', async () => {
    const names = ['first', 'second', 'third'];
    const listeners = names.map((name) => ({ name, host: '127.0.0.1', port: 0 }));
    const setting = await setUp({ listeners: names }, { listeners });
    await setting.gateway.process.waitForOutput(/\(third\)/);
    const victim = freezeOne(setting);
    const calls = Promise.all([...names, ...names].map((name) => call(setting, 'CT1', name)));
    await setting.gateway.events('association.accepted', names.length);
    process.kill(victim, 'SIGKILL');
    const answers = (await calls).map(({ answer }) => answer.kind);
    expect(answers.filter((kind) => kind === 'closed')).toHaveLength(names.length);
  });

  it('are ended at the stop even where one hangs, and the ends of its associations are reported', async () => {
    const setting = await setUp({}, { timeouts: { drainSeconds: 1, closeSeconds: 1 } });
    expect((await call(setting)).answer.kind).toBe('accepted');
    expect((await call(setting)).answer.kind).toBe('accepted');
    freezeOne(setting);
    const { exitCode } = await setting.gateway.process.stop();
    expect(exitCode).toBe(1);
    const ends = linesOf(setting, 'association.aborted');
    expect(ends.map(({ reason }) => reason)).toEqual(['gateway-stopped', 'gateway-stopped']);
    expect(setting.gateway.auditLines.at(-1)).toMatchObject({ event: 'gateway.stopped' });
  });

  it('choose among the servers of an upstream together, and tell each other which one is down', async () => {
    const [gone, other] = [await SpyUpstream.start(), await SpyUpstream.start()];
    const goneServer = `127.0.0.1:${gone.port}`;
    const of = (servers: string[]): ConfigurationInput['upstreams'] => ({
      ARCHIVE: { servers, balance: 'leastAssociations', health: { check: 'off', intervalSeconds: 3600 } },
    });
    const setting = await setUp({}, { upstreams: of([goneServer, `127.0.0.1:${other.port}`]) });
    const calls = [];
    for (let count = 0; count < 8; count += 1) calls.push(await call(setting));
    expect([gone.connects, other.connects]).toEqual([4, 4]);
    for (const { scu } of calls) await scu.release();
    await gone.stop();
    for (let count = 0; count < 4; count += 1) {
      const { scu, answer } = await call(setting);
      expect(answer.kind).toBe('accepted');
      await scu.release();
    }
    await setting.gateway.process.stop();
    const down = linesOf(setting, 'upstream.down');
    expect(down.map(({ upstream }) => upstream)).toEqual([goneServer]);
  });

  it('share the port of egress, and open it at a reload', async () => {
    const scanner = await SpyUpstream.start();
    const egressPort = await freePort();
    const setting = await setUp();
    const address = { host: '127.0.0.1', port: scanner.port };
    setting.gateway.reload(configurationWith(setting.spy, { address }, { egress: { port: egressPort } }));
    await setting.gateway.process.waitForOutput(/was reloaded/);
    for (let count = 0; count < 4; count += 1) {
      const scu = await RawScu.connect({ port: egressPort });
      expect((await scu.associate({ calling: 'ARCHIVE', called: 'CT1', contexts })).kind).toBe('accepted');
      await scu.release();
    }
    expect(scanner.connects).toBe(4);
    setting.gateway.reload(configurationWith(setting.spy));
    await setting.gateway.process.waitForOutput(/was reloaded[\s\S]*was reloaded/);
    await expect(RawScu.connect({ port: egressPort })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('do not start where the port is taken', async () => {
    const { gateway, spy } = await setUp();
    const listeners = [{ name: 'plain', host: '127.0.0.1', port: gateway.port('plain') }];
    const second = GatewayProcess.launch(configurationWith(spy, {}, { listeners })).process;
    const { exitCode } = await second.exited;
    expect(exitCode).toBe(1);
    expect(second.output).toMatch(/the port is in use/);
  });
});

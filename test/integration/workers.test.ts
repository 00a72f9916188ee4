/** Several workers behind one port, as a real process: cluster needs files that node can run. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Readiness } from '../../src/admin/statusReport';
import type { AuditEvent } from '../../src/audit/events';
import { proposedContext } from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { freePort, startProcess, type TestProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const command = join(__dirname, '../../dist/cli.js');
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];
const folder = temporaryFolder();

interface Setting {
  readonly aegis: TestProcess;
  readonly spy: SpyUpstream;
  readonly port: number;
  readonly file: string;
}

function write(
  file: string,
  port: number,
  upstreamPort: number,
  modality: object = {},
  rest: object = {},
): void {
  const configuration = {
    listeners: [{ name: 'plain', host: '127.0.0.1', port }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${upstreamPort}`] } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        listeners: 'plain',
        allow: ['store', 'echo'],
        ...modality,
      },
    },
    workers: 2,
    ...rest,
  };
  writeFileSync(file, JSON.stringify(configuration));
}

async function setUp(modality: object = {}, rest: object = {}): Promise<Setting> {
  const spy = await SpyUpstream.start();
  const port = await freePort();
  const file = join(folder, `${port}.jsonc`);
  write(file, port, spy.port, modality, rest);
  const aegis = startProcess(process.execPath, [command, '--config', file, 'start']);
  await aegis.waitForOutput(/listening on 127\.0\.0\.1:\d+/);
  return { aegis, spy, port, file };
}

async function call({ port }: Setting, calling = 'CT1') {
  const scu = await RawScu.connect({ port });
  return { scu, answer: await scu.associate({ calling, called: 'ARCHIVE', contexts }) };
}

const events = ({ aegis }: Setting): AuditEvent[] =>
  aegis.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as AuditEvent);

/** The workers of a process, by the parent that Linux knows. */
async function childrenOf(pid: number | undefined): Promise<number[]> {
  const { readFileSync } = await import('node:fs');
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

async function waitForWorkers(pid: number | undefined, count: number): Promise<void> {
  while ((await childrenOf(pid)).length < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('two workers', () => {
  beforeAll(() => {
    if (!existsSync(command)) throw new Error('dist is missing; run npm run build');
  });

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
    const { exitCode } = await setting.aegis.stop();
    expect(exitCode).toBe(0);
    const names = events(setting).map(({ event }) => event);
    expect(names.filter((name) => name === 'association.released')).toHaveLength(40);
    expect(names.filter((name) => name === 'gateway.started')).toHaveLength(1);
    expect(names.at(-1)).toBe('gateway.stopped');
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
      while (events(setting).filter(({ event }) => event === 'association.released').length < released) {
        await setting.aegis.waitForOutput(/association\.released/);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  });

  it('take a reload over, or leave everything as it is', async () => {
    const setting = await setUp();
    write(setting.file, setting.port, setting.spy.port, { callingAeTitle: 'CT2' });
    setting.aegis.kill('SIGHUP');
    await setting.aegis.waitForOutput(/was reloaded/);
    for (let count = 0; count < 4; count += 1) {
      expect((await call(setting, 'CT2')).answer.kind).toBe('accepted');
      expect((await call(setting, 'CT1')).answer.kind).toBe('rejected');
    }
    writeFileSync(setting.file, '{ "listeners": [');
    setting.aegis.kill('SIGHUP');
    await setting.aegis.waitForOutput(/was not reloaded/);
    expect((await call(setting, 'CT2')).answer.kind).toBe('accepted');
  });

  it('replace one that dies; what it served ends, and its places come back', async () => {
    const setting = await setUp({ maxAssociations: 4 });
    const calls = await Promise.all(Array.from({ length: 4 }, () => call(setting)));
    const [victim] = await childrenOf(setting.aegis.pid);
    process.kill(victim!, 'SIGKILL');
    await setting.aegis.waitForOutput(/a worker died \(SIGKILL\)/);
    const endings = await Promise.all(
      calls.map(({ scu }) =>
        scu.echo(1).then(
          () => 'served' as const,
          () => 'ended' as const,
        ),
      ),
    );
    // Nearly always two of them: connections are dealt to whichever worker has taken its last one.
    const ended = endings.filter((ending) => ending === 'ended').length;
    expect([1, 2, 3]).toContain(ended);
    const again = await Promise.all(Array.from({ length: ended }, () => call(setting)));
    expect(again.filter(({ answer }) => answer.kind !== 'accepted')).toEqual([]);
    while ((await childrenOf(setting.aegis.pid)).length < 2)
      await new Promise((resolve) => setImmediate(resolve));
  });

  it('are not ready while none of them lives', async () => {
    const adminPort = await freePort();
    const setting = await setUp({}, { admin: { host: '127.0.0.1', port: adminPort } });
    const readiness = async () => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
      return { status: response.status, body: (await response.json()) as Readiness };
    };
    await setting.aegis.waitForOutput(/\(admin HTTP\)/);
    expect(await readiness()).toMatchObject({ status: 200 });
    for (const worker of await childrenOf(setting.aegis.pid)) process.kill(worker, 'SIGKILL');
    await setting.aegis.waitForOutput(/(a worker died[\s\S]*){2}/);
    expect(await readiness()).toMatchObject({ status: 503, body: { checks: { listening: false } } });
    while ((await readiness()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('know a reload that came while one of them started', async () => {
    const setting = await setUp();
    const { aegis, file, port, spy } = setting;
    for (const [round, title] of ['CT2', 'CT3', 'CT4'].entries()) {
      const [victim] = await childrenOf(aegis.pid);
      process.kill(victim!, 'SIGKILL');
      // Into the start of the one that takes its place, sooner or later.
      await new Promise((resolve) => setTimeout(resolve, 30 + 50 * round));
      write(file, port, spy.port, { callingAeTitle: title });
      aegis.kill('SIGHUP');
      await aegis.waitForOutput(new RegExp(`(was reloaded[^]*){${round + 1}}`));
      await waitForWorkers(aegis.pid, 2);
      // Each of the two serves some of these.
      for (let count = 0; count < 6; count += 1) {
        expect((await call(setting, title)).answer.kind).toBe('accepted');
        expect((await call(setting, 'CT1')).answer.kind).toBe('rejected');
      }
    }
  });

  it('leave no peer waiting that was on its way to one that died', async () => {
    const setting = await setUp();
    const [victim] = await childrenOf(setting.aegis.pid);
    process.kill(victim!, 'SIGSTOP');
    const calls = Promise.all(Array.from({ length: 6 }, () => call(setting)));
    // The one that hangs is handed one of them, the other all the rest.
    while (events(setting).filter(({ event }) => event === 'association.accepted').length < 5) {
      await setting.aegis.waitForOutput(/association\.accepted/);
      await new Promise((resolve) => setImmediate(resolve));
    }
    process.kill(victim!, 'SIGKILL');
    const answers = (await calls).map(({ answer }) => answer.kind);
    expect(answers.sort()).toEqual([...Array(5).fill('accepted'), 'closed']);
    await waitForWorkers(setting.aegis.pid, 2);
    expect((await call(setting)).answer.kind).toBe('accepted');
  });

  it('are ended at the stop even where one hangs, and its associations are told', async () => {
    const setting = await setUp({}, { timeouts: { drainSeconds: 1, closeSeconds: 1 } });
    expect((await call(setting)).answer.kind).toBe('accepted');
    expect((await call(setting)).answer.kind).toBe('accepted');
    const [victim] = await childrenOf(setting.aegis.pid);
    process.kill(victim!, 'SIGSTOP');
    const { exitCode } = await setting.aegis.stop();
    expect(exitCode).toBe(1);
    const ends = events(setting).filter(({ event }) => event === 'association.aborted');
    expect(ends.map(({ reason }) => reason)).toEqual(['gateway-stopped', 'gateway-stopped']);
    expect(events(setting).at(-1)).toMatchObject({ event: 'gateway.stopped' });
  });

  it('choose among the servers of an upstream together, and tell each other which one is down', async () => {
    const [gone, other] = [await SpyUpstream.start(), await SpyUpstream.start()];
    const goneServer = `127.0.0.1:${gone.port}`;
    const of = (servers: readonly string[]) => ({
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
    await setting.aegis.stop();
    const down = events(setting).filter(({ event }) => event === 'upstream.down');
    expect(down.map(({ upstream }) => upstream)).toEqual([goneServer]);
  });

  it('share the port of egress, and open it at a reload', async () => {
    const scanner = await SpyUpstream.start();
    const egressPort = await freePort();
    const setting = await setUp();
    const address = { host: '127.0.0.1', port: scanner.port };
    write(setting.file, setting.port, setting.spy.port, { address }, { egress: { port: egressPort } });
    setting.aegis.kill('SIGHUP');
    await setting.aegis.waitForOutput(/was reloaded/);
    for (let count = 0; count < 4; count += 1) {
      const scu = await RawScu.connect({ port: egressPort });
      expect((await scu.associate({ calling: 'ARCHIVE', called: 'CT1', contexts })).kind).toBe('accepted');
      await scu.release();
    }
    expect(scanner.connects).toBe(4);
    write(setting.file, setting.port, setting.spy.port);
    setting.aegis.kill('SIGHUP');
    await setting.aegis.waitForOutput(/was reloaded[\s\S]*was reloaded/);
    await expect(RawScu.connect({ port: egressPort })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('do not start where the port is taken', async () => {
    const { port, spy } = await setUp();
    const file = join(folder, 'taken.jsonc');
    write(file, port, spy.port);
    const second = startProcess(process.execPath, [command, '--config', file, 'start']);
    const { exitCode } = await second.exited;
    expect(exitCode).toBe(1);
    expect(second.output).toMatch(/the port is in use/);
  });
});

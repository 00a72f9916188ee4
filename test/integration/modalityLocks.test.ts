/**
 * Locks of modalities on a running gateway, with one and with two workers: who is refused, what ends, what survives, and
 * what the command does where no gateway can be asked.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerModality } from '../../src/commands/modality/modality';
import { askAdmin } from '../support/adminHttp';
import { runCommand } from '../support/commandLine';
import { proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const TOKEN = 'a-token-without-spaces';
const contexts = [proposedContext(1, SopClass.Verification)];
const REJECTED = { kind: 'rejected', result: 1, source: 1, reason: 3 };

async function configurationWith(changes: Partial<ConfigurationInput> = {}): Promise<ConfigurationInput> {
  const spy = await SpyUpstream.start();
  const entry = { from: '127.0.0.1', listeners: 'plain', allow: 'echo' } as const;
  return {
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: {
      ct1: {
        ...entry,
        callingAeTitle: 'CT1',
        address: { host: '127.0.0.1', port: spy.port, calledAeTitle: 'CT1' },
      },
      mr1: { ...entry, callingAeTitle: 'MR1' },
    },
    egress: { port: 0 },
    admin: { port: await freePort(), token: TOKEN },
    stateDirectory: join(temporaryFolder(), 'state'),
    timeouts: { closeSeconds: 0.5 },
    ...changes,
  };
}

async function start(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configuration);
  if (configuration.admin !== undefined) await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function associate(gateway: GatewayProcess, calling: string) {
  const scu = await RawScu.connect({ port: gateway.port('plain') });
  return { scu, answer: await scu.associate({ calling, called: 'ARCHIVE', contexts }) };
}

async function opened(gateway: GatewayProcess, calling: string): Promise<RawScu> {
  const { scu, answer } = await associate(gateway, calling);
  expect(answer.kind).toBe('accepted');
  return scu;
}

async function answerTo(gateway: GatewayProcess, calling: string) {
  const { scu, answer } = await associate(gateway, calling);
  scu.end();
  return answer;
}

async function egress(gateway: GatewayProcess) {
  const scu = await RawScu.connect({ port: gateway.port('egress') });
  return { scu, answer: await scu.associate({ calling: 'ARCHIVE', called: 'CT1', contexts }) };
}

function modality(gateway: GatewayProcess, ...words: string[]) {
  return runCommand(registerModality, ['--config', gateway.configurationFile, 'modality', ...words]);
}

describe.each([1, 2])('a lock, with %d worker(s)', (workers) => {
  it('ends what is open on every worker in under a second, and refuses from then on', async () => {
    const gateway = await start(await configurationWith({ workers }));
    const open = await Promise.all(Array.from({ length: 4 }, () => opened(gateway, 'CT1')));
    const { scu: fromArchive, answer } = await egress(gateway);
    expect(answer.kind).toBe('accepted');
    const other = await opened(gateway, 'MR1');
    const begin = performance.now();
    const asked = askAdmin(gateway, '/api/v1/locks', {
      method: 'POST',
      body: JSON.stringify({ modality: 'ct1', reason: 'stolen on "Monday"' }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    });
    for (const scu of [...open, fromArchive]) expect((await scu.readPdu())[0]).toBe(0x07);
    expect(performance.now() - begin).toBeLessThan(1000);
    expect(JSON.parse((await asked).body)).toMatchObject({ ended: 5, lock: { modality: 'ct1' } });
    const [line] = await gateway.events('modality.locked', 1);
    expect(line).toMatchObject({
      outcome: 'info',
      modality: 'ct1',
      detail: expect.stringContaining('stolen on'),
    });
    const aborted = await gateway.events('association.aborted', 5);
    expect(new Set(aborted.map(({ reason }) => reason))).toEqual(new Set(['modality-locked']));
    for (let count = 0; count < 4; count += 1) expect(await answerTo(gateway, 'CT1')).toMatchObject(REJECTED);
    expect((await egress(gateway)).answer).toMatchObject(REJECTED);
    expect(await other.echo(1)).toBe(0x0000);
    const { body } = await askAdmin(gateway, '/api/v1/status');
    expect(JSON.parse(body)).toMatchObject({ locks: [{ modality: 'ct1', reason: 'stolen on "Monday"' }] });
    expect((await askAdmin(gateway, '/metrics')).body).toContain('aegis_modality_locked{modality="ct1"} 1');

    expect((await modality(gateway, 'unlock', 'ct1')).printed).toBe('"ct1" is unlocked\n');
    expect(await answerTo(gateway, 'CT1')).toMatchObject({ kind: 'accepted' });
    await gateway.event('modality.unlocked');
  });

  it('survives kill -9, and is shown where somebody looks', async () => {
    const configuration = await configurationWith({ workers });
    const gateway = await start(configuration);
    const open = await opened(gateway, 'CT1');
    expect(
      (await modality(gateway, 'lock', 'ct1', '--reason', 'sends what it "should" not')).printed,
    ).toMatch(
      /^"ct1" is locked since .* UTC, by .*: "sends what it \\"should\\" not"\n1 association ended\n$/,
    );
    open.end();
    await gateway.process.stop('SIGKILL');
    const again = await start(configuration);
    expect(await answerTo(again, 'CT1')).toMatchObject(REJECTED);
    expect(again.process.stderr).toContain('modality "ct1" is locked since ');
    expect((await modality(again, 'list')).printed).toMatch(/ LOCKED\n.*\n?ct1 .* until unlocked\n/);
    expect((await modality(again, 'show', 'ct1')).printed).toMatch(/LOCKED +locked since .*should/);
  });

  it('ends by itself', async () => {
    const gateway = await start(await configurationWith({ workers }));
    await modality(gateway, 'lock', 'ct1', '--reason', 'for a moment', '--for', '2s');
    expect(await answerTo(gateway, 'CT1')).toMatchObject(REJECTED);
    await gateway.event('modality.unlocked');
    expect(await answerTo(gateway, 'CT1')).toMatchObject({ kind: 'accepted' });
  });

  it('stays when a reload takes the entry away, and counts when it comes back', async () => {
    const configuration = await configurationWith({ workers });
    const gateway = await start(configuration);
    await modality(gateway, 'lock', 'ct1', '--reason', 'gone');
    const { ct1: _, ...rest } = configuration.modalities;
    gateway.reload({ ...configuration, modalities: rest });
    await gateway.events('configuration.reloaded', 1);
    expect(JSON.parse((await askAdmin(gateway, '/api/v1/locks')).body)).toMatchObject({
      locks: [{ modality: 'ct1' }],
    });
    gateway.reload(configuration);
    await gateway.events('configuration.reloaded', 2);
    expect(await answerTo(gateway, 'CT1')).toMatchObject(REJECTED);
  });
});

it('a lock holds in a worker that takes the place of one that died', async () => {
  const gateway = await start(await configurationWith({ workers: 2 }));
  await modality(gateway, 'lock', 'ct1', '--reason', 'gone');
  const { pid } = gateway.process;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const child of children) process.kill(child, 'SIGKILL');
  await gateway.process.waitForOutput(/another one takes its place[\s\S]*another one takes its place/);
  for (let count = 0; count < 4; count += 1) {
    expect(await answerTo(gateway, 'CT1').catch(() => REJECTED)).toMatchObject(REJECTED);
  }
});

describe('a lock without an admin token', () => {
  it('is written to the file, and SIGHUP makes the gateway of pidFile read it, broken configuration or not', async () => {
    const pidFile = join(temporaryFolder(), 'aegis.pid');
    const configuration = await configurationWith({ pidFile, admin: undefined });
    const gateway = await start(configuration);
    await waitFor('the PID file', () => existsSync(pidFile));
    const open = await opened(gateway, 'CT1');
    // One that the gateway refuses, but that can be read.
    writeFileSync(gateway.configurationFile, JSON.stringify({ ...configuration, unknownKey: 1 }));
    const { printed } = await modality(gateway, 'lock', 'ct1', '--reason', 'stolen');
    expect(printed).toContain('SIGHUP was sent to the gateway, process ');
    expect((await open.readPdu())[0]).toBe(0x07);
    expect(await answerTo(gateway, 'CT1')).toMatchObject(REJECTED);
    await gateway.event('configuration.rejected');
    await modality(gateway, 'unlock', 'ct1');
    await gateway.event('modality.unlocked');
    expect(await answerTo(gateway, 'CT1')).toMatchObject({ kind: 'accepted' });
  });

  it('says what to do where a gateway runs and could not be asked', async () => {
    const configuration = await configurationWith({ admin: { port: await freePort() } });
    const gateway = await start(configuration);
    await expect(modality(gateway, 'lock', 'ct1', '--reason', 'stolen')).rejects.toThrow(
      /has not read it yet: run "systemctl reload aegis" or "kill -HUP PID" now/,
    );
    gateway.process.kill('SIGHUP');
    await gateway.event('modality.locked');
    expect(await answerTo(gateway, 'CT1')).toMatchObject(REJECTED);
  });

  it('counts from the next start on where none runs', async () => {
    const configuration = await configurationWith();
    const gateway = await start(configuration);
    await gateway.process.stop();
    expect((await modality(gateway, 'lock', 'ct1', '--reason', 'stolen')).printed).toContain(
      'the next start reads it',
    );
    expect(await answerTo(await start(configuration), 'CT1')).toMatchObject(REJECTED);
  });

  it('is refused for a modality that there is not', async () => {
    const configuration = await configurationWith();
    const gateway = await start(configuration);
    for (const name of ['ct2', 'constructor']) {
      await expect(modality(gateway, 'lock', name, '--reason', 'stolen')).rejects.toThrow(
        `it has no modality "${name}"`,
      );
    }
    await gateway.process.stop();
    await expect(modality(gateway, 'lock', 'ct2', '--reason', 'stolen')).rejects.toThrow(
      'did you mean "ct1"?',
    );
  });
});

it('a file of locks that cannot be understood refuses the start, and a reload keeps every lock', async () => {
  const configuration = await configurationWith();
  const file = join(configuration.stateDirectory!, 'locks.json');
  const gateway = await start(configuration);
  await modality(gateway, 'lock', 'ct1', '--reason', 'stolen');
  writeFileSync(file, '{ "version": 1, "locks": [');
  gateway.process.kill('SIGHUP');
  await gateway.process.waitForOutput(/cannot be understood.*every lock stays as it was\n/);
  expect(await answerTo(gateway, 'CT1')).toMatchObject(REJECTED);
  await gateway.process.stop();
  const second = GatewayProcess.launch(configuration);
  const { exitCode } = await second.process.exited;
  expect(exitCode).toBe(2);
  expect(second.process.stderr).toContain(
    `${file} cannot be understood, so it is not known which modalities are locked; correct it, or delete it to end every lock`,
  );
});

it('a lock that cannot be written counts all the same, and says so', async () => {
  const configuration = await configurationWith();
  const { stateDirectory = '' } = configuration;
  const gateway = await start(configuration);
  mkdirSync(dirname(stateDirectory), { recursive: true });
  writeFileSync(stateDirectory, 'not a folder');
  const open = await opened(gateway, 'CT1');
  await expect(modality(gateway, 'lock', 'ct1', '--reason', 'stolen')).rejects.toThrow(
    'it counts only until the gateway stops, because it could not be written: ',
  );
  expect((await open.readPdu())[0]).toBe(0x07);
  await expect(modality(gateway, 'unlock', 'ct1')).rejects.toThrow('it stays locked');
  expect(await answerTo(gateway, 'CT1')).toMatchObject(REJECTED);
});

it('only the token locks', async () => {
  const gateway = await start(await configurationWith());
  const question = {
    method: 'POST',
    body: JSON.stringify({ modality: 'ct1', reason: 'x' }),
    headers: { 'content-type': 'application/json' },
  };
  expect((await askAdmin(gateway, '/api/v1/locks', question)).status).toBe(401);
  const authorization = `Bearer ${TOKEN}`;
  const bad = { ...question, headers: { ...question.headers, authorization } };
  for (const body of ['{', '{}', JSON.stringify({ modality: 'ct1', reason: 'two\nlines' })]) {
    expect((await askAdmin(gateway, '/api/v1/locks', { ...bad, body })).status).toBe(400);
  }
  expect(
    (await askAdmin(gateway, '/api/v1/locks?modality=ct1', { method: 'DELETE', headers: { authorization } }))
      .status,
  ).toBe(404);
  expect(await answerTo(gateway, 'CT1')).toMatchObject({ kind: 'accepted' });
});

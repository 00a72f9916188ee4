/** A new process takes over (SIGUSR2) while modalities go on dialling: none is refused, none is cut, one chain of lines. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TakeOverRun } from '../soak/takeOvers';
import { PduType, proposedContext } from '../support/dicomBytes';
import { plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification)];
/** Each new process takes a second to start, and more on a busy machine. */
const TEST_MS = 120_000;
const PATIENCE_MS = 60_000;
/** Node cannot load koffi with it. */
const WITHOUT_KOFFI = `const Module = require('node:module');
const load = Module._load;
Module._load = (name, ...rest) => {
  if (name === 'koffi') throw new Error("Cannot find module 'koffi'\\nRequire stack:");
  return load(name, ...rest);
};`;

describe('a new process that takes over', () => {
  it.each([
    { workers: 1, isTls: true },
    { workers: 2, isTls: false },
  ])(
    'refuses and cuts nobody, $workers workers, TLS: $isTls',
    async ({ workers, isTls }) => {
      const run = await TakeOverRun.open({ workers, isTls, associations: 40, perSecond: 20, takeOvers: 3 });
      await run.run();
      expect(run.findings).toEqual([]);
      expect(run.takeOvers).toBe(3);
      expect(run.served).toBe(run.begun);
    },
    TEST_MS,
  );

  it('leaves the old one alone where the new configuration cannot be used', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await GatewayProcess.start(plainConfiguration(spy.port));
    writeFileSync(gateway.configurationFile, '{ "listeners": [');
    gateway.process.kill('SIGUSR2');
    await gateway.process.waitForOutput(
      /no other process took over: the new process has ended; this one goes on/,
    );
    const scu = await RawScu.associated(gateway.port('plain'), { contexts });
    expect(await scu.echo(1)).toBe(0);
  });

  it.each([1, 2])('takes the old one with it when it dies, with workers: %d', async (workers) => {
    const spy = await SpyUpstream.start();
    const gateway = await GatewayProcess.start(plainConfiguration(spy.port, {}, { workers }));
    const held = await RawScu.associated(gateway.port('plain'), { contexts });
    gateway.process.kill('SIGUSR2');
    const [, pid] = await gateway.process.waitForOutput(/process (\d+) has taken over/, PATIENCE_MS);
    // Of the system, not of the old one: a supervisor has to see it die.
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).not.toContain(`PPid:\t${gateway.process.pid}\n`);
    process.kill(Number(pid), 'SIGKILL');
    // At once, not after the drain. What it still does has no log.
    expect((await held.readPdu())[0]).toBe(PduType.Abort);
    expect(await gateway.process.exited).toMatchObject({ exitCode: 1 });
    const lost = gateway.auditLines.filter(({ event }) => event === 'association.aborted');
    expect(lost).toHaveLength(1);
  });

  it('leaves the old one alone where its workers could not share the sockets, and says what to do', async () => {
    const spy = await SpyUpstream.start();
    const hook = join(temporaryFolder(), 'hook.cjs');
    writeFileSync(hook, WITHOUT_KOFFI);
    const gateway = GatewayProcess.launch(
      plainConfiguration(spy.port, {}, { workers: 2 }),
      [],
      ['env', `NODE_OPTIONS=--require=${hook}`],
    );
    await gateway.process.waitForOutput(/aegis: listening on .*\n/);
    gateway.process.kill('SIGUSR2');
    await gateway.process.waitForOutput(
      /no other process took over: the new process has ended; this one goes on/,
    );
    expect(gateway.process.stderr).toMatch(
      /error: several workers .*koffi \(Cannot find module 'koffi'\); install it, set workers to 1, or stop the gateway and start it\n/,
    );
    const scu = await RawScu.associated(gateway.port('plain'), { contexts });
    expect(await scu.echo(1)).toBe(0);
  });
});

/** A new process takes over (SIGUSR2) while modalities go on dialling: none is refused, none is cut, one chain of lines. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import { plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, runProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const contexts = [proposedContext(1, SopClass.Verification)];
const TAKE_OVERS = 3;
const AT_ONCE = 2;
/** Each new process takes a second to start, and more on a busy machine. */
const TEST_MS = 120_000;
const PATIENCE_MS = 60_000;

async function associate(port: number): Promise<RawScu> {
  const scu = await RawScu.connect({ port });
  const { kind } = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
  if (kind !== 'accepted') throw new Error(`an association was ${kind}`);
  return scu;
}

/** All its words: the processes share stderr. */
function count(gateway: GatewayProcess, pattern: RegExp): number {
  return gateway.process.stderr.match(pattern)?.length ?? 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a new process that takes over', () => {
  it.each([1, 2])(
    'refuses and cuts nobody, with workers: %d',
    async (workers) => {
      const spy = await SpyUpstream.start();
      const auditFile = join(temporaryFolder(), 'audit.jsonl');
      const port = await freePort();
      const gateway = await GatewayProcess.start(
        plainConfiguration(
          spy.port,
          {},
          {
            workers,
            listeners: [{ name: 'plain', host: '127.0.0.1', port }],
            stateDirectory: temporaryFolder(),
            // A line for each association, so that they can be counted.
            audit: { file: auditFile, allowed: false },
          },
        ),
      );
      let pid = gateway.process.pid!;
      // Of the first one alone, Jest knows.
      onCleanUp(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')));
      const held = await associate(port);
      let isOver = false;
      let associations = 1;
      const dial = async () => {
        while (!isOver) {
          const scu = await associate(port);
          expect(await scu.echo(1)).toBe(0);
          await scu.release();
          associations += 1;
        }
      };
      const dialling = Promise.all(Array.from({ length: AT_ONCE }, dial));
      for (let round = 1; round <= TAKE_OVERS; round += 1) {
        process.kill(pid, 'SIGUSR2');
        await waitFor('the new process', () => count(gateway, /has taken over/g) === round, PATIENCE_MS);
        pid = Number([...gateway.process.stderr.matchAll(/process (\d+) has taken over/g)].at(-1)?.[1]);
      }
      isOver = true;
      await dialling;
      // Three processes later, by the one that accepted it.
      expect(await held.echo(1)).toBe(0);
      await held.release();
      await waitFor(
        'the end of the old ones',
        () => count(gateway, /the old process has ended/g) === TAKE_OVERS,
        PATIENCE_MS,
      );
      process.kill(pid, 'SIGTERM');
      await waitFor('the end', () => !isAlive(pid), PATIENCE_MS);
      const lines = readFileSync(auditFile, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { readonly event: string });
      const ofEvent = (name: string) => lines.filter(({ event }) => event === name).length;
      expect(ofEvent('association.accepted')).toBe(associations);
      expect(ofEvent('association.released')).toBe(associations);
      expect(ofEvent('gateway.started')).toBe(TAKE_OVERS + 1);
      expect(ofEvent('gateway.stopped')).toBe(TAKE_OVERS + 1);
      const verify = ['dist/cli.js', '--config', gateway.configurationFile, 'audit', 'verify', auditFile];
      const { output, exitCode } = await runProcess(process.execPath, verify);
      expect(exitCode === 0 ? '' : output).toBe('');
    },
    TEST_MS,
  );

  it('leaves the old one alone where the new configuration cannot be used', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await GatewayProcess.start(plainConfiguration(spy.port));
    writeFileSync(gateway.configurationFile, '{ "listeners": [');
    gateway.process.kill('SIGUSR2');
    await gateway.process.waitForOutput(/no other process took over: .*exit code 2.*this one goes on/);
    const scu = await associate(gateway.port('plain'));
    expect(await scu.echo(1)).toBe(0);
  });
});

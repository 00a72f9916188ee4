/**
 * A modality that sends more of what it may send than it gets lines for: what is added up is exact, and images keep their
 * lines. The gateway is a process of its own.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { proposedContext } from '../support/dicomBytes';
import { plainConfiguration } from '../support/gateway';
import { type AuditLine, GatewayProcess } from '../support/gatewayProcess';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];

function workersOf({ process: { pid } }: GatewayProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function represented(lines: readonly AuditLine[], ...names: string[]): number {
  return lines
    .filter(({ event }) => names.includes(String(event)))
    .reduce((sum, { count = 1 }) => sum + Number(count), 0);
}

describe('what a modality sends beyond its lines', () => {
  it.each([1, 2])('is added up exactly, with %d worker(s)', async (workers) => {
    const spy = await SpyUpstream.start();
    const configuration = (whole: number, everySeconds: number) =>
      plainConfiguration(
        spy.port,
        { allow: ['echo', 'store'], dataSets: 'off' },
        { workers, audit: { allowed: { whole, everySeconds } } },
      );
    const gateway = await GatewayProcess.start(configuration(20, 300));
    const counts = { associations: 0, echoes: 0 };
    const loop = async (times: number) => {
      for (let time = 0; time < times; time += 1) {
        const scu = await RawScu.associated(gateway.port('plain'), { calling: 'CT1', contexts });
        for (let echo = 0; echo < 3; echo += 1) expect(await scu.echo(1)).toBe(0);
        await scu.release();
        counts.associations += 1;
        counts.echoes += 3;
      }
    };
    await loop(20);
    const series = await RawScu.associated(gateway.port('plain'), { calling: 'CT1', contexts });
    counts.associations += 1;
    for (let image = 1; image <= 100; image += 1) {
      const instance = {
        sopClassUid: SopClass.CTImageStorage,
        sopInstanceUid: `1.2.${image}`,
        dataSet: Buffer.alloc(1024),
      };
      expect(await series.store(3, instance)).toBe(0);
    }
    if (workers > 1) {
      process.kill(workersOf(gateway)[0]!, 'SIGKILL');
      await gateway.process.waitForOutput(/a worker died/);
    }
    // Of that worker, perhaps.
    await series.release().catch(() => {});
    await loop(2);
    gateway.reload(configuration(10, 200));
    await gateway.event('configuration.reloaded');
    await loop(10);
    gateway.process.kill('SIGTERM');
    expect(await gateway.process.exited).toMatchObject({ exitCode: 0 });
    const lines = gateway.auditLines;
    expect(represented(lines, 'association.accepted')).toBe(counts.associations);
    expect(represented(lines, 'association.released', 'association.aborted')).toBe(counts.associations);
    const images = lines.filter(({ command }) => command === 'C-STORE').map(({ sopInstance }) => sopInstance);
    expect(new Set(images).size).toBe(100);
    expect(represented(lines, 'command.completed')).toBe(counts.echoes + 100);
    expect(lines.length).toBeLessThan(100 + 20 + 10 + 30);
    expect(lines.at(-1)).toMatchObject({ event: 'gateway.stopped' });
  });
});

/**
 * The audit log under load: processes that are killed, files that are moved away, readers that hang. What a peer was
 * answered has its line, once.
 */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { rotatedFilesOf } from '../../src/audit/rotatedFiles';
import { CommandField, messagePdus, numberedRequest, proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration } from '../support/gateway';
import { type AuditLine, GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

jest.setTimeout(90_000);

const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.StudyRootFind)];

/** Each answer is looked for in the log, so that sums of what was allowed are off. */
async function setUp(rest: Partial<ConfigurationInput> = {}, audit: ConfigurationInput['audit'] = {}) {
  const file = join(temporaryFolder(), 'audit.jsonl');
  const spy = await SpyUpstream.start({ keepsBytes: false });
  const gateway = await GatewayProcess.start(
    plainConfiguration(spy.port, { allow: 'echo' }, { audit: { file, allowed: false, ...audit }, ...rest }),
  );
  return { file, gateway };
}

/** Echoes until the connection ends; each answer that came is in the list as `port messageId`. */
async function echoes(gateway: GatewayProcess, answered: string[], isOver: () => boolean): Promise<void> {
  const scu = await RawScu.associated(gateway.port('plain'), { contexts });
  const port = scu.socket.localPort;
  try {
    while (!isOver()) {
      await scu.sendRequest(1, {
        CommandField: CommandField.CEchoRq,
        AffectedSOPClassUID: SopClass.Verification,
      });
      const { command } = await scu.readMessage();
      answered.push(`${port} ${command.MessageIDBeingRespondedTo}`);
    }
    await scu.release();
  } catch {
    // killed
  }
}

function workersOf({ process: { pid } }: GatewayProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Of all files, the oldest first; those of one event only where it is named. */
function linesOf(file: string, event = ''): AuditLine[] {
  const number = (name: string) => Number(name.slice(file.length + 1) || 0);
  return [file, ...rotatedFilesOf(file)]
    .sort((one, other) => number(other) - number(one))
    .flatMap((name) => readFileSync(name, 'latin1').split('\n').slice(0, -1))
    .filter((line) => line.includes(event))
    .map((line) => JSON.parse(line) as AuditLine);
}

function completedIn(lines: readonly AuditLine[]): string[] {
  return lines
    .filter(({ event }) => event === 'command.completed')
    .map(({ sourcePort, messageId }) => `${sourcePort} ${messageId}`);
}

function missing(answered: readonly string[], lines: readonly AuditLine[]): string[] {
  const known = new Set(completedIn(lines));
  return answered.filter((key) => !known.has(key));
}

describe('SIGKILL under load', () => {
  it('of the gateway loses no line of what a peer was answered', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { file, gateway } = await setUp();
      const answered: string[] = [];
      const over = Array.from({ length: 16 }, () => echoes(gateway, answered, () => false));
      await waitFor('answers', () => answered.length > 300 + 37 * round);
      gateway.process.kill('SIGKILL');
      await Promise.all(over);
      await gateway.process.exited;
      expect(missing(answered, linesOf(file))).toEqual([]);
      expect(missing(answered, gateway.auditLines)).toEqual([]);
    }
  });

  it('of a worker loses no line of what a peer was answered', async () => {
    for (let round = 0; round < 2; round += 1) {
      const { file, gateway } = await setUp({ workers: 2 });
      const answered: string[] = [];
      let isOver = false;
      const over = Array.from({ length: 16 }, () => echoes(gateway, answered, () => isOver));
      await waitFor('answers', () => answered.length > 300 + 37 * round);
      process.kill(workersOf(gateway)[round]!, 'SIGKILL');
      await gateway.process.waitForOutput(/a worker died/);
      isOver = true;
      await Promise.all(over);
      await waitFor('every line', () => missing(answered, linesOf(file)).length === 0);
    }
  });
});

describe('SIGKILL of the first process, with workers', () => {
  it('loses no line of what a peer was answered, and doubles only the last ones', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { file, gateway } = await setUp({ workers: 2 });
      const answered: string[] = [];
      const over = Array.from({ length: 16 }, () => echoes(gateway, answered, () => false));
      await waitFor('answers', () => answered.length > 300 + 37 * round);
      gateway.process.kill('SIGKILL');
      await Promise.all(over);
      await gateway.process.exited;
      expect(missing(answered, linesOf(file))).toEqual([]);
      expect(missing(answered, gateway.auditLines)).toEqual([]);
      const keys = completedIn(linesOf(file));
      expect(keys.length - new Set(keys).size).toBeLessThan(100);
    }
  });

  it('while it hangs loses none either', async () => {
    const { file, gateway } = await setUp({ workers: 2 });
    const answered: string[] = [];
    const over = Array.from({ length: 16 }, () => echoes(gateway, answered, () => false));
    await waitFor('answers', () => answered.length > 300);
    gateway.process.kill('SIGSTOP');
    const before = answered.length;
    await waitFor('answers of workers alone', () => answered.length > before + 300);
    gateway.process.kill('SIGKILL');
    await Promise.all(over);
    await gateway.process.exited;
    expect(missing(answered, linesOf(file))).toEqual([]);
    expect(missing(answered, gateway.auditLines)).toEqual([]);
  });
});

describe('rotation under load', () => {
  it.each([1, 2])(
    'by the gateway and by SIGHUP loses no line and doubles none: %d workers',
    async (workers) => {
      const { file, gateway } = await setUp({ workers }, { rotate: { maxBytes: 65_536, keep: 500 } });
      const answered: string[] = [];
      let isOver = false;
      const over = Array.from({ length: 8 }, () => echoes(gateway, answered, () => isOver));
      for (let moved = 1; moved <= 3; moved += 1) {
        await waitFor('answers', () => answered.length > moved * 500);
        renameSync(file, `${file}-2026113${moved}`);
        gateway.process.kill('SIGHUP');
        await gateway.process.waitFor(
          'a reload',
          () => gateway.process.stderr.split('was reloaded').length > moved,
        );
      }
      isOver = true;
      await Promise.all(over);
      await gateway.process.stop();
      const lines = linesOf(file);
      expect(rotatedFilesOf(file).length).toBeGreaterThan(10);
      expect(completedIn(lines).sort()).toEqual([...answered].sort());
      expect(lines.map((line) => JSON.stringify(line)).sort()).toEqual(
        gateway.auditLines.map((line) => JSON.stringify(line)).sort(),
      );
    },
  );
});

describe('a reader of stdout that hangs', () => {
  it.each([1, 2])(
    'costs bounded memory, and stops neither the file nor honest modalities: %d workers',
    async (workers) => {
      const { file, gateway } = await setUp({ workers, limits: { commandsPerSecond: 0 } });
      gateway.process.pauseStdout();
      const flood = await RawScu.associated(gateway.port('plain'), { contexts });
      flood.socket.removeAllListeners('data').resume();
      const request = numberedRequest(
        1,
        { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind },
        true,
      );
      const some = Buffer.concat(
        Array.from({ length: 1000 }, () => Buffer.concat(messagePdus(3, request, Buffer.alloc(10)))),
      );
      const refusals = 20_000;
      const answered: string[] = [];
      let isOver = false;
      const honest = echoes(gateway, answered, () => isOver);
      for (let sent = 0; sent < refusals; sent += 1000) await flood.send(some);
      const refused = () =>
        linesOf(file, 'command.refused').reduce(
          (sum, { count }) => sum + ((count as number | undefined) ?? 1),
          0,
        );
      await waitFor('every refusal', () => refused() === refusals, 30_000);
      isOver = true;
      await honest;
      expect(missing(answered, linesOf(file))).toEqual([]);
      expect(answered.length).toBeGreaterThan(10);
      const lines = linesOf(file, 'command.refused');
      expect(JSON.stringify(lines).length).toBeLessThan((refusals * some.length) / 1000 / 20);
      expect(lines.length).toBeLessThan(60);
      expect(residentBytes(gateway.process.pid!)).toBeLessThan(300 * 1024 * 1024);
      flood.reset();
    },
  );
});

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** What was written, what was done to it, and what `aegis audit verify` finds of that. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, jest } from '@jest/globals';
import { AuditLog, type AuditLogOptions } from '../../../src/audit/auditLog';
import { readChainState } from '../../../src/audit/chainState';
import type { AuditEvent } from '../../../src/audit/events';
import { hashOf, linkOf } from '../../../src/audit/lineChain';
import { rotatedFilesOf } from '../../../src/audit/rotatedFiles';
import { registerAudit } from '../../../src/commands/audit/audit';
import { onCleanUp } from '../../support/cleanUp';
import { runCommand } from '../../support/commandLine';
import { describeWithSmallDisk } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { SmallDisk } from '../../support/smallDisk';

jest.setTimeout(30_000);

const completed: AuditEvent = {
  event: 'command.completed',
  outcome: 'allowed',
  connectionId: 'd4d985ef645b1e12',
  callingAeTitle: 'CT"1',
  modality: 'ct1',
  command: 'C-STORE',
};

interface Site {
  readonly file: string;
  readonly configuration: string;
  readonly stateDirectory: string;
}

function site(chain: unknown = true, folder = temporaryFolder()): Site {
  const file = join(folder, 'audit.jsonl');
  const configuration = join(folder, 'aegis.jsonc');
  const stateDirectory = join(folder, 'state');
  const ct1 = { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: 'plain', allow: 'store' };
  writeFileSync(
    configuration,
    JSON.stringify({
      listeners: [{ name: 'plain', port: 11112 }],
      upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
      modalities: { ct1 },
      audit: { file, chain },
    }),
  );
  return { file, configuration, stateDirectory };
}

/** As `aegis start` opens it. `said` has the words for the operator. */
function open({ file, stateDirectory }: Site, options: Partial<AuditLogOptions> = {}) {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const said: string[] = [];
  const audit = new AuditLog({
    stream,
    isReadable: false,
    file,
    stateDirectory,
    chain: { everySeconds: 60 },
    refusals: { whole: 1000, everySeconds: 10 },
    say: (message) => said.push(message),
    ...options,
  });
  audit.attach(audit);
  const write = (count: number, from = 1) => {
    for (let number = from; number < from + count; number += 1) {
      audit.record({ ...completed, messageId: number });
      audit.flush();
    }
  };
  return { audit, said, write, printed: () => text };
}

async function written(at: Site, count: number, options: Partial<AuditLogOptions> = {}): Promise<void> {
  const { audit, write } = open(at, options);
  write(count);
  await audit.close();
}

function verify({ configuration }: Site, ...words: readonly string[]) {
  return runCommand(registerAudit, ['--config', configuration, 'audit', 'verify', ...words]);
}

interface FaultJson {
  readonly kind: string;
  readonly file: string;
  readonly line: number;
  readonly count: number;
  readonly detail: string;
}

async function faultsOf({ configuration }: Site, ...words: readonly string[]): Promise<FaultJson[]> {
  const { printed } = await runCommand(registerAudit, [
    ...['--json', '--config', configuration],
    ...['audit', 'verify', ...words],
  ]);
  return (JSON.parse(printed) as { faults: FaultJson[] }).faults;
}

function linesIn(file: string): string[] {
  return readFileSync(file, 'latin1').split('\n').slice(0, -1);
}

function change(file: string, by: (lines: string[]) => void): void {
  const lines = linesIn(file);
  by(lines);
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''), 'latin1');
}

function eventsIn(file: string, event: string): AuditEvent[] {
  return linesIn(file)
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line) as AuditEvent);
}

describe('a chained audit log', () => {
  it('has in each line its number and the SHA-256 of the line before, over restarts, in the file and on stdout', async () => {
    const at = site();
    await written(at, 3);
    const { audit, write, printed } = open(at);
    write(2);
    await audit.close();
    const lines = linesIn(at.file);
    expect(lines.map((line) => linkOf(line)?.seq)).toEqual([1, 2, 3, 4, 5]);
    expect(linkOf(lines[0]!)?.previous).toBe('0'.repeat(64));
    for (let index = 1; index < lines.length; index += 1) {
      expect(linkOf(lines[index]!)?.previous).toBe(hashOf(lines[index - 1]!));
    }
    expect(JSON.parse(lines[4]!)).toMatchObject({
      ...{ messageId: 2, chain: { seq: 5, previous: hashOf(lines[3]!) } },
    });
    expect(printed()).toBe(`${lines[3]}\n${lines[4]}\n`);
    const { exitCode, printed: report } = await verify(at);
    expect(report).toContain('ok: every line is as the gateway wrote it');
    expect(exitCode).toBe(0);
  });

  it('is one chain over rotation, compressed files and other names too', async () => {
    const at = site();
    const { audit, write } = open(at, { rotate: { maxBytes: 2000, keep: 100 } });
    write(100);
    await audit.close();
    const rotated = rotatedFilesOf(at.file);
    expect(rotated.length).toBeGreaterThan(10);
    const old = `${at.file}.9`;
    writeFileSync(`${old}.gz`, gzipSync(readFileSync(old)));
    rmSync(old);
    renameSync(`${at.file}.7`, `${at.file}-20261130`);
    const { exitCode, printed } = await verify(at);
    expect(printed).toMatch(/read 100 lines/);
    expect(exitCode).toBe(0);
    rmSync(`${at.file}.5`);
    expect(await faultsOf(at)).toEqual([
      expect.objectContaining({ kind: 'missing', file: `${at.file}.4`, line: 1 }),
    ]);
  });

  it('is proven in the file of a syslog server, where lines have a prefix and some came twice', async () => {
    const at = site();
    await written(at, 10);
    const prefixed = linesIn(at.file).map((line) => `2026-11-30T10:00:00Z gw1 aegis[7]:  ${line}`);
    const copy = join(dirname(at.file), 'copy.log');
    const copied = async (...lines: readonly (readonly string[])[]) => {
      writeFileSync(copy, `${lines.flat().join('\n')}\n`);
      return { faults: await faultsOf(at, copy), ...(await verify(at, copy)) };
    };
    // The second connection broke too.
    const twice = await copied(prefixed.slice(0, 7), prefixed.slice(3, 5), prefixed.slice(3));
    expect(twice.faults).toEqual([]);
    expect(twice.printed).toMatch(/2 lines from here on came twice, unchanged/);
    expect(twice.printed).toContain('ok: every line is as the gateway wrote it');
    const first = await copied(prefixed.slice(0, 1), prefixed);
    expect(first.faults).toEqual([]);
    const changed = prefixed.map((line) => line.replace('ct1', 'ct2'));
    const forged = await copied(prefixed.slice(0, 7), changed.slice(3, 5), prefixed.slice(5));
    expect(forged.faults).toMatchObject([
      { kind: 'repeated', line: 8, count: 1 },
      { line: 9, count: 1 },
    ]);
    const own = prefixed.map((line) => line.slice(line.indexOf('{')));
    writeFileSync(at.file, `${[...own, own[9]].join('\n')}\n`);
    expect(await faultsOf(at)).toMatchObject([{ kind: 'repeated', line: 11 }]);
  });

  it('costs nothing where it is off', async () => {
    const at = site(false);
    await written(at, 2, { chain: undefined });
    expect(linesIn(at.file).join('')).not.toContain('chain');
    expect(existsSync(at.stateDirectory)).toBe(false);
    await expect(verify(at)).rejects.toThrow(/has a place in a chain/);
  });

  it('begins behind what an earlier version wrote, and says so', async () => {
    const at = site();
    await written(at, 3, { chain: undefined });
    await written(at, 3);
    const { exitCode, printed } = await verify(at);
    expect(printed).toContain('3 lines before number 1 of the chain: not protected');
    expect(exitCode).toBe(0);
  });
});

describe('audit verify finds', () => {
  const tampering: readonly [string, (lines: string[]) => void, object][] = [
    ['a changed line', (lines) => (lines[4] = lines[4]!.replace('ct1', 'ct2')), { kind: 'changed', line: 5 }],
    ['a removed line', (lines) => lines.splice(4, 1), { kind: 'missing', line: 5, count: 1 }],
    ['removed lines', (lines) => lines.splice(4, 3), { kind: 'missing', line: 5, count: 3 }],
    ['a moved line', (lines) => lines.splice(7, 0, ...lines.splice(4, 1)), { kind: 'moved', line: 8 }],
    [
      'two lines in each other’s place',
      (lines) => lines.splice(4, 2, lines[5]!, lines[4]!),
      { kind: 'moved', line: 6 },
    ],
    ['a repeated line', (lines) => lines.splice(7, 0, lines[4]!), { kind: 'repeated', line: 8 }],
    ['an inserted line', (lines) => lines.splice(4, 0, '{"time":"x"}'), { kind: 'added', line: 5 }],
    ['an empty line', (lines) => lines.splice(4, 0, ''), { kind: 'added', line: 5 }],
    [
      'a line without its link',
      (lines) => (lines[4] = lines[4]!.replace(/,"chain".*/, '}')),
      { kind: 'added', line: 5 },
    ],
    [
      'a changed first line',
      (lines) => (lines[0] = lines[0]!.replace('ct1', 'ct2')),
      { kind: 'changed', line: 1 },
    ],
    [
      'a changed last line',
      (lines) => (lines[9] = lines[9]!.replace('ct1', 'ct2')),
      { kind: 'changed', line: 10 },
    ],
    [
      'a line that was made to look like a report, and is not JSON',
      (lines) =>
        (lines[4] = lines[4]!.replace(
          '"event":"command.completed","outcome":"allowed"',
          '"event":"audit.broken","outcome":"failed",,',
        )),
      { kind: 'reported', line: 5, detail: 'the line that reports it is damaged' },
    ],
    ['lines cut off the end', (lines) => lines.splice(7), { kind: 'missing', line: 7, count: 3 }],
    ['lines behind the end', (lines) => lines.push('{}'), { kind: 'added', line: 11 }],
  ];

  it.each(tampering)('%s, and names it', async (_name, by, expected) => {
    const at = site();
    await written(at, 10);
    change(at.file, by);
    const faults = await faultsOf(at);
    expect(faults[0]).toMatchObject({ file: at.file, ...expected });
    expect((await verify(at)).exitCode).toBe(1);
  });

  it('a file that was cut inside a line, emptied or deleted', async () => {
    const at = site();
    await written(at, 10);
    truncateSync(at.file, readFileSync(at.file).length - 20);
    expect((await faultsOf(at)).map(({ kind }) => kind)).toEqual(['incomplete', 'missing']);
    truncateSync(at.file, 0);
    expect(await faultsOf(at)).toEqual([
      expect.objectContaining({ kind: 'missing', count: 10, detail: expect.stringMatching(/^no line/) }),
    ]);
    rmSync(at.file);
    await expect(verify(at)).rejects.toThrow(/audit\.jsonl/);
  });

  it('a log that was written again as a whole: by its signatures, and by what the gateway remembers', async () => {
    const folder = temporaryFolder();
    const { key, publicKey } = keyIn(folder);
    const at = site({ key }, folder);
    await written(at, 10, { chain: { key, everySeconds: 60 } });
    expect((await verify(at)).printed).toContain('signed up to number 11');
    const forged = site();
    await written(forged, 10);
    copyFileSync(forged.file, at.file);
    const kinds = async (...words: string[]) => (await faultsOf(at, ...words)).map(({ kind }) => kind);
    expect(await kinds()).toEqual(expect.arrayContaining(['signature']));
    copyFileSync(
      join(forged.stateDirectory, 'audit-chain.json'),
      join(at.stateDirectory, 'audit-chain.json'),
    );
    expect(await kinds('--key', publicKey)).toEqual(['signature']);
    // Signed with another key than that of the site.
    const other = keyIn(temporaryFolder());
    expect(await kinds(at.file, '--key', other.publicKey)).toEqual(['signature']);
  });

  it('another key: one fault for all its check-points', async () => {
    const folder = temporaryFolder();
    const { key } = keyIn(folder);
    const at = site({ key }, folder);
    for (let start = 0; start < 3; start += 1) await written(at, 2, { chain: { key, everySeconds: 60 } });
    const other = keyIn(temporaryFolder());
    const faults = await faultsOf(at, '--key', other.publicKey);
    expect(faults.map(({ kind, count }) => [kind, count])).toEqual([
      ['signature', 1],
      ['signature', 3],
    ]);
    expect(faults[1]).toMatchObject({
      line: 3,
      detail: expect.stringMatching(/^is signed with another key, and 2 check-points behind it: spki/),
    });
  });
});

function keyIn(folder: string, pair = generateKeyPairSync('ed25519')) {
  const [key, publicKey] = [join(folder, 'site.key'), join(folder, 'site.pub')];
  const pem = (object: KeyObject, type: 'pkcs8' | 'spki') =>
    object.export({ format: 'pem', type } as never) as string;
  writeFileSync(key, pem(pair.privateKey, 'pkcs8'), { mode: 0o600 });
  writeFileSync(publicKey, pem(pair.publicKey, 'spki'));
  return { key, publicKey };
}

describe('a check-point', () => {
  it.each([
    ['Ed25519', () => generateKeyPairSync('ed25519')],
    ['ECDSA', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('is signed with %s after a time, after 10,000 lines and at the stop', async (_name, pair) => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    onCleanUp(() => void jest.useRealTimers());
    const folder = temporaryFolder();
    const { key, publicKey } = keyIn(folder, pair() as never);
    const at = site({ key }, folder);
    const { audit, write } = open(at, { chain: { key, everySeconds: 60 } });
    write(5);
    jest.advanceTimersByTime(60_000);
    audit.flush();
    jest.advanceTimersByTime(120_000);
    audit.flush();
    for (let number = 0; number < 10_000; number += 1) audit.record(completed);
    audit.flush();
    audit.flush();
    write(3);
    jest.useRealTimers();
    await audit.close();
    // One line more: the reader of stdout did not take all of them.
    expect(eventsIn(at.file, 'audit.checkpoint').map(({ count }) => count)).toEqual([5, 10_000, 4]);
    expect(await faultsOf(at, at.file, '--key', publicKey)).toEqual([]);
    expect((await verify(at, '--key', publicKey)).printed).toMatch(/signed up to number 10012, [^;]*\n/);
    // One digit of what was signed.
    change(at.file, (lines) => (lines[10_011] = lines[10_011]!.replace('"count":4', '"count":5')));
    expect((await faultsOf(at, '--key', publicKey)).map(({ kind }) => kind)).toContain('signature');
  });

  it('needs a key that can sign and that nobody else can read', () => {
    const folder = temporaryFolder();
    const agreeing = keyIn(folder, generateKeyPairSync('x25519') as never);
    expect(() => open(site(true, folder), { chain: { key: agreeing.key, everySeconds: 60 } })).toThrow(
      /cannot sign/,
    );
  });
});

/** What a gateway finds that was killed here: its timers end with it. */
function killed(): void {
  jest.useRealTimers();
}

describe('at the start', () => {
  /** The gateway wrote ten lines, remembered them, and was killed. */
  async function leftBehind() {
    const at = site();
    await written(at, 10);
    const state = join(at.stateDirectory, 'audit-chain.json');
    writeFileSync(state, readFileSync(state, 'utf8').replace('"isClosed":true', '"isClosed":false'));
    killed();
    return at;
  }

  async function restarted(at: Site) {
    const { audit, write, said } = open(at);
    write(3);
    await audit.close();
    const found = [...eventsIn(at.file, 'audit.broken'), ...eventsIn(at.file, 'audit.resumed')];
    return { said, found };
  }

  it.each<[string, (lines: string[]) => void, RegExp]>([
    [
      'lines cut off the end',
      (lines) => lines.splice(7),
      /3 lines that the gateway wrote are missing at the end/,
    ],
    ['a changed last line', (lines) => (lines[9] = lines[9]!.replace('ct1', 'ct2')), /number 10 is not as/],
    ['an emptied file', (lines) => lines.splice(0), /the file is empty; the last line written was number 10/],
  ])('reports %s, and the gap stays for audit verify', async (_name, by, detail) => {
    const at = await leftBehind();
    change(at.file, by);
    const { said, found } = await restarted(at);
    expect(found).toEqual([expect.objectContaining({ event: 'audit.broken', outcome: 'failed' })]);
    expect(found[0]?.detail).toMatch(detail);
    expect(said).toEqual([expect.stringMatching(detail)]);
    expect((await verify(at)).exitCode).toBe(1);
  });

  it('goes on behind a line that was cut by a kill, says so, and it is not a fault', async () => {
    const at = await leftBehind();
    appendFileSync(at.file, '{"time":"2026-11-30T10:0');
    expect((await faultsOf(at)).map(({ kind }) => kind)).toEqual(['incomplete']);
    const { found } = await restarted(at);
    expect(found).toEqual([expect.objectContaining({ event: 'audit.resumed', outcome: 'info', count: 1 })]);
    expect(linesIn(at.file)[10]).toBe('{"time":"2026-11-30T10:0');
    const { exitCode, printed } = await verify(at);
    expect(printed).toContain('a line that is not complete');
    expect(exitCode).toBe(0);
    // What is linked to it can no longer be changed.
    change(at.file, (lines) => (lines[10] = '{"time":"2026-11-30T10:1'));
    expect((await faultsOf(at))[0]).toMatchObject({ kind: 'added', line: 11 });
  });

  it('links to lines that workers wrote when the first process was gone, and says so', async () => {
    const at = await leftBehind();
    appendFileSync(at.file, '{"time":"2026-11-30T10:00:00.000Z","event":"command.completed"}\n'.repeat(3));
    const { found } = await restarted(at);
    expect(found).toEqual([expect.objectContaining({ event: 'audit.resumed', count: 3 })]);
    const { exitCode, printed } = await verify(at);
    expect(printed).toContain('3 lines without a number: of workers');
    expect(exitCode).toBe(0);
  });

  it('goes on behind lines that it wrote after it last remembered', async () => {
    const at = await leftBehind();
    const state = join(at.stateDirectory, 'audit-chain.json');
    const [fifth, sixth] = linesIn(at.file).slice(4, 6);
    expect(linkOf(sixth!)?.previous).toBe(hashOf(fifth!));
    const older = { version: 1, file: at.file, seq: 5, hash: hashOf(fifth!), isClosed: false };
    writeFileSync(state, JSON.stringify(older));
    expect((await restarted(at)).found).toEqual([]);
    expect((await verify(at)).exitCode).toBe(0);
  });

  it('finds what was rotated while it did not run', async () => {
    const at = await leftBehind();
    renameSync(at.file, `${at.file}-20261130`);
    expect((await restarted(at)).found).toEqual([]);
    expect((await verify(at)).exitCode).toBe(0);
  });

  it.each([
    ['is gone', (state: string) => rmSync(state)],
    ['cannot be understood', (state: string) => writeFileSync(state, '{')],
  ])('says that the end is not known where what it remembers %s', async (_name, by) => {
    const at = await leftBehind();
    by(join(at.stateDirectory, 'audit-chain.json'));
    const { found } = await restarted(at);
    expect(found).toEqual([expect.objectContaining({ event: 'audit.broken', outcome: 'info' })]);
    expect((await verify(at)).exitCode).toBe(0);
  });

  it('does not take its own first lines for added ones where it is killed at once', async () => {
    const at = site();
    await written(at, 10);
    const { audit, write } = open(at);
    await audit.prepare();
    write(1);
    const state = readChainState(at.stateDirectory, at.file);
    expect(state).toMatchObject({ seq: 10, isClosed: false });
    expect(await faultsOf(at)).toEqual([]);
    await audit.close();
  });

  it('reports lines that were added after an orderly stop', async () => {
    const at = site();
    await written(at, 10);
    appendFileSync(at.file, '{}\n');
    expect((await restarted(at)).found).toEqual([
      expect.objectContaining({ event: 'audit.broken', count: 1 }),
    ]);
  });
});

describe('while it runs', () => {
  function running(options: Partial<AuditLogOptions> = {}) {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date'] });
    onCleanUp(() => void jest.useRealTimers());
    const at = site();
    const opened = open(at, options);
    opened.write(10);
    const look = () => {
      jest.advanceTimersByTime(10_000);
      opened.audit.flush();
    };
    const end = async () => {
      jest.useRealTimers();
      await opened.audit.close();
    };
    return { at, look, end, ...opened };
  }

  it.each<[string, (file: string) => void, RegExp]>([
    ['cut off', (file) => truncateSync(file, 100), /cut or emptied/],
    [
      'cut off behind a line',
      (file) => change(file, (lines) => lines.splice(7)),
      /it was cut off; the last line was number 10/,
    ],
    ['emptied', (file) => truncateSync(file, 0), /cut or emptied/],
    ['appended to', (file) => appendFileSync(file, '{}\n'), /something was added behind number 10/],
    ['deleted', (file) => rmSync(file), /was deleted; lines go on into a new one/],
    [
      'changed in its last line',
      (file) => {
        const bytes = readFileSync(file);
        bytes[bytes.length - 3] = 0x7e;
        writeFileSync(file, bytes);
      },
      /number 10, its last line/,
    ],
  ])('notices that its file was %s, once', async (_name, by, detail) => {
    const { at, look, end, said } = running();
    by(at.file);
    look();
    look();
    look();
    await end();
    expect(eventsIn(at.file, 'audit.broken')).toEqual([
      expect.objectContaining({ outcome: 'failed', detail: expect.stringMatching(detail) }),
    ]);
    expect(said).toEqual([expect.stringMatching(detail)]);
    expect((await verify(at)).exitCode).toBe(1);
  });

  it('waits for the signal where its file was moved, and speaks after a minute', async () => {
    const { at, look, end, audit, write } = running();
    renameSync(at.file, `${at.file}.1`);
    look();
    audit.reopen();
    write(3, 11);
    look();
    expect(eventsIn(at.file, 'audit.broken')).toEqual([]);
    renameSync(at.file, `${at.file}.0`);
    for (let looks = 0; looks < 20; looks += 1) look();
    await end();
    expect(eventsIn(`${at.file}.0`, 'audit.broken')).toHaveLength(1);
  });

  it('takes copytruncate as it is where nothing was lost, and counts what was', async () => {
    const { at, look, end, write } = running();
    copyFileSync(at.file, `${at.file}.1`);
    truncateSync(at.file, 0);
    write(2, 11);
    look();
    expect(eventsIn(at.file, 'audit.broken')).toEqual([]);
    copyFileSync(at.file, `${at.file}.0`);
    write(3, 13);
    truncateSync(at.file, 0);
    look();
    await end();
    expect(eventsIn(at.file, 'audit.broken')).toEqual([expect.objectContaining({ count: 3 })]);
    expect((await faultsOf(at)).map(({ kind, count }) => [kind, count])).toEqual([
      ['reported', 1],
      ['missing', 3],
    ]);
  });

  it('remembers the end every 10 seconds', async () => {
    const { at, look, end, write } = running();
    look();
    jest.useRealTimers();
    write(1, 11);
    await end();
    expect(readChainState(at.stateDirectory, at.file)).toMatchObject({ seq: 11, isClosed: true });
  });

  it('says once that it cannot remember, and goes on', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'state'), '');
    const at = site(true, folder);
    const { audit, write, said } = open(at);
    write(3);
    await audit.close();
    expect(said).toEqual([expect.stringMatching(/cannot be remembered/)]);
    expect((await verify(at)).printed).toContain('the end was not compared');
  });
});

describeWithSmallDisk('a disk that runs full under a chain', () => {
  it('leaves a chain without a fault: what was not written is not in it, and the gap is said', async () => {
    const disk = new SmallDisk();
    const at = site(true, temporaryFolder());
    const file = join(disk.folder, 'audit.jsonl');
    const onDisk = { ...at, file };
    writeFileSync(
      at.configuration,
      readFileSync(at.configuration, 'utf8').replaceAll(JSON.stringify(at.file), JSON.stringify(file)),
    );
    const { audit, write, printed } = open(onDisk);
    write(20);
    for (let round = 0; round < 3; round += 1) {
      disk.fill(1);
      for (let number = 0; number < 100; number += 1) audit.record(completed);
      audit.flush();
      write(5);
      disk.free();
      write(5);
    }
    await audit.close();
    expect(eventsIn(file, 'audit.resumed')).toHaveLength(3);
    const report = await verify(onDisk);
    expect(report.printed).toContain('ok: every line is as the gateway wrote it');
    expect(report.printed).toContain('a line that is not complete');
    // Those that the file did not take are on stdout, without a link.
    const lines = printed().trimEnd().split('\n');
    const unlinked = lines.filter((line) => linkOf(line) === undefined);
    expect(unlinked.length).toBe(eventsIn(file, 'audit.resumed').reduce((sum, { count }) => sum + count!, 0));
  });
});

const LOGROTATE = '/usr/sbin/logrotate';

(existsSync(LOGROTATE) ? it : it.skip)('logrotate itself, with compression, leaves one chain', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'log'), { mode: 0o755 });
  const at = site(true, folder);
  const { audit, write, said } = open(at);
  const configuration = join(folder, 'logrotate.conf');
  writeFileSync(
    configuration,
    `${at.file} {\n  rotate 9\n  size 1\n  su root root\n  nocreate\n  compress\n  delaycompress\n}\n`,
  );
  execFileSync('chmod', ['755', dirname(at.file)]);
  for (let round = 0; round < 3; round += 1) {
    write(10);
    execFileSync(LOGROTATE, ['--state', join(folder, 'rotation'), configuration]);
    write(2);
    audit.reopen();
  }
  await audit.close();
  expect(said).toEqual([]);
  const { exitCode, printed } = await verify(at);
  expect(printed).toContain('.gz');
  expect(exitCode).toBe(0);
});

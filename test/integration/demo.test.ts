import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { DemoArchive } from '../../src/demo/archive';
import { type DemoResult, runDemo } from '../../src/demo/demo';
import { makeInstances } from '../../src/demo/instances';
import { resultText } from '../../src/demo/report';
import { type DemoModalities, demoModalities } from '../../src/demo/site';
import { showOn } from '../../src/text/display';
import { onCleanUp } from '../support/cleanUp';
import { CommandField, messagePdus, numberedRequest, proposedContext } from '../support/dicomBytes';
import { describeWithPeers } from '../support/peers';
import { runProcess, startProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

// An RSA key of 3072 bits takes a loaded machine several seconds.
jest.setTimeout(60_000);

const cli = resolve(__dirname, '../../dist/cli.js');

interface Played extends DemoResult {
  readonly progress: readonly string[];
  readonly folder: string;
}

/** The demo in this process. */
async function play(modalities?: DemoModalities, signal?: AbortSignal): Promise<Played> {
  const progress: string[] = [];
  let folder = '';
  const result = await runDemo({
    tell: (line) => progress.push(line),
    finished: async (_, site) => {
      folder = site.folder;
    },
    ...(modalities === undefined ? {} : { modalities }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { ...result, progress, folder };
}

function failures({ rows }: DemoResult) {
  return rows
    .filter(({ isOk }) => !isOk)
    .map(({ outcome, expected }) => ({ got: outcome, reason: expected.audit.split(' ')[1] }));
}

describe('the instances', () => {
  it('differ in class and encoding, have private elements, and one is of 32 MiB', () => {
    const instances = makeInstances();
    expect(new Set(instances.map(({ sopClassUid }) => sopClassUid)).size).toBeGreaterThanOrEqual(4);
    expect(new Set(instances.map(({ transferSyntaxUid }) => transferSyntaxUid)).size).toBeGreaterThanOrEqual(
      4,
    );
    expect(new Set(instances.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(instances.length);
    expect(instances.some(({ dataSet }) => dataSet.length > 32 * 1024 * 1024)).toBe(true);
    for (const { dataSet, sha256 } of instances) {
      expect(dataSet.length % 2).toBe(0);
      expect(dataSet.includes('a private element must arrive too')).toBe(true);
      expect(createHash('sha256').update(dataSet).digest('hex')).toBe(sha256);
    }
  });
});

describe('the archive of the demo', () => {
  it('keeps a file whole while the same instance comes again: it may be sent from that very file', async () => {
    const folder = temporaryFolder();
    const archive = await DemoArchive.start(folder);
    onCleanUp(() => archive.stop());
    const contexts = [proposedContext(1, SopClass.CTImageStorage)];
    const scu = await RawScu.associated(archive.port, { contexts });
    const sopInstanceUid = '1.2.3';
    const dataSet = Buffer.alloc(100_000, 7);
    const store = {
      CommandField: CommandField.CStoreRq,
      AffectedSOPClassUID: SopClass.CTImageStorage,
      AffectedSOPInstanceUID: sopInstanceUid,
      Priority: 0,
    };
    const isWhole = async () =>
      (await archive.storedSha256(sopInstanceUid)) === createHash('sha256').update(dataSet).digest('hex');
    await scu.request(1, store, dataSet);
    expect(await isWhole()).toBe(true);
    const [command, first, ...rest] = messagePdus(1, numberedRequest(2, store, true), dataSet);
    await scu.send(command!, first!);
    await waitFor('the second file', () => readdirSync(folder).length > 1);
    expect(await isWhole()).toBe(true);
    await scu.send(...rest);
    expect((await scu.readMessage()).command.Status).toBe(0);
    expect(await isWhole()).toBe(true);
    expect(readdirSync(folder)).toEqual([`${sopInstanceUid}.dcm`]);
  });
});

describe('the demo', () => {
  it('shows what is allowed and what is refused, and leaves nothing behind', async () => {
    const played = await play();
    expect(failures(played)).toEqual([]);
    expect(played).toMatchObject({ isOk: true, notPlayed: 0, instances: { count: 6, equal: 6 } });
    const shown = played.rows.map(({ outcome }) => `${outcome.wire} | ${outcome.audit} | ${outcome.archive}`);
    expect(shown).toEqual(
      expect.arrayContaining([
        'C-STORE-RSP 0x0000 | command.completed allowed 0x0000 | stored',
        'A-ASSOCIATE-RJ 1/1/3 | association.rejected calling-ae-title-unknown | nothing',
        'A-ASSOCIATE-RJ 1/1/3 | association.rejected source-address-mismatch | nothing',
        'C-FIND-RSP 0x0124 | command.refused command-not-allowed 0x0124 | association only',
        'C-MOVE-RSP 0xA801 | command.refused move-destination-not-allowed 0xA801 | association only',
        'closed | connection.refused plain-on-tls-port | nothing',
      ]),
    );
    const report = resultText(played);
    expect(report).toContain('SHA-256 of what was sent and of what was stored are equal\nall ');
    expect(report).toMatch(/^all \d+ as expected, in [\d.]+ s$/m);
    showOn({ columns: 80 }, {});
    const narrow = resultText(played);
    showOn({ columns: Number.POSITIVE_INFINITY }, {});
    expect(narrow).toMatch(
      /^ok {2}C-ECHO by WS1 +message\n {4}C-ECHO-RSP 0x0000 +command\.completed allowed 0x0000\n/m,
    );
    expect(narrow.split('\n').filter(({ length }) => length > 80)).toEqual([]);
    expect(existsSync(played.folder)).toBe(false);
  });

  it('fails, and says what was expected, when the gateway allows too much or too little', async () => {
    const played = await play({
      ...demoModalities,
      ct1: { ...demoModalities.ct1, allow: ['store', 'find'] },
      ws1: { ...demoModalities.ws1, allow: ['find', 'move'] },
      mr1: { ...demoModalities.mr1, from: ['127.0.0.1'], allow: ['echo'] },
    });
    expect(played.isOk).toBe(false);
    expect(failures(played)).toEqual([
      {
        reason: 'allowed',
        got: {
          wire: 'C-ECHO-RSP 0x0124',
          audit: expect.stringContaining('command.refused command-not-allowed'),
          archive: 'association only',
        },
      },
      { reason: 'source-address-mismatch', got: expect.objectContaining({ wire: 'C-ECHO-RSP 0x0000' }) },
      {
        reason: 'command-not-allowed',
        got: {
          wire: 'C-FIND-RSP 0x0000',
          audit: expect.stringContaining('command.completed allowed'),
          archive: 'message',
        },
      },
    ]);
    expect(resultText(played)).toMatch(
      /FAILED: C-FIND [^\n]+\n {2}expected on the wire: +C-FIND-RSP 0x0124\n/,
    );
  });

  it('stops between two scenes when it is interrupted', async () => {
    const interrupted = new AbortController();
    interrupted.abort();
    const played = await play(undefined, interrupted.signal);
    expect(played).toMatchObject({ isOk: false, rows: [] });
    expect(resultText(played)).toContain('interrupted');
    expect(existsSync(played.folder)).toBe(false);
  });
});

describe('aegis demo', () => {
  it('prints JSON for machines, and its progress elsewhere', async () => {
    const demo = startProcess(process.execPath, [cli, '--json', 'demo']);
    expect(await demo.exited).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(demo.stdout)).toMatchObject({ ok: true, instances: { equal: 6 } });
    expect(demo.stderr).toContain('throw-away CA');
  });
});

it('an interrupted demo has failed', async () => {
  const demo = startProcess(process.execPath, [cli, 'demo']);
  await demo.waitForOutput(/making a throw-away CA/, 50_000);
  demo.kill('SIGINT');
  expect((await demo.exited).exitCode).toBe(1);
  expect(demo.output).toContain('interrupted: ');
});

describeWithPeers(['echoscu', 'storescu'], 'aegis demo --keep', () => {
  it('prints command lines that work until Ctrl-C', async () => {
    const demo = startProcess(process.execPath, [cli, 'demo', '--keep']);
    await demo.waitForOutput(/the audit log from here on:/, 50_000);
    expect(demo.output).toMatch(/^all \d+ as expected, in [\d.]+ s$/m);
    expect(demo.output).toContain('SHA-256 of what was sent and of what was stored are equal');
    const [, folder] = /what the archive receives are in (.+)/.exec(demo.output)!;
    onCleanUp(() => rmSync(folder!, { recursive: true, force: true }));
    for (const name of readdirSync(folder!).filter((file) => file.endsWith('.key'))) {
      expect(statSync(join(folder!, name)).mode & 0o777).toBe(0o600);
    }
    expect(readFileSync(join(folder!, 'aegis.jsonc'), 'utf8')).not.toContain('"port": 0');

    const lines = demo.output.split('\n').filter((line) => /^(node|echoscu|storescu) /.test(line));
    const results = [];
    for (const line of lines) {
      const [program, ...programArguments] = line.split(' ');
      const file = program === 'node' ? process.execPath : program!;
      const { exitCode, output } = await runProcess(file, programArguments);
      results.push([
        program,
        exitCode,
        /Success|success|0x124|not recognized|command-not-allowed/.exec(output)?.[0],
      ]);
    }
    expect(results).toEqual([
      ['node', 0, 'success'],
      ['echoscu', 0, 'Success'],
      ['storescu', 0, 'Success'],
      ['node', 1, 'not recognized'],
      ['echoscu', 0, '0x124'],
      ['node', 1, 'command-not-allowed'],
    ]);
    expect(demo.output).toContain('calling-ae-title-unknown');

    expect((await demo.stop('SIGINT')).exitCode).toBe(0);
    expect(existsSync(join(folder!, 'ca.crt'))).toBe(true);
  });
});

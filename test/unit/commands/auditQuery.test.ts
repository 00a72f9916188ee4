import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { registerAudit } from '../../../src/commands/audit/audit';
import { showOn } from '../../../src/text/display';
import { runCommand } from '../../support/commandLine';
import { temporaryFolder } from '../../support/processes';

/** Of the second number `at`, counted up. */
function line(at: number, facts: object): object {
  const time = new Date(Date.UTC(2026, 10, 30, 10, 0, at)).toISOString();
  const common = { direction: 'ingress', sourceAddress: '10.1.2.10', callingAeTitle: 'CT1', modality: 'ct1' };
  return {
    time,
    event: 'command.completed',
    outcome: 'allowed',
    ...common,
    connectionId: 'd4d985ef645b1e12',
    ...facts,
  };
}

const denied = {
  event: 'command.refused',
  outcome: 'denied',
  reason: 'command-not-allowed',
  command: 'C-FIND',
};
const lines = [
  line(0, { command: 'C-STORE', status: '0x0000' }),
  line(1, denied),
  line(2, {
    ...denied,
    sourceAddress: '10.9.9.9',
    callingAeTitle: 'WS1',
    modality: 'ws1',
    connectionId: 'aaaa85ef645b1e12',
  }),
  line(3, { event: 'association.aborted', outcome: 'failed', reason: 'upstream-closed' }),
];

function textOf(list: readonly object[]): string {
  return list.map((each) => `${JSON.stringify(each)}\n`).join('');
}

function logOf(list: readonly object[], name = join(temporaryFolder(), 'audit.jsonl')): string {
  mkdirSync(dirname(name), { recursive: true });
  writeFileSync(name, name.endsWith('.gz') ? gzipSync(textOf(list)) : textOf(list));
  return name;
}

function query(...words: readonly string[]) {
  return runCommand(registerAudit, ['audit', 'query', ...words]);
}

/** The indexes of the lines that --json gives. */
async function found(...words: readonly string[]): Promise<number[]> {
  const { printed } = await runCommand(registerAudit, ['--json', 'audit', 'query', ...words]);
  const all = lines.map((each) => JSON.stringify(each));
  return printed
    .split('\n')
    .slice(0, -1)
    .map((text) => all.indexOf(text));
}

describe('aegis audit query', () => {
  it.each<[string[], number[]]>([
    [[], [0, 1, 2, 3]],
    [
      ['--outcome', 'denied'],
      [1, 2],
    ],
    [
      ['--outcome', 'denied', '--outcome', 'failed', '--modality', 'ct1'],
      [1, 3],
    ],
    [['--reason', 'upstream-closed'], [3]],
    [['--event', 'association'], [3]],
    [['--command', 'c-find', '--calling', 'ws1'], [2]],
    [['--from', '10.9.0.0/16'], [2]],
    [
      ['--from', '10.9.0.0/16', '--from', '10.1.2.10'],
      [0, 1, 2, 3],
    ],
    [['--connection', '#AAAA'], [2]],
    [
      ['--since', '2026-11-30T10:00:01Z', '--until', '2026-11-30T10:00:03Z'],
      [1, 2],
    ],
    [
      ['-n', '2'],
      [2, 3],
    ],
    [
      ['-r', '-n', '3'],
      [3, 2, 1],
    ],
    [['--modality', 'none'], []],
  ])('with %j gives the lines as they are', async (words, expected) => {
    expect(await found(logOf(lines), ...words)).toEqual(expected);
  });

  it('refuses a time that ends before it begins', async () => {
    const words = ['--since', '2026-11-30T10:00:03Z', '--until', '2026-11-30T10:00:01Z'];
    await expect(query(logOf(lines), ...words)).rejects.toThrow(
      /^--until 2026-11-30T10:00:01.*Z is not after --since 2026-11-30T10:00:03.*Z/,
    );
  });

  it('reads audit.file and what it was rotated to, the oldest first', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'audit.jsonl');
    logOf(lines.slice(3), file);
    logOf(lines.slice(1, 3), `${file}.1`);
    logOf(lines.slice(0, 1), `${file}.2.gz`);
    const configuration = join(folder, 'aegis.jsonc');
    const ct1 = { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: 'plain', allow: 'store' };
    const upstreams = { ORTHANC: { servers: ['127.0.0.1:4242'] } };
    const listeners = [{ name: 'plain', port: 11112 }];
    writeFileSync(
      configuration,
      JSON.stringify({ listeners, upstreams, modalities: { ct1 }, audit: { file } }),
    );
    expect(await found('--config', configuration)).toEqual([0, 1, 2, 3]);
  });

  it('holds no more than it shows: 30,000 lines, in order', async () => {
    const many = Array.from({ length: 30_000 }, (_, index) => line(index, { messageId: index }));
    const file = logOf(many);
    expect((await runCommand(registerAudit, ['--json', 'audit', 'query', file])).printed).toBe(textOf(many));
    const { printed } = await query(file);
    expect(printed).toContain('30000 lines found; the newest 1000 are shown');
    expect(printed.match(/command\.completed/g)).toHaveLength(1000);
  });

  it.each([
    [['--outcome', 'bla'], /accepted are allowed, denied, would-deny, failed, info/],
    [['--reason', 'command-not-allow'], /did you mean "command-not-allowed"/],
    [['--from', 'ct1.example'], /IP address or a CIDR block/],
    [['--until', 'tomorrow'], /--until "tomorrow" is not a time/],
  ])('refuses %j, and says what is accepted', async (words, message) => {
    await expect(query(logOf(lines), ...words)).rejects.toThrow(message);
  });
});

describe('its table', () => {
  beforeAll(() => showOn({ columns: 80 }, {}));
  afterAll(() => showOn({ columns: 10_000 }, {}));

  it('fits 80 columns, and says what was read', async () => {
    const file = logOf(lines);
    const { printed } = await query(file, '--outcome', 'denied');
    expect(printed.split('\n').filter((text) => text.length > 80)).toEqual([]);
    expect(printed.split('\n').slice(0, 5)).toEqual([
      'time (UTC)           outcome  who            what',
      '2026-11-30 10:00:01  denied   ct1 10.1.2.10  command-not-allowed command.refused',
      '                                             C-FIND',
      '2026-11-30 10:00:02  denied   ws1 10.9.9.9   command-not-allowed command.refused',
      '                                             C-FIND',
    ]);
    expect(printed).toContain('2 lines found\n');
    expect(printed).toMatch(/read 4 lines of/);
  });

  it('says how many events the line of a sum stands for', async () => {
    const sum = { count: 4950, since: '2026-11-30T10:00:00.000Z', until: '2026-11-30T10:00:09.000Z' };
    const file = logOf([
      ...lines,
      line(10, { ...denied, ...sum, detail: '4950 more in 10 s' }),
      line(11, { event: 'audit.resumed', outcome: 'info', count: 7, detail: '7 lines are missing' }),
    ]);
    const { printed } = await query(file);
    expect(printed).toContain('6 lines found, which stand for 4955 events\n');
    expect(printed.replace(/\s+/g, ' ')).toContain('command.refused C-FIND 4950 more in 10 s');
    expect(printed.split('\n').filter((text) => text.length > 80)).toEqual([]);
  });
});

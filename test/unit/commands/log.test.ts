import { appendFileSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { registerLog } from '../../../src/commands/log';
import { type LogOptions, printLog } from '../../../src/commands/printLog';
import { runCommand } from '../../support/commandLine';
import { temporaryFolder } from '../../support/processes';
import { waitFor } from '../../support/waiting';

const facts = {
  connectionId: 'd4d985ef645b1e12',
  direction: 'ingress',
  sourceAddress: '10.1.2.10',
  callingAeTitle: 'CT1',
  calledAeTitle: 'ORTHANC',
};
const allowed = {
  time: '2026-11-30T10:00:00.000Z',
  event: 'command.completed',
  outcome: 'allowed',
  ...facts,
  modality: 'ct1',
  command: 'C-STORE',
  status: '0x0000',
};
const refused = {
  ...{ time: '2026-11-30T11:00:00.000Z', event: 'command.refused', outcome: 'denied' },
  ...{
    reason: 'command-not-allowed',
    ...facts,
    connectionId: 'aaaa85ef645b1e12',
    modality: 'ct1',
    command: 'C-FIND',
  },
};
/** It matched no entry, so that it names none. */
const unknown = {
  ...{ time: '2026-11-30T12:00:00.000Z', event: 'connection.refused', outcome: 'denied' },
  ...{ reason: 'certificate-expired', direction: 'ingress', sourceAddress: '10.1.2.10' },
};
const failed = {
  ...{ time: '2026-11-30T13:00:00.000Z', event: 'association.aborted', outcome: 'failed' },
  ...{ reason: 'upstream-closed', ...facts, modality: 'ws1', callingAeTitle: 'WS1' },
};
const all = [allowed, refused, unknown, failed];

function textOf(...lines: readonly (object | string)[]): string {
  return lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
}

function logOf(...lines: readonly (object | string)[]): string {
  const file = join(temporaryFolder(), 'audit.jsonl');
  writeFileSync(file, textOf(...lines));
  return file;
}

function log(...words: readonly string[]) {
  return runCommand(registerLog, ['log', ...words]);
}

/** The times of the lines that are shown. */
async function shown(...words: readonly string[]): Promise<string[]> {
  const { printed } = await log(...words);
  return printed.split('\n').flatMap((line) => /T(\d\d):/.exec(line)?.[1] ?? []);
}

describe('aegis log', () => {
  it('shows each line in words, with what to do about a refusal', async () => {
    const { printed, printedErrors } = await log(logOf(allowed, refused));
    expect(printed.split('\n')).toEqual([
      '2026-11-30T10:00:00.000Z  allowed     command.completed  #d4d985ef  CT1@10.1.2.10 to ORTHANC  ct1  C-STORE  0x0000',
      '2026-11-30T11:00:00.000Z  denied      command.refused  #aaaa85ef  CT1@10.1.2.10 to ORTHANC  ct1  C-FIND  command-not-allowed: the entry of the modality does not allow this command  to do: if the device may do this, add the command to "allow" of its entry',
      '',
    ]);
    expect(printedErrors).toBe('');
  });

  it.each([
    [['--denied'], ['11', '12', '13']],
    [['--modality', 'ws1'], ['13']],
    [
      ['--modality', 'CT1'],
      ['10', '11'],
    ],
    [
      ['--event', 'command'],
      ['10', '11'],
    ],
    [
      ['--event', 'command.refused', '--event', 'connection.refused'],
      ['11', '12'],
    ],
    [
      ['--since', '2026-11-30T12:00Z'],
      ['12', '13'],
    ],
    [['--connection', '#AAAA'], ['11']],
    [
      ['-n', '2'],
      ['12', '13'],
    ],
    [['--denied', '-n', '1'], ['13']],
  ])('with %s shows only what was asked for', async (words, expected) => {
    expect(await shown(logOf(...all), ...words)).toEqual(expected);
  });

  it('finds refusals of a modality that name no entry, by its titles and addresses', async () => {
    const file = logOf(...all);
    const configuration = join(temporaryFolder(), 'aegis.jsonc');
    const ct1 = { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: 'plain', allow: 'store' };
    writeFileSync(
      configuration,
      JSON.stringify({
        listeners: [{ name: 'plain', port: 11112 }],
        upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
        modalities: { ct1 },
        audit: { file },
      }),
    );
    const { printed } = await runCommand(registerLog, [
      '--config',
      configuration,
      'log',
      file,
      '--modality',
      'ct1',
      '--denied',
    ]);
    expect(printed.trimEnd().split('\n')).toEqual([
      expect.stringContaining('command-not-allowed'),
      expect.stringContaining('certificate-expired'),
    ]);
  });

  it('gives the lines unchanged with --json', async () => {
    const { printed } = await runCommand(registerLog, ['--json', 'log', logOf(...all), '--denied']);
    expect(printed).toBe(textOf(refused, unknown, failed));
  });

  it('reads what journalctl -o json prints', async () => {
    const entry = JSON.stringify({ MESSAGE: JSON.stringify(refused), _PID: '7' });
    expect(await shown(logOf(entry), '--denied')).toEqual(['11']);
  });

  it('shows other lines as they are, harmless to a terminal, and counts them with a filter', async () => {
    const file = logOf('listening on 10.1.2.1:2762', 'a \u001b[2J', refused);
    expect((await log(file)).printed).toMatch(/^listening on 10.1.2.1:2762\na \\x1b\[2J\n2026/);
    const { printed, printedErrors } = await log(file, '--denied');
    expect(printed).toMatch(/^2026.*\n$/);
    expect(printedErrors).toBe(`note: left out 2 lines not of the audit log (first: ${file}:1)\n`);
  });

  it('names a line that is not complete', async () => {
    const file = logOf(refused);
    appendFileSync(file, JSON.stringify(failed).slice(0, 100));
    const { printed, printedErrors } = await log(file, '--denied');
    expect(printed).toMatch(/^2026.*\n$/);
    expect(printedErrors).toBe(
      `note: left out 1 line not complete (first: ${file}:2): the gateway was writing it, or the disk was full\n`,
    );
  });

  it('says so where nothing is about the modality, and what was probably meant', async () => {
    const { printedErrors } = await log(logOf(...all), '--modality', 'sw1');
    expect(printedErrors).toMatch(/^note: no line of .* is about "sw1"; did you mean "ws1"\?\n$/);
  });

  it('is not stopped by a line that somebody else has written', async () => {
    const { printed } = await log(logOf({ ...unknown, tls: { subject: 'CN=x', notAfter: 5 } }, failed));
    expect(printed.split('\n')).toHaveLength(3);
  });

  it('reads rotated files that were written to since then', async () => {
    const file = logOf(failed);
    writeFileSync(`${file}.1`, textOf(unknown));
    writeFileSync(`${file}.2.gz`, gzipSync(textOf(refused)));
    writeFileSync(`${file}.3`, textOf(refused));
    utimesSync(`${file}.3`, 0, 0);
    expect(await shown(file, '--since', '2026-11-30T11:00Z')).toEqual(['11', '12', '13']);
    expect(await shown(file)).toEqual(['13']);
  });

  it('refuses what it cannot read, and options that it cannot understand', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'logs'));
    await expect(log(join(folder, 'none.jsonl'))).rejects.toThrow(/none.jsonl/);
    await expect(log(join(folder, 'logs'))).rejects.toThrow('is a folder');
    await expect(log('x', '--since', 'tuesday')).rejects.toThrow(/^--since "tuesday" is not a time/);
    await expect(log('x', '-n', '0')).rejects.toThrow('from 1 to 100000');
    await expect(log('x', '--connection', 'abc')).rejects.toThrow('4 to 16 hexadecimal digits');
  });

  it('follows: the last ten lines, then each line as it comes, over a rotation', async () => {
    const file = logOf(...Array<object>(20).fill(refused));
    const stop = new AbortController();
    let printed = '';
    const print = (text: string) => {
      printed += text;
    };
    const context = { print, printError: () => undefined, exit: () => undefined };
    const options: LogOptions = { config: 'none', follow: true, denied: true, signal: stop.signal };
    const ended = printLog(context, options, file);
    const lines = () => printed.split('\n').length - 1;
    await waitFor('the last lines', () => lines() === 10);
    renameSync(file, `${file}.1`);
    appendFileSync(`${file}.1`, textOf(allowed, unknown));
    writeFileSync(file, textOf(failed, allowed));
    await waitFor('the new lines', () => lines() === 12);
    stop.abort();
    await ended;
    expect(printed.trimEnd().split('\n').slice(-2)).toEqual([
      expect.stringContaining('certificate-expired'),
      expect.stringContaining('upstream-closed'),
    ]);
  });
});

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerObserve } from '../../../../src/commands/observe/observe';
import { parseConfiguration } from '../../../../src/config/load';
import { ExitCode, OperatorError } from '../../../../src/errors';
import { onCleanUp } from '../../../support/cleanUp';
import { runCommand } from '../../../support/commandLine';
import { temporaryFolder } from '../../../support/processes';

const folder = temporaryFolder();
const log = join(folder, 'audit.jsonl');
const configurationFile = join(folder, 'aegis.jsonc');

function configure(modality: object = {}, rest: object = { audit: { file: log } }): void {
  const mr1 = {
    callingAeTitle: 'MR1',
    from: '10.1.2.30',
    listeners: 'plain',
    allow: 'echo',
    mode: 'observe',
  };
  const configuration = {
    listeners: [{ name: 'plain', port: 11112 }],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
    modalities: { mr1: { ...mr1, ...modality } },
    ...rest,
  };
  writeFileSync(configurationFile, JSON.stringify(configuration));
}

function writeLog(...lines: readonly (object | string)[]): void {
  writeFileSync(
    log,
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  );
}

const facts = {
  modality: 'mr1',
  direction: 'ingress',
  callingAeTitle: 'MR1',
  calledAeTitle: 'ORTHANC',
  sourceAddress: '10.1.2.30',
};

function stored(time: string, sopClass = 'MRImageStorage') {
  return {
    time,
    event: 'command.completed',
    outcome: 'would-deny',
    reason: 'command-not-allowed',
    command: 'C-STORE',
    sopClass,
    ...facts,
  };
}

const echoed = {
  ...stored('2026-11-01T08:00:00.000Z', 'Verification'),
  command: 'C-ECHO',
  outcome: 'allowed',
};

function report(...options: string[]) {
  return runCommand(registerObserve, ['--config', configurationFile, 'observe', 'report', ...options]);
}

describe('aegis observe report', () => {
  it('reports what would be denied and prints keys that the configuration takes', async () => {
    configure({ observeUntil: '2999-12-31' });
    writeLog(echoed, stored('2026-11-01T08:01:00.000Z'), stored('2026-11-02T08:01:00.000Z'));
    const { exitCode, printed } = await report();
    expect(exitCode).toBe(ExitCode.Failed);
    expect(printed).toBe(`modalities.mr1: observe until 2999-12-31, the end of that day in UTC
  2026-11-01T08:00:00.000Z to 2026-11-02T08:01:00.000Z: 0 associations, 3 requests

  would be denied:
    2  command-not-allowed: the entry of the modality does not allow this command
       2026-11-01T08:01:00.000Z to 2026-11-02T08:01:00.000Z
       from 10.1.2.30; as MR1; calls ORTHANC
       2  C-STORE MRImageStorage

  to allow it, in modalities.mr1:
    "allow": ["echo", "store"],
    // it stored nothing else: "storeSopClasses": ["MRImageStorage"],

read 3 lines of ${log}
`);
    const keys = /^ {4}("allow".*)\n.*("storeSopClasses".*)$/m.exec(printed)!.slice(1).join('\n');
    const text = `{ "listeners": [{ "name": "plain", "port": 104 }], "upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } },
      "modalities": { "mr1": { "callingAeTitle": "MR1", "from": "10.1.2.30", "listeners": "plain", ${keys} } } }`;
    expect(parseConfiguration(text, 'a.jsonc', {}).problems).toEqual([]);
  });

  it('reads rotated files too, and counts what one line stands for', async () => {
    configure();
    const denied = { ...stored('2026-11-01T08:01:00.000Z'), event: 'command.refused', outcome: 'denied' };
    writeLog({ ...denied, count: 4950, since: '2026-11-01T08:00:50.000Z' }, { ...denied, count: 'x' });
    const rotated = `${log}.1`;
    writeFileSync(rotated, `${JSON.stringify(echoed)}\n`);
    onCleanUp(() => rmSync(rotated, { force: true }));
    const { printed } = await report();
    rmSync(rotated);
    expect(printed).toContain('denied:\n    4951  command-not-allowed');
    expect(printed).toContain('4951  C-STORE MRImageStorage');
    expect(printed).toContain(`read 3 lines of ${rotated}, ${log}\n`);
  });

  it('says that nothing is in the way, and what else the entry could say', async () => {
    configure({ allow: ['echo', 'store'] });
    writeLog(echoed, stored('2026-11-01T08:01:00.000Z'));
    const { exitCode, printed } = await report();
    expect(exitCode).toBe(ExitCode.Done);
    expect(printed).toContain('logged as would-deny, and allowed by the entry as it is now: 1\n');
    expect(printed).toContain('nothing was seen that would be denied: set mode to "enforce"\n');
    expect(printed).toContain('// it stored nothing else: "storeSopClasses": ["MRImageStorage"],\n');
  });

  it('recommends nothing where nothing was seen', async () => {
    configure();
    writeLog();
    const { exitCode, printed } = await report();
    expect(exitCode).toBe(ExitCode.Done);
    expect(printed).toContain('modalities.mr1: observe, without an end\n  nothing was seen of it: wait');
    expect(printed).not.toContain('enforce');
  });

  it('leaves out what is not a line of the log, and says where the first is', async () => {
    configure({ allow: ['echo', 'store'] });
    writeLog('aegis: listening', echoed, '{"cut":', '');
    const { printed } = await report();
    expect(printed).toContain(`left out 2 lines not of the audit log: first ${log}:1\n`);
  });

  it('shows who was denied, entry or none, without counting it', async () => {
    configure({ allow: ['echo'], mode: 'enforce' });
    const rejected = { ...echoed, event: 'association.rejected', outcome: 'denied' };
    writeLog(
      { ...rejected, reason: 'source-address-mismatch', sourceAddress: '10.9.9.9' },
      { ...rejected, reason: 'calling-ae-title-unknown', callingAeTitle: 'A\u001b[31m', modality: undefined },
    );
    const { exitCode, printed } = await report();
    expect(exitCode).toBe(ExitCode.Done);
    expect(printed).toMatch(
      /^modalities\.mr1: enforce\n(?:.*\n)*.*denied:\n {4}1 {2}source-address-mismatch: /,
    );
    expect(printed).toMatch(
      /no entry matched:\n {2}denied:\n {4}1 {2}calling-ae-title-unknown: .*\n.*\n.*as A\\u\{1b\}\[31m/,
    );
  });

  it.each(['2026-11-02', '2026-11-02T00:00+00:00'])('counts what is since %s', async (since) => {
    configure();
    writeLog(stored('2026-11-01T23:59:59.999Z'), stored('2026-11-02T00:00:00.000Z'));
    const { printed } = await report('--since', since);
    expect(printed).toMatch(/would be denied:\n {4}1 {2}command-not-allowed/);
    expect(printed).toContain('of which those before 2026-11-02T00:00:00.000Z do not count');
  });

  it('counts the last hours and days', async () => {
    configure();
    const hoursAgo = (hours: number) => stored(new Date(Date.now() - hours * 3_600_000).toISOString());
    writeLog(hoursAgo(30), hoursAgo(5), hoursAgo(1));
    const counted = async (since: string) => {
      const { printed } = await report('--json', '--since', since);
      return (JSON.parse(printed) as { modalities: { requests: number }[] }).modalities[0]!.requests;
    };
    expect(await counted('2h')).toBe(1);
    expect(await counted('1d')).toBe(2);
    expect(await counted('2d')).toBe(3);
  });

  it('prints JSON for machines', async () => {
    configure();
    writeLog(stored('2026-11-01T08:01:00.000Z'), 'words');
    const { exitCode, printed } = await report('--json', log);
    expect(exitCode).toBe(ExitCode.Failed);
    const seen = '2026-11-01T08:01:00.000Z';
    expect(JSON.parse(printed)).toEqual({
      wouldDeny: true,
      files: [log],
      since: null,
      lines: 1,
      otherLines: 1,
      modalities: [
        {
          modality: 'mr1',
          mode: 'observe',
          observeUntil: null,
          firstSeen: seen,
          lastSeen: seen,
          associations: 0,
          mostAssociations: 0,
          requests: 1,
          allowedByNow: 0,
          wouldDeny: [
            {
              reason: 'command-not-allowed',
              direction: 'ingress',
              count: 1,
              firstSeen: seen,
              lastSeen: seen,
              callingAeTitles: ['MR1'],
              calledAeTitles: ['ORTHANC'],
              sourceAddresses: ['10.1.2.30'],
              requests: [{ command: 'C-STORE', sopClass: 'MRImageStorage', count: 1 }],
            },
          ],
          keys: { allow: ['echo', 'store'] },
          impossible: [],
          withoutUpstream: [],
          storedSopClasses: ['MRImageStorage'],
          isComplete: true,
          denied: [],
        },
      ],
      unmatched: [],
      unknownEntries: [],
    });
  });

  it.each<[string, string[], object, RegExp]>([
    [
      'a log that is not there',
      [join(folder, 'none.jsonl')],
      {},
      /none\.jsonl does not exist; correct the path$/,
    ],
    [
      'a file of something else',
      [configurationFile],
      {},
      /no line of .*aegis\.jsonc belongs to an audit log/,
    ],
    ['no log at all', [], {}, /audit\.file is not configured, so there is no log to read; name a file/],
    [
      'a --since that is not a time',
      ['--since', 'monday'],
      { audit: { file: log } },
      /accepted are days \(7d\)/,
    ],
  ])('refuses %s', async (_what, options, rest, message) => {
    configure({}, rest);
    writeLog(echoed);
    await expect(report(...options)).rejects.toThrow(OperatorError);
    await expect(report(...options)).rejects.toThrow(message);
  });
});

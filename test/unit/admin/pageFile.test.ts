import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ConfigurationHistory } from '../../../src/admin/configurationHistory';
import { History } from '../../../src/admin/history';
import { readPageFile, writePageFile } from '../../../src/admin/pageFile';
import type { AuditEvent } from '../../../src/audit/events';
import { temporaryFolder } from '../../support/processes';

const now = new Date('2026-06-15T12:00:00Z');
const reloaded: AuditEvent = {
  event: 'configuration.reloaded',
  outcome: 'info',
  sha256: 'ab',
  requestedBy: { by: 'admin', token: 'admin.token', sourceAddress: '127.0.0.1', command: 'reload' },
  changes: ['modality "ct1" added'],
  detail: 'modality "ct1" added',
};

function setUp() {
  return new ConfigurationHistory('00', [], () => now);
}

describe('ConfigurationHistory', () => {
  it('knows which text counts, and the reloads, the newest first', () => {
    const history = setUp();
    expect(history.sha256).toBe('00');
    expect(history.record({ event: 'upstream.up', outcome: 'info' })).toBe(false);
    expect(history.record(reloaded)).toBe(true);
    history.record({ event: 'configuration.rejected', outcome: 'failed', sha256: 'cd', detail: 'wrong' });
    expect(history.sha256).toBe('ab');
    expect(history.reloads).toEqual([
      { time: now.toISOString(), isOk: false, sha256: 'cd', changes: [], detail: 'wrong' },
      {
        time: now.toISOString(),
        isOk: true,
        sha256: 'ab',
        requestedBy: reloaded.requestedBy,
        changes: reloaded.changes,
      },
    ]);
  });

  it('is bounded, however often and however much is changed', () => {
    const history = setUp();
    const changes = Array.from({ length: 60 }, () => 'x'.repeat(1000));
    for (let count = 0; count < 60; count += 1) history.record({ ...reloaded, changes });
    expect(history.reloads).toHaveLength(50);
    expect(history.reloads[0]?.changes).toHaveLength(21);
    expect(history.reloads[0]?.changes.at(-1)).toBe('and 40 more');
    expect(JSON.stringify(history.kept).length).toBeLessThan(400_000);
  });
});

describe('page.json', () => {
  it('gives back what was written', async () => {
    const directory = temporaryFolder();
    const history = new History(undefined, () => now.getTime());
    history.record({ event: 'association.accepted', outcome: 'allowed' });
    const reloads = setUp();
    reloads.record(reloaded);
    await writePageFile(directory, { history: history.report, reloads: reloads.kept });
    const kept = readPageFile(directory, () => {});
    expect(new History(kept.history, () => now.getTime()).report).toEqual(history.report);
    expect(new ConfigurationHistory('ab', kept.reloads).reloads).toEqual(reloads.reloads);
  });

  it('counts as none where it is absent, and with a warning where it is damaged', () => {
    const directory = temporaryFolder();
    const warnings: string[] = [];
    const read = () => readPageFile(directory, (text) => warnings.push(text));
    expect(read()).toEqual({});
    expect(warnings).toEqual([]);
    for (const text of ['{', '{"version":2}', '{"version":1,"history":{"from":"x"},"reloads":[]}']) {
      writeFileSync(join(directory, 'page.json'), text);
      expect(read()).toEqual({});
    }
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('the history of the page starts empty');
  });
});

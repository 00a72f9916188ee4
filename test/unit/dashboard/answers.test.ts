import { describe, expect, it } from '@jest/globals';
import type { HistoryReport, ModalitySummary, PageDenial } from '../../../src/admin/pageReport';
import { inventoryRows, matching, withNow, withoutRepeats } from '../../../src/dashboard/answers';

const FROM = '2026-11-30T12:00:00.000Z';
const history: HistoryReport = {
  bucketSeconds: 300,
  from: FROM,
  associations: [1, 2, 3],
  bytes: [10, 20, 30],
  refusals: [0, 0, 1],
};

describe('the chart', () => {
  it('takes the present bucket of a frame in place of its own', () => {
    const now = { from: '2026-11-30T12:10:00.000Z', associations: 7, bytes: 70, refusals: 2 };
    expect(withNow(history, now)).toEqual({
      ...history,
      associations: [1, 2, 7],
      bytes: [10, 20, 70],
      refusals: [0, 0, 2],
    });
  });

  it('moves on with time, and keeps its length', () => {
    const now = { from: '2026-11-30T12:20:00.000Z', associations: 9, bytes: 90, refusals: 0 };
    expect(withNow(history, now)).toEqual({
      bucketSeconds: 300,
      from: '2026-11-30T12:10:00.000Z',
      associations: [3, 0, 9],
      bytes: [30, 0, 90],
      refusals: [1, 0, 0],
    });
  });

  it('stays as it is where the clock of the gateway jumped', () => {
    const now = { from: '2026-11-20T12:20:00.000Z', associations: 9, bytes: 90, refusals: 0 };
    expect(withNow(history, now)).toBe(history);
  });
});

describe('the last denials', () => {
  const denial: PageDenial = {
    time: FROM,
    outcome: 'denied',
    event: 'association.rejected',
    reason: 'calling-ae-title-unknown',
    text: 'the calling AE title is in no modality entry',
    remedy: 'correct it',
    callingAeTitle: 'CT9',
  };

  it('are one where they repeat: the newest, with how many there are', () => {
    const older = { ...denial, time: '2026-11-30T11:00:00.000Z' };
    const other = { ...denial, callingAeTitle: 'CT8' };
    expect(withoutRepeats([denial, other, older])).toEqual([
      { denial, count: 2 },
      { denial: other, count: 1 },
    ]);
  });
});

describe('the modalities', () => {
  const summary = (name: string, health: ModalitySummary['health'], from = '10.1.2.3') =>
    ({ name, health, from: [from], callingAeTitle: [name.toUpperCase()] }) as unknown as ModalitySummary;
  const all = [summary('ct1', 'ok'), summary('mr1', 'refused'), summary('ct2', 'locked', '10.9.0.1')];
  const namesOf = (found: readonly ModalitySummary[]) => found.map(({ name }) => name);

  it('come the worst first', () => {
    expect(namesOf(matching(all, '', undefined))).toEqual(['ct2', 'mr1', 'ct1']);
  });

  it('are found by name, AE title and address, and by health', () => {
    expect(namesOf(matching(all, ' CT', undefined))).toEqual(['ct2', 'ct1']);
    expect(namesOf(matching(all, '10.9', undefined))).toEqual(['ct2']);
    expect(namesOf(matching(all, '', 'refused'))).toEqual(['mr1']);
  });
});

describe('what a modality is', () => {
  it('is what it asked for, and beside it what the archive sent to it', () => {
    const seen = (value: string) => [{ value, firstSeen: FROM, lastSeen: FROM, count: 1 }];
    const side = (operation: string) => ({
      firstSeen: FROM,
      lastSeen: FROM,
      associations: 1,
      commands: 1,
      bytes: 0,
      ...{
        implementations: seen('MAKER_1'),
        tls: seen('TLSv1.3'),
        ciphers: [],
        groups: [],
        certificates: [],
      },
      ...{ addresses: seen('10.1.2.10'), listeners: [], callingAeTitles: [], calledAeTitles: [] },
      ...{ operations: seen(operation), transferSyntaxes: [] },
    });
    const report = { modality: 'ct1', ingress: side('C-STORE'), egress: side('C-ECHO') };
    const values = inventoryRows(report).map(([label, list]) => [label, ...list.map(({ value }) => value)]);
    expect(values).toEqual([
      ['device', 'MAKER_1'],
      ['TLS', 'TLSv1.3'],
      ['cipher'],
      ['certificate'],
      ['came from', '10.1.2.10'],
      ['asked for', 'C-STORE'],
      ['stored as'],
      ['reached at', '10.1.2.10'],
      ['was sent', 'C-ECHO'],
    ]);
    expect(inventoryRows({ modality: 'ct1' })).toEqual([]);
  });
});

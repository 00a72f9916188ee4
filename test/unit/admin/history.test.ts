import { describe, expect, it } from '@jest/globals';
import { BUCKET_MS, History, keptHistorySchema } from '../../../src/admin/history';
import type { AuditEvent } from '../../../src/audit/events';

const startMs = Date.parse('2026-06-15T12:00:00Z');
const accepted: AuditEvent = { event: 'association.accepted', outcome: 'allowed' };
const stored: AuditEvent = { event: 'command.completed', outcome: 'allowed', bytes: 1000 };
const refused: AuditEvent = { event: 'command.refused', outcome: 'denied', reason: 'command-not-allowed' };

function setUp() {
  const clock = { ms: startMs };
  const history = new History(undefined, () => clock.ms);
  return { clock, history };
}

describe('History', () => {
  it('counts associations, bytes and refusals in buckets of 5 minutes', () => {
    const { clock, history } = setUp();
    for (const event of [accepted, stored, stored, refused]) expect(history.record(event)).toBe(true);
    expect(history.record({ event: 'connection.refused', outcome: 'debug' })).toBe(false);
    clock.ms += BUCKET_MS;
    history.record(accepted);
    const { report } = history;
    expect(report.bucketSeconds).toBe(300);
    expect(report.from).toBe('2026-06-14T12:10:00.000Z');
    expect(report.associations).toHaveLength(288);
    expect(report.associations.slice(-2)).toEqual([1, 1]);
    expect(report.bytes.slice(-2)).toEqual([2000, 0]);
    expect(report.refusals.slice(-2)).toEqual([1, 0]);
    expect(history.present).toEqual({
      from: '2026-06-15T12:05:00.000Z',
      associations: 1,
      bytes: 0,
      refusals: 0,
    });
  });

  it('forgets what is older than a day, and what a clock that was set back left in the future', () => {
    const { clock, history } = setUp();
    history.record(accepted);
    clock.ms += 24 * 60 * 60_000 - BUCKET_MS;
    expect(history.report.associations[0]).toBe(1);
    clock.ms += BUCKET_MS;
    history.record(accepted);
    expect(history.report.associations.reduce((sum, one) => sum + one, 0)).toBe(1);
    clock.ms = startMs;
    history.record(accepted);
    expect(history.report.associations.slice(-1)).toEqual([1]);
    expect(history.report.associations.reduce((sum, one) => sum + one, 0)).toBe(1);
  });

  it('goes on from what was kept, without what is not of the last day', () => {
    const { clock, history } = setUp();
    history.record(accepted);
    history.record(stored);
    const kept = keptHistorySchema.parse(JSON.parse(JSON.stringify(history.report)));
    clock.ms += 2 * BUCKET_MS;
    const again = new History(kept, () => clock.ms);
    again.record(accepted);
    expect(again.report.associations.slice(-3)).toEqual([1, 0, 1]);
    expect(again.report.bytes.slice(-3)).toEqual([1000, 0, 0]);
    // The clock was wrong when it was written.
    const early = new History(kept, () => startMs - 10 * BUCKET_MS);
    expect(early.report.associations.every((count) => count === 0)).toBe(true);
  });
});

/** What another gateway knows of a modality. */
import { expect, it } from '@jest/globals';
import { PendingCallers } from '../../../src/admin/pendingCallers';
import type { AuditEvent } from '../../../src/audit/events';
import { KnownModality } from '../../../src/inventory/knownModality';

const T = Date.parse('2026-11-30T12:00:00Z');

function accepted(name: string, address: string): AuditEvent {
  return {
    event: 'association.accepted',
    outcome: 'allowed',
    direction: 'ingress',
    modality: 'ct1',
    connectionId: `c-${address}`,
    sourceAddress: address,
    implementationVersionName: name,
  };
}

it('is learnt as it is, and is not news', () => {
  const [a, b] = [new KnownModality('ct1', T), new KnownModality('ct1', T)];
  a.record(accepted('OLD', '10.0.0.1'), T);
  a.record(accepted('NEW', '10.0.0.2'), T + 1000);
  a.takeChanges(T);
  b.learn(a.report, T + 5000);
  expect(b.report.ingress).toEqual(a.report.ingress);
  expect(b.hasChanges).toBe(false);
  expect(b.heardMs).toBe(T + 1000);
  // Known already, so not reported a second time.
  b.record(accepted('NEW', '10.0.0.2'), T + 6000);
  expect(b.hasChanges).toBe(false);
});

it('is never later than now, and takes nothing away', () => {
  const [a, b] = [new KnownModality('ct1', T), new KnownModality('ct1', T)];
  a.record(accepted('A', '10.0.0.1'), T + 3_600_000);
  b.record(accepted('B', '10.0.0.2'), T);
  b.learn(a.report, T + 1000);
  expect(b.heardMs).toBe(T + 1000);
  expect(b.report.ingress?.implementations.map(({ value }) => value).sort()).toEqual(['A', 'B']);
});

it('of a caller that was refused at both, keeps the newest words and the larger count', () => {
  const refused: AuditEvent = {
    event: 'association.rejected',
    outcome: 'denied',
    reason: 'calling-ae-title-unknown',
    direction: 'ingress',
    callingAeTitle: 'CT9',
    sourceAddress: '10.0.0.9',
  };
  let nowMs = T;
  const options = { maxEntries: 10, now: () => new Date(nowMs) };
  const [a, b] = [new PendingCallers(options), new PendingCallers(options)];
  a.record(refused);
  nowMs += 1000;
  b.record(refused);
  b.record(refused);
  a.learn({ ...b.list[0]!, id: '000000000000' });
  expect(a.list).toEqual([
    { ...b.list[0], firstSeen: new Date(T).toISOString(), lastSeen: new Date(T + 1000).toISOString() },
  ]);
  const dropped: string[] = [];
  a.follow((id) => void dropped.push(id));
  a.remove(a.list[0]!.id);
  expect([a.size, dropped]).toEqual([0, [b.list[0]!.id]]);
});

import { describe, expect, it } from '@jest/globals';
import { LiveView } from '../../../src/admin/liveView';
import type { AuditEvent } from '../../../src/audit/events';

const now = new Date('2026-01-01T00:00:00Z');
const caller = {
  direction: 'ingress',
  listener: 'tls',
  sourceAddress: '10.1.2.10',
  callingAeTitle: 'CT1',
  calledAeTitle: 'ORTHANC',
} as const;

function accepted(connectionId: string): AuditEvent {
  return {
    ...caller,
    event: 'association.accepted',
    outcome: 'allowed',
    connectionId,
    modality: 'ct1',
    upstream: '127.0.0.1:4242',
    tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
  };
}

function viewOf(...events: readonly AuditEvent[]) {
  const view = new LiveView(() => now);
  for (const event of events) view.record(event);
  return view.report();
}

describe('LiveView', () => {
  it('follows an association from its acceptance to its end', () => {
    const stored: AuditEvent = {
      ...accepted('a'),
      event: 'command.completed',
      command: 'C-STORE',
      bytes: 1000,
    };
    const refused: AuditEvent = {
      ...accepted('a'),
      event: 'command.refused',
      outcome: 'denied',
      reason: 'command-not-allowed',
      bytes: 5,
    };
    const open = [accepted('a'), accepted('b'), stored, stored, refused];
    expect(viewOf(...open).associations).toEqual([
      {
        connectionId: 'a',
        direction: 'ingress',
        modality: 'ct1',
        listener: 'tls',
        callingAeTitle: 'CT1',
        calledAeTitle: 'ORTHANC',
        sourceAddress: '10.1.2.10',
        isTls: true,
        upstream: '127.0.0.1:4242',
        since: now.toISOString(),
        commands: 3,
        bytes: 2000,
      },
      expect.objectContaining({ connectionId: 'b', commands: 0, bytes: 0 }),
    ]);
    const released: AuditEvent = { ...accepted('a'), event: 'association.released', outcome: 'info' };
    const aborted: AuditEvent = { ...accepted('b'), event: 'association.aborted', outcome: 'failed' };
    const after = viewOf(...open, released, aborted);
    expect(after.associations).toEqual([]);
    expect(after.totals).toEqual({
      connectionsRefused: 0,
      associationsAccepted: 2,
      associationsRejected: 0,
      associationsAborted: 1,
      commandsCompleted: 2,
      commandsRefused: 1,
      relayedBytes: 2000,
    });
  });

  it('keeps the last 50 denials, the newest first, with their reasons in words', () => {
    const rejected = (title: number): AuditEvent => ({
      ...caller,
      event: 'association.rejected',
      outcome: 'denied',
      reason: 'calling-ae-title-unknown',
      callingAeTitle: `CT${title}`,
      connectionId: 'x',
      durationMs: 1,
    });
    const { denials } = viewOf(...Array.from({ length: 60 }, (_, title) => rejected(title)));
    expect(denials).toHaveLength(50);
    expect(denials[0]).toEqual({
      time: now.toISOString(),
      event: 'association.rejected',
      outcome: 'denied',
      reason: 'calling-ae-title-unknown',
      text: 'the calling AE title is in no modality entry',
      ...{ listener: 'tls', sourceAddress: '10.1.2.10', callingAeTitle: 'CT59', calledAeTitle: 'ORTHANC' },
    });
    expect(denials[49]).toMatchObject({ callingAeTitle: 'CT10' });
  });

  it('takes no failure and no port check for a denial', () => {
    const { denials, totals } = viewOf(
      { ...caller, event: 'association.rejected', outcome: 'failed', reason: 'upstream-unavailable' },
      { ...caller, event: 'connection.refused', outcome: 'info', reason: 'tls-closed' },
    );
    expect(denials).toEqual([]);
    expect(totals).toMatchObject({ associationsRejected: 1, connectionsRefused: 0 });
  });

  it('shows the last reload', () => {
    expect(viewOf()).not.toHaveProperty('lastReload');
    const rejected: AuditEvent = {
      event: 'configuration.rejected',
      outcome: 'failed',
      detail: 'a.jsonc:1:1 no',
    };
    expect(viewOf(rejected).lastReload).toEqual({
      time: now.toISOString(),
      isOk: false,
      detail: 'a.jsonc:1:1 no',
    });
    expect(viewOf(rejected, { event: 'configuration.reloaded', outcome: 'info' }).lastReload).toEqual({
      time: now.toISOString(),
      isOk: true,
    });
  });
});

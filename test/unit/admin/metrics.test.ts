import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CertificateExpiry } from '../../../src/admin/certificateExpiries';
import { Metrics } from '../../../src/admin/metrics';
import type { AuditEvent } from '../../../src/audit/events';
import type { ServerHealth } from '../../../src/gateway/upstreamHealth';
import type { ModalityLock } from '../../../src/policy/locks';
import { Exposition } from '../../support/exposition';

const ct1 = { modality: 'ct1', direction: 'ingress', listener: 'tls', callingAeTitle: 'CT1' } as const;

let servers: ServerHealth[];
let expiries: CertificateExpiry[];
let locks: ModalityLock[];
let lastSeen: { modality: string; ms: number }[];
let metrics: Metrics;
beforeEach(() => {
  servers = [];
  expiries = [];
  locks = [];
  lastSeen = [];
  metrics = new Metrics({
    servers: async () => servers,
    certificateExpiries: () => expiries,
    locks: () => locks,
    lastSeen: () => lastSeen,
  });
});

async function exposed(...events: AuditEvent[]): Promise<Exposition> {
  for (const event of events) metrics.record(event);
  return new Exposition(await metrics.exposition());
}

function accepted(connectionId: string): AuditEvent {
  return {
    event: 'association.accepted',
    outcome: 'allowed',
    connectionId,
    ...ct1,
  };
}

function aborted(connectionId: string): AuditEvent {
  return {
    event: 'association.aborted',
    outcome: 'failed',
    reason: 'idle-timeout',
    connectionId,
    ...ct1,
  };
}

describe('Metrics', () => {
  it('counts an association as active from its acceptance to its release or abort', async () => {
    const active = 'aegis_associations_active';
    const series = `${active}{direction="ingress",modality="ct1"}`;
    expect((await exposed(accepted('a'), accepted('b'))).series(active)).toEqual({ [series]: 2 });
    const released = { event: 'association.released', outcome: 'info', connectionId: 'a', ...ct1 } as const;
    expect((await exposed(released)).value(series)).toBe(1);
    expect((await exposed(aborted('b'))).value(series)).toBe(0);
  });

  it('does not count down for an association that was aborted before it was accepted', async () => {
    const exposition = await exposed(accepted('a'), aborted('b'));
    expect(exposition.series('aegis_associations_active')).toEqual({
      'aegis_associations_active{direction="ingress",modality="ct1"}': 1,
    });
  });

  it('shows each modality that is locked, and none that is no longer', async () => {
    const name = 'aegis_modality_locked';
    expect((await exposed()).series(name)).toEqual({});
    locks = [{ modality: 'ct1', reason: 'stolen', since: '2026-11-30T14:00:00.000Z' }];
    expect((await exposed()).series(name)).toEqual({ [`${name}{modality="ct1"}`]: 1 });
    locks = [];
    expect((await exposed()).series(name)).toEqual({});
  });

  it('shows when each modality was last seen, and nothing of those that never came', async () => {
    const name = 'aegis_modality_last_seen_seconds';
    expect((await exposed()).series(name)).toEqual({});
    lastSeen = [{ modality: 'ct1', ms: 1_796_000_000_999 }];
    expect((await exposed()).series(name)).toEqual({ [`${name}{modality="ct1"}`]: 1_796_000_000 });
    lastSeen = [];
    expect((await exposed()).series(name)).toEqual({});
  });

  it('counts associations by what became of them', async () => {
    const exposition = await exposed(
      accepted('a'),
      accepted('b'),
      { ...accepted('c'), outcome: 'would-deny', reason: 'called-ae-title-not-allowed' },
      aborted('b'),
      {
        event: 'association.rejected',
        outcome: 'denied',
        reason: 'calling-ae-title-unknown',
        direction: 'ingress',
        callingAeTitle: 'ANYBODY',
        sourceAddress: '10.9.8.7',
      },
    );
    const name = 'aegis_associations_total';
    expect(exposition.series(name)).toEqual({
      [`${name}{direction="ingress",modality="ct1",outcome="allowed",reason=""}`]: 2,
      [`${name}{direction="ingress",modality="ct1",outcome="failed",reason="idle-timeout"}`]: 1,
      [`${name}{direction="ingress",modality="ct1",outcome="would-deny",reason="called-ae-title-not-allowed"}`]: 1,
      [`${name}{direction="ingress",modality="",outcome="denied",reason="calling-ae-title-unknown"}`]: 1,
    });
  });

  it('counts commands, their bytes and how long they took', async () => {
    const stored = { event: 'command.completed', ...ct1, command: 'C-STORE', bytes: 1000 } as const;
    const exposition = await exposed(
      { ...stored, outcome: 'allowed', durationMs: 20 },
      { ...stored, outcome: 'would-deny', reason: 'sop-class-not-allowed', durationMs: 2000 },
      { ...stored, outcome: 'failed', reason: 'response-timeout', durationMs: 60_000, bytes: 5 },
      {
        event: 'command.refused',
        outcome: 'denied',
        reason: 'command-not-allowed',
        ...ct1,
        command: 'C-FIND',
        bytes: 77,
      },
    );
    const name = 'aegis_commands_total';
    expect(exposition.series(name)).toEqual({
      [`${name}{command="C-FIND",modality="ct1",outcome="denied",reason="command-not-allowed"}`]: 1,
      [`${name}{command="C-STORE",modality="ct1",outcome="allowed",reason=""}`]: 1,
      [`${name}{command="C-STORE",modality="ct1",outcome="failed",reason="response-timeout"}`]: 1,
      [`${name}{command="C-STORE",modality="ct1",outcome="would-deny",reason="sop-class-not-allowed"}`]: 1,
    });
    expect(exposition.series('aegis_relayed_bytes_total')).toEqual({
      'aegis_relayed_bytes_total{direction="ingress",modality="ct1"}': 2005,
    });
    const duration = 'aegis_command_duration_seconds';
    expect(exposition.typeByName.get(duration)).toBe('histogram');
    expect(exposition.value(`${duration}_count{command="C-STORE"}`)).toBe(2);
    expect(exposition.value(`${duration}_sum{command="C-STORE"}`)).toBeCloseTo(2.02);
    expect(exposition.value(`${duration}_bucket{command="C-STORE",le="0.025"}`)).toBe(1);
  });

  it('counts refused connections, and leaves out port checks', async () => {
    const refused = { event: 'connection.refused', listener: 'tls', direction: 'ingress' } as const;
    const exposition = await exposed(
      { ...refused, outcome: 'denied', reason: 'certificate-missing' },
      { ...refused, outcome: 'info', reason: 'tls-closed' },
    );
    expect(exposition.series('aegis_connections_refused_total')).toEqual({
      'aegis_connections_refused_total{listener="tls",reason="certificate-missing"}': 1,
    });
  });

  it('says whether the last reload was taken over', async () => {
    const name = 'aegis_configuration_last_reload_success';
    expect((await exposed()).value(name)).toBe(1);
    expect((await exposed({ event: 'configuration.rejected', outcome: 'failed' })).value(name)).toBe(0);
    expect((await exposed({ event: 'configuration.reloaded', outcome: 'info' })).value(name)).toBe(1);
  });

  it('looks servers and certificates up at each scrape, and forgets those that are gone', async () => {
    servers = [
      { upstream: 'ARCHIVE', server: '127.0.0.1:4242', isTls: false, isUp: true },
      { upstream: 'ARCHIVE', server: '127.0.0.1:4243', isTls: false, isUp: false },
    ];
    expiries = [{ kind: 'crl', name: 'tls', notAfter: new Date('2030-01-01T00:00:00Z') }];
    const before = await exposed();
    expect(before.series('aegis_upstream_up')).toEqual({
      'aegis_upstream_up{server="127.0.0.1:4242",upstream="ARCHIVE"}': 1,
      'aegis_upstream_up{server="127.0.0.1:4243",upstream="ARCHIVE"}': 0,
    });
    expect(before.series('aegis_certificate_not_after_seconds')).toEqual({
      'aegis_certificate_not_after_seconds{kind="crl",name="tls"}': 1893456000,
    });
    servers = [];
    expiries = [];
    const later = await exposed();
    expect(later.series('aegis_upstream_up')).toEqual({});
    expect(later.series('aegis_certificate_not_after_seconds')).toEqual({});
  });

  it('describes the process', async () => {
    expect((await exposed()).value('process_cpu_seconds_total')).toBeGreaterThan(0);
  });
});

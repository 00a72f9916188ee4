import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CertificateExpiry } from '../../../src/admin/certificateExpiries';
import { Metrics } from '../../../src/admin/metrics';
import type { SyslogStatus } from '../../../src/atna/runningExport';
import type { AuditEvent } from '../../../src/audit/events';
import { configurationSchema } from '../../../src/config/schema';
import type { ServerHealth } from '../../../src/gateway/upstreamHealth';
import type { ModalityLock } from '../../../src/policy/locks';
import { Exposition } from '../../support/exposition';
import { type ConfigurationInput, plainConfiguration } from '../../support/gateway';
import { temporaryFolder } from '../../support/processes';

const ct1 = { modality: 'ct1', direction: 'ingress', listener: 'tls', callingAeTitle: 'CT1' } as const;

let servers: ServerHealth[];
let expiries: CertificateExpiry[];
let locks: ModalityLock[];
let lastSeen: { modality: string; ms: number }[];
let silent: { modality: string }[];
let sinks: Record<string, boolean>;
let metrics: Metrics;
beforeEach(() => {
  servers = [];
  expiries = [];
  locks = [];
  lastSeen = [];
  silent = [];
  sinks = {};
  metrics = new Metrics({
    servers: async () => servers,
    certificateExpiries: () => expiries,
    locks: () => locks,
    lastSeen: () => lastSeen,
    silent: () => silent,
    auditSinks: () => sinks,
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

  it('shows each modality that is silent, and where audit lines can be written', async () => {
    silent = [{ modality: 'ct1' }];
    sinks = { stdout: true, file: false };
    const exposition = await exposed();
    expect(exposition.series('aegis_modality_silent')).toEqual({
      'aegis_modality_silent{modality="ct1"}': 1,
    });
    expect(exposition.series('aegis_audit_up')).toEqual({
      'aegis_audit_up{sink="file"}': 0,
      'aegis_audit_up{sink="stdout"}': 1,
    });
    silent = [];
    expect((await exposed()).series('aegis_modality_silent')).toEqual({});
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

  it('describes the process and the program', async () => {
    const exposition = await exposed();
    expect(exposition.value('process_cpu_seconds_total')).toBeGreaterThan(0);
    const [[series, value] = []] = Object.entries(exposition.series('aegis_build_info'));
    expect(series).toMatch(/^aegis_build_info\{node="v\d+\..*",version="\d+\..*"\}$/);
    expect(value).toBe(1);
  });

  it('counts what is missing in the audit log, and what becomes of alerts', async () => {
    const exposition = await exposed(
      { event: 'audit.resumed', outcome: 'failed', count: 7 },
      { event: 'syslog.lost', outcome: 'failed', count: 3 },
      { event: 'alert.sent', outcome: 'info', channel: 'mail', count: 2 },
      { event: 'alert.failed', outcome: 'failed', channel: 'mail' },
    );
    expect(exposition.value('aegis_audit_lines_dropped_total')).toBe(7);
    expect(exposition.value('aegis_syslog_messages_lost_total')).toBe(3);
    expect(exposition.value('aegis_alerts_sent_total{channel="mail"}')).toBe(2);
    expect(exposition.value('aegis_alert_deliveries_failed_total{channel="mail"}')).toBe(1);
  });
});

it('shows whether the syslog server is up where there is one', async () => {
  let syslog: SyslogStatus | undefined;
  const metrics = new Metrics({
    servers: async () => [],
    certificateExpiries: () => [],
    locks: () => [],
    syslog: () => syslog,
  });
  const shown = async () => new Exposition(await metrics.exposition()).series('aegis_syslog_up');
  expect(await shown()).toEqual({});
  syslog = { server: 'logs:6514', isUp: false, waiting: 1 };
  expect(await shown()).toEqual({ aegis_syslog_up: 0 });
  syslog = { ...syslog, isUp: true };
  expect(await shown()).toEqual({ aegis_syslog_up: 1 });
  syslog = undefined;
  expect(await shown()).toEqual({});
});

describe('Metrics of a gateway that starts again', () => {
  const stored: AuditEvent = {
    event: 'command.completed',
    outcome: 'allowed',
    ...ct1,
    calledAeTitle: 'archive ',
    command: 'C-STORE',
    bytes: 1000,
    durationMs: 700,
  };
  const name = 'aegis_commands_total{command="C-STORE",modality="ct1",outcome="allowed",reason=""}';
  let stateDirectory: string;
  let warnings: string[];
  beforeEach(() => {
    stateDirectory = temporaryFolder();
    warnings = [];
  });

  function start(changes: Partial<ConfigurationInput> = {}): Metrics {
    const configuration = configurationSchema.parse(
      plainConfiguration(104, {}, { stateDirectory, ...changes }),
    );
    const sources = { servers: async () => servers, certificateExpiries: () => expiries, locks: () => locks };
    return new Metrics(sources, { configuration, warn: (message) => warnings.push(message) });
  }

  it('goes on where it ended, and counts active associations and reloads again from the start', async () => {
    const first = start();
    first.record(accepted('a'));
    first.record(stored);
    first.record({ event: 'configuration.rejected', outcome: 'failed' });
    await first.close();

    const second = start();
    second.record(stored);
    const exposition = new Exposition(await second.exposition());
    expect(exposition.value(name)).toBe(2);
    expect(exposition.value('aegis_relayed_bytes_total{direction="ingress",modality="ct1"}')).toBe(2000);
    const duration = 'aegis_command_duration_seconds';
    expect(exposition.value(`${duration}_count{command="C-STORE"}`)).toBe(2);
    expect(exposition.value(`${duration}_sum{command="C-STORE"}`)).toBeCloseTo(1.4);
    expect(exposition.value(`${duration}_bucket{command="C-STORE",le="0.5"}`)).toBe(0);
    expect(exposition.value(`${duration}_bucket{command="C-STORE",le="1"}`)).toBe(2);
    expect(exposition.value(`${duration}_bucket{command="C-STORE",le="600"}`)).toBe(2);
    expect(exposition.series('aegis_associations_active')).toEqual({});
    expect(exposition.value('aegis_configuration_last_reload_success')).toBe(1);
    expect(warnings).toEqual([]);
  });

  it('has on the disk what a scrape has shown: no counter goes back after a crash', async () => {
    const crashed = start();
    crashed.record(stored);
    expect(new Exposition(await crashed.exposition()).value(name)).toBe(1);
    expect(new Exposition(await start().exposition()).value(name)).toBe(1);
  });

  it('forgets modalities that have no entry any more', async () => {
    const first = start();
    first.record(stored);
    first.record({ ...stored, modality: 'removed' });
    await first.close();
    const exposition = new Exposition(await start().exposition());
    expect(Object.keys(exposition.series('aegis_commands_total'))).toEqual([name]);
  });

  it.each(['{', '{"version":1,"metrics":{"aegis_commands_total":[[["ct1"],["x"]]]}}'])(
    'starts at 0 with a warning where the file is damaged: %s',
    async (text) => {
      writeFileSync(join(stateDirectory, 'metrics.json'), text);
      const metrics = start();
      expect(warnings).toEqual([expect.stringMatching(/metrics\.json is damaged: .*start at 0$/)]);
      expect(new Exposition(await metrics.exposition()).series('aegis_commands_total')).toEqual({});
    },
  );

  it('begins at 0 with series of another version', async () => {
    const first = start();
    first.record(stored);
    await first.close();
    const file = join(stateDirectory, 'metrics.json');
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    kept.metrics.aegis_commands_total[0][0].pop();
    kept.metrics.aegis_command_duration_seconds[0][1].pop();
    writeFileSync(file, JSON.stringify(kept));
    const exposition = new Exposition(await start().exposition());
    expect(exposition.series('aegis_commands_total')).toEqual({});
    expect(exposition.series('aegis_command_duration_seconds_count')).toEqual({});
    expect(warnings).toEqual([]);
  });

  it('answers, and warns once, where the disk does not take the counters', async () => {
    writeFileSync(join(stateDirectory, 'file'), '');
    const metrics = start({ stateDirectory: join(stateDirectory, 'file') });
    warnings = [];
    for (let scrapes = 1; scrapes <= 2; scrapes += 1) {
      metrics.record(stored);
      expect(new Exposition(await metrics.exposition()).value(name)).toBe(scrapes);
    }
    expect(warnings).toEqual([expect.stringMatching(/^the counters of the metrics are not kept/)]);
  });

  it('knows archives by their names in the configuration, whatever a modality calls', async () => {
    const metrics = start({
      upstreams: { ARCHIVE: { servers: '127.0.0.1:104' }, '*': { servers: '127.0.0.1:105' } },
    });
    metrics.record(stored);
    metrics.record({ ...stored, calledAeTitle: 'ANYTHING' });
    metrics.record({ ...stored, calledAeTitle: 'ELSE' });
    metrics.record({ ...stored, direction: 'egress', calledAeTitle: 'CT1' });
    const count = 'aegis_upstream_command_duration_seconds_count';
    expect(new Exposition(await metrics.exposition()).series(count)).toEqual({
      [`${count}{command="C-STORE",upstream="*"}`]: 2,
      [`${count}{command="C-STORE",upstream="ARCHIVE"}`]: 1,
    });
  });
});

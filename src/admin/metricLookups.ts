/**
 * The metrics that are looked up at each scrape instead of counted: servers, certificates, lists, locks, the audit log.
 * Counts nothing.
 */
import { Gauge, type Registry } from 'prom-client';
import type { SyslogStatus } from '../atna/runningExport';
import type { ServerHealth } from '../gateway/upstreamHealth';
import type { ModalityLock } from '../policy/locks';
import type { CertificateExpiry } from './certificateExpiries';
import type { RevocationListStatus, SharedStatus } from './statusReport';

/** What is looked up at each scrape instead of counted. */
export interface MetricSources {
  servers(): Promise<readonly ServerHealth[]>;
  certificateExpiries(): readonly CertificateExpiry[];
  revocationLists?(): readonly RevocationListStatus[];
  penalties?(): number;
  locks(): readonly ModalityLock[];
  /** Those that ever came. */
  lastSeen?(): readonly { readonly modality: string; readonly ms: number }[];
  /** Those that were not heard for longer than `expectEvery`. */
  silent?(): readonly { readonly modality: string }[];
  /** Undefined where nothing is shared. */
  shared?(): SharedStatus | undefined;
  /** Where audit lines go, and whether they can be written there. */
  auditSinks?(): Readonly<Record<string, boolean>>;
  syslog?(): SyslogStatus | undefined;
}

export function registerLookups(registry: Registry, sources: MetricSources): void {
  registerLists(registry, sources);
  registerAuditSinks(registry, sources);
  registerShared(registry, sources);
  new Gauge({
    name: 'aegis_upstream_up',
    help: '1 when the server is up: by its health check, or by the last association where there is none.',
    labelNames: ['upstream', 'server'],
    registers: [registry],
    async collect() {
      const servers = await sources.servers();
      // After a reload, servers may be gone.
      this.reset();
      for (const { upstream, server, isUp } of servers) this.set({ upstream, server }, isUp ? 1 : 0);
    },
  });
  new Gauge({
    name: 'aegis_penalties_active',
    help: 'Addresses and certificates that are in the penalty box.',
    registers: [registry],
    collect() {
      this.set(sources.penalties?.() ?? 0);
    },
  });
  new Gauge({
    name: 'aegis_modality_locked',
    help: '1 for each modality that an operator has locked.',
    labelNames: ['modality'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { modality } of sources.locks()) this.set({ modality }, 1);
    },
  });
  new Gauge({
    name: 'aegis_modality_last_seen_seconds',
    help: 'When the modality last did something, as Unix time. Modalities that never came are missing.',
    labelNames: ['modality'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { modality, ms } of sources.lastSeen?.() ?? [])
        this.set({ modality }, Math.floor(ms / 1000));
    },
  });
  new Gauge({
    name: 'aegis_modality_silent',
    help: '1 for each modality that was not heard for longer than its expectEvery.',
    labelNames: ['modality'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { modality } of sources.silent?.() ?? []) this.set({ modality }, 1);
    },
  });
  new Gauge({
    name: 'aegis_certificate_not_after_seconds',
    help: 'When the first certificate (or revocation list) of this kind ends, as Unix time.',
    labelNames: ['kind', 'name'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { kind, name, notAfter } of sources.certificateExpiries()) {
        this.set({ kind, name }, Math.floor(notAfter.getTime() / 1000));
      }
    },
  });
}

function registerAuditSinks(registry: Registry, sources: MetricSources): void {
  new Gauge({
    name: 'aegis_audit_up',
    help: '1 when audit lines can be written there (stdout, file), else 0.',
    labelNames: ['sink'],
    registers: [registry],
    collect() {
      for (const [sink, isUp] of Object.entries(sources.auditSinks?.() ?? {}))
        this.set({ sink }, isUp ? 1 : 0);
    },
  });
  new Gauge({
    name: 'aegis_syslog_up',
    help: '0 while the syslog server does not take audit messages, else 1. Missing where none is configured.',
    registers: [registry],
    collect() {
      const syslog = sources.syslog?.();
      // A gauge without labels shows 0 from the start.
      if (syslog === undefined) this.remove();
      else this.set(syslog.isUp ? 1 : 0);
    },
  });
}

function registerShared(registry: Registry, sources: MetricSources): void {
  new Gauge({
    name: 'aegis_shared_up',
    help: '1 when the Redis that gateways share answers, else 0. Missing where nothing is shared.',
    registers: [registry],
    collect() {
      const shared = sources.shared?.();
      if (shared === undefined) this.remove();
      else this.set(shared.isUp ? 1 : 0);
    },
  });
  new Gauge({
    name: 'aegis_shared_gateways',
    help: 'Gateways that share, this one among them; 0 while Redis is away.',
    registers: [registry],
    collect() {
      const shared = sources.shared?.();
      if (shared === undefined) this.remove();
      else this.set(shared.gateways ?? 0);
    },
  });
}

function registerLists(registry: Registry, sources: MetricSources): void {
  new Gauge({
    name: 'aegis_crl_up',
    help: '1 when the revocation list of the URL could be fetched and taken the last time, else 0.',
    labelNames: ['url'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { url, failure } of sources.revocationLists?.() ?? [])
        this.set({ url }, failure === undefined ? 1 : 0);
    },
  });
  new Gauge({
    name: 'aegis_crl_fetched_seconds',
    help: 'When the revocation list of the URL was last fetched, as Unix time; 0 where not since the start.',
    labelNames: ['url'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { url, fetchedAt } of sources.revocationLists?.() ?? []) {
        this.set({ url }, fetchedAt === undefined ? 0 : Math.floor(Date.parse(fetchedAt) / 1000));
      }
    },
  });
}

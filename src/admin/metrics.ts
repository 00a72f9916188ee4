/**
 * The metrics of `/metrics`. They are counted from audit events alone, so they cannot disagree with the audit log. The
 * events of all workers come to the primary, so the metrics are those of the whole gateway. Labels are names of the
 * configuration and codes of closed lists: nothing that a peer says makes a new series. Knows no HTTP.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { ServerHealth } from '../gateway/upstreamHealth';
import type { ModalityLock } from '../policy/locks';
import type { CertificateExpiry } from './certificateExpiries';
import type { RevocationListStatus } from './statusReport';

/** What is looked up at each scrape instead of counted. */
export interface MetricSources {
  servers(): Promise<readonly ServerHealth[]>;
  certificateExpiries(): readonly CertificateExpiry[];
  revocationLists?(): readonly RevocationListStatus[];
  penalties?(): number;
  locks(): readonly ModalityLock[];
  /** Those that ever came. */
  lastSeen?(): readonly { readonly modality: string; readonly ms: number }[];
}

/** From an echo on the same machine (some ms) to a C-MOVE of a whole study (minutes). */
const DURATION_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

interface AssociationLabels {
  readonly modality: string;
  readonly direction: string;
}

export class Metrics implements AuditSink {
  readonly #registry = new Registry();
  /**
   * An association can be aborted before it is accepted, so only those in here leave the gauge. At most
   * `limits.maxAssociations` entries.
   */
  readonly #activeByConnectionId = new Map<string, AssociationLabels>();
  readonly #associationsActive = new Gauge({
    name: 'aegis_associations_active',
    help: 'Associations that are open.',
    labelNames: ['modality', 'direction'],
    registers: [this.#registry],
  });
  readonly #associations = new Counter({
    name: 'aegis_associations_total',
    help: 'Associations that were accepted, rejected or aborted.',
    labelNames: ['modality', 'direction', 'outcome', 'reason'],
    registers: [this.#registry],
  });
  readonly #commands = new Counter({
    name: 'aegis_commands_total',
    help: 'DIMSE commands that were completed or refused.',
    labelNames: ['modality', 'command', 'outcome', 'reason'],
    registers: [this.#registry],
  });
  readonly #relayedBytes = new Counter({
    name: 'aegis_relayed_bytes_total',
    help: 'Data set bytes of completed commands, requests and responses together.',
    labelNames: ['modality', 'direction'],
    registers: [this.#registry],
  });
  readonly #connectionsRefused = new Counter({
    name: 'aegis_connections_refused_total',
    help: 'Connections that were refused before there was an association request.',
    labelNames: ['listener', 'reason'],
    registers: [this.#registry],
  });
  readonly #healthChecks = new Counter({
    name: 'aegis_health_checks_total',
    help: 'Connections that were closed before a byte came, as load balancers do to see whether a port is open.',
    labelNames: ['listener'],
    registers: [this.#registry],
  });
  readonly #commandDuration = new Histogram({
    name: 'aegis_command_duration_seconds',
    help: 'Time from a relayed request to its final response.',
    labelNames: ['command'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [this.#registry],
  });
  readonly #lastReloadSuccess = new Gauge({
    name: 'aegis_configuration_last_reload_success',
    help: '1 after a reload that was accepted, or none; 0 after one that was rejected.',
    registers: [this.#registry],
  });

  constructor(sources: MetricSources) {
    this.#lastReloadSuccess.set(1);
    registerLookups(this.#registry, sources);
    registerLists(this.#registry, sources);
    // Of this process: with workers, the primary.
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Content type of `exposition()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Every metric in the text format of Prometheus. */
  async exposition(): Promise<string> {
    return await this.#registry.metrics();
  }

  record(event: AuditEvent): void {
    switch (event.event) {
      case 'connection.refused':
        // A peer that only closed was not refused, and one that said nothing before was a port check.
        if (event.outcome === 'debug') this.#healthChecks.inc(listener(event));
        else if (event.outcome !== 'info') {
          this.#connectionsRefused.inc({ ...listener(event), ...reason(event) });
        }
        break;
      case 'association.accepted':
        this.#countAssociation(event);
        this.#opened(event);
        break;
      case 'association.rejected':
        this.#countAssociation(event);
        break;
      case 'association.aborted':
        this.#countAssociation(event);
        this.#closed(event);
        break;
      case 'association.released':
        this.#closed(event);
        break;
      case 'command.completed':
        this.#countCommand(event);
        this.#relayedBytes.inc(associationLabels(event), event.bytes ?? 0);
        // Where no response came (`failed`), the time says how long we waited, not how long the command took.
        if (event.outcome !== 'failed') {
          this.#commandDuration.observe(command(event), (event.durationMs ?? 0) / 1000);
        }
        break;
      case 'command.refused':
        this.#countCommand(event);
        break;
      case 'configuration.reloaded':
        this.#lastReloadSuccess.set(1);
        break;
      case 'configuration.rejected':
        this.#lastReloadSuccess.set(0);
    }
  }

  #opened(event: AuditEvent): void {
    if (event.connectionId === undefined) return;
    const labels = associationLabels(event);
    this.#activeByConnectionId.set(event.connectionId, labels);
    this.#associationsActive.inc({ ...labels });
  }

  #closed({ connectionId = '' }: AuditEvent): void {
    const labels = this.#activeByConnectionId.get(connectionId);
    if (labels === undefined) return;
    this.#activeByConnectionId.delete(connectionId);
    this.#associationsActive.dec({ ...labels });
  }

  #countAssociation(event: AuditEvent): void {
    const { outcome } = event;
    this.#associations.inc({ ...associationLabels(event), outcome, ...reason(event) });
  }

  #countCommand(event: AuditEvent): void {
    const { modality = '', outcome } = event;
    this.#commands.inc({ modality, ...command(event), outcome, ...reason(event) });
  }
}

function registerLookups(registry: Registry, sources: MetricSources): void {
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

/** What is not known is an empty label. Prometheus takes it for none. */
function associationLabels({ modality = '', direction }: AuditEvent): AssociationLabels {
  return { modality, direction: direction ?? '' };
}

function listener({ listener = '' }: AuditEvent) {
  return { listener };
}

function command({ command = '' }: AuditEvent) {
  return { command };
}

function reason(event: AuditEvent) {
  return { reason: event.reason ?? '' };
}

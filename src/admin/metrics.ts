/**
 * The metrics of `/metrics`. They are counted from audit events alone, so they cannot disagree with the audit log. The
 * events of all workers come to the primary, so the metrics are those of the whole gateway. Labels are names of the
 * configuration and codes of closed lists: nothing that a peer says makes a new series. Counters survive a restart
 * (metricsFile.ts). Knows no HTTP.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { version } from '../../package.json';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { LaterWriter } from '../files/laterWriter';
import { aeTitleKey, EVERY_AE_TITLE } from '../text/aeTitle';
import { type MetricSources, registerLookups } from './metricLookups';
import { type KeptMetric, restoreMetrics, writeMetricsFile } from './metricsFile';

/** From an echo on the same machine (some ms) to a C-MOVE of a whole study (minutes). */
const DURATION_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/** Counters that no scrape has shown are written after this time. A crash loses so much of them. */
const WRITE_DELAY_MS = 10_000;
/** A scrape waits no longer for the disk: Prometheus gives up after 10 s. */
const MAX_WRITE_WAIT_MS = 2000;

/** Of prom-client: gauges whose names end as those of counters do, which `promtool check metrics` refuses. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Where counters are kept, and which names of the configuration labels may have. */
export interface MetricsOptions {
  readonly configuration: Configuration;
  /** Words for the operator: the file of the counters cannot be read or written. */
  warn(message: string): void;
}

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
  readonly #linesDropped = new Counter({
    name: 'aegis_audit_lines_dropped_total',
    help: 'Lines that could not be written to the audit log, counted when it can be written again.',
    registers: [this.#registry],
  });
  readonly #syslogLost = new Counter({
    name: 'aegis_syslog_messages_lost_total',
    help: 'Audit messages that were dropped because the syslog server was away for too long.',
    registers: [this.#registry],
  });
  readonly #alertsSent = new Counter({
    name: 'aegis_alerts_sent_total',
    help: 'Alerts that a channel has taken.',
    labelNames: ['channel'],
    registers: [this.#registry],
  });
  readonly #alertsFailed = new Counter({
    name: 'aegis_alert_deliveries_failed_total',
    help: 'Attempts to deliver alerts that failed; alerts wait and are sent again.',
    labelNames: ['channel'],
    registers: [this.#registry],
  });
  readonly #syslogUp = new Gauge({
    name: 'aegis_syslog_up',
    help: '0 while the syslog server does not take audit messages.',
    registers: [this.#registry],
  });
  readonly #modalitySilent = new Gauge({
    name: 'aegis_modality_silent',
    help: '1 for each modality that was not heard for longer than its expectEvery.',
    labelNames: ['modality'],
    registers: [this.#registry],
  });
  readonly #commandDuration = new Histogram({
    name: 'aegis_command_duration_seconds',
    help: 'Time from a relayed request to its final response.',
    labelNames: ['command'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [this.#registry],
  });
  /** One of its own: a second label on the one above would change what its users add up. */
  readonly #upstreamDuration = new Histogram({
    name: 'aegis_upstream_command_duration_seconds',
    help: 'The same by archive, of what modalities sent.',
    labelNames: ['upstream', 'command'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [this.#registry],
  });
  readonly #lastReloadSuccess = new Gauge({
    name: 'aegis_configuration_last_reload_success',
    help: '1 after a reload that was accepted, or none; 0 after one that was rejected.',
    registers: [this.#registry],
  });

  /** What survives a restart. */
  readonly #kept: readonly KeptMetric[] = [
    this.#associations,
    this.#commands,
    this.#relayedBytes,
    this.#connectionsRefused,
    this.#healthChecks,
    this.#linesDropped,
    this.#syslogLost,
    this.#alertsSent,
    this.#alertsFailed,
    this.#modalitySilent,
    this.#commandDuration,
    this.#upstreamDuration,
  ];
  readonly #file: LaterWriter | undefined;
  #configuration: Configuration | undefined;
  #upstreamByTitle: ReadonlyMap<string | undefined, string> = new Map();

  /** Without options, nothing is kept. */
  constructor(sources: MetricSources, options?: MetricsOptions) {
    this.#lastReloadSuccess.set(1);
    this.#syslogUp.set(1);
    registerLookups(this.#registry, sources);
    registerBuild(this.#registry);
    // Of this process: with workers, the primary.
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
    if (options === undefined) return;
    const { configuration, warn } = options;
    const { stateDirectory } = configuration;
    this.#file = new LaterWriter({
      delayMs: WRITE_DELAY_MS,
      write: () => writeMetricsFile(stateDirectory, this.#kept),
      failed: (message) => warn(`the counters of the metrics are not kept for the next start: ${message}`),
    });
    restoreMetrics(stateDirectory, this.#kept, (name) => Object.hasOwn(configuration.modalities, name), warn);
    this.replace(configuration);
  }

  /** A new configuration counts from now on. */
  replace(configuration: Configuration): void {
    this.#configuration = configuration;
    const { upstreams, strictAeTitles } = configuration;
    this.#upstreamByTitle = new Map(
      Object.keys(upstreams).map((title) => [aeTitleKey(title, strictAeTitles), title]),
    );
  }

  /** Content type of `exposition()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /**
   * Every metric in the text format of Prometheus. What it shows is on the disk before: a counter that went back after a
   * crash would be taken for one that began at 0, and everything in it would count again.
   */
  async exposition(): Promise<string> {
    const text = await this.#registry.metrics();
    if (this.#file !== undefined) {
      // It goes on afterwards: what has changed so far is written.
      await Promise.race([this.#file.close(), delay(MAX_WRITE_WAIT_MS, undefined, { ref: false })]);
    }
    return text;
  }

  /** Resolves when the counters are on the disk, or could not be written. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  record(event: AuditEvent): void {
    this.#file?.changed();
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
          this.#observe(event, (event.durationMs ?? 0) / 1000);
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
        break;
      case 'audit.resumed':
        this.#linesDropped.inc(event.count ?? 0);
        break;
      case 'syslog.up':
      case 'syslog.down':
        this.#syslogUp.set(event.event === 'syslog.up' ? 1 : 0);
        break;
      case 'syslog.lost':
        this.#syslogLost.inc(event.count ?? 0);
        break;
      case 'alert.sent':
        this.#alertsSent.inc(channel(event), event.count ?? 1);
        break;
      case 'alert.failed':
        this.#alertsFailed.inc(channel(event));
        break;
      case 'modality.silent':
        this.#modalitySilent.set({ modality: event.modality ?? '' }, 1);
        break;
      case 'modality.heard':
        this.#modalitySilent.remove({ modality: event.modality ?? '' });
    }
  }

  #observe(event: AuditEvent, seconds: number): void {
    this.#commandDuration.observe(command(event), seconds);
    if (event.direction !== 'ingress' || this.#configuration === undefined) return;
    const { calledAeTitle = '' } = event;
    const key = aeTitleKey(calledAeTitle, this.#configuration.strictAeTitles);
    const upstream = this.#upstreamByTitle.get(key) ?? this.#upstreamByTitle.get(EVERY_AE_TITLE) ?? '';
    this.#upstreamDuration.observe({ upstream, ...command(event) }, seconds);
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

/** What is not known is an empty label. Prometheus takes it for none. */
function associationLabels({ modality = '', direction }: AuditEvent): AssociationLabels {
  return { modality, direction: direction ?? '' };
}

function registerBuild(registry: Registry): void {
  new Gauge({
    name: 'aegis_build_info',
    help: 'Always 1: the version of Aegis, and of Node.js.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.version }, 1);
}

function channel({ channel = '' }: AuditEvent) {
  return { channel };
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

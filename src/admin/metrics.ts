/**
 * The metrics of `/metrics`. They are counted from audit events alone, so they cannot disagree with the audit log. The
 * events of all workers come to the primary, so the metrics are those of the whole gateway. Labels are names of the
 * configuration and codes of closed lists: nothing that a peer says makes a new series. Counters survive a restart
 * (metricsFile.ts). Knows no HTTP.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { version } from '../../package.json';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { DelayedWrite } from '../files/delayedWrite';
import { aeTitleKey, EVERY_AE_TITLE } from '../text/aeTitle';
import { keptMetrics, presentMetrics } from './countedMetrics';
import { type MetricSources, registerLookups } from './metricLookups';
import { restoreMetrics, writeMetricsFile } from './metricsFile';

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
  readonly #kept = keptMetrics(this.#registry);
  readonly #present = presentMetrics(this.#registry);
  /**
   * An association can be aborted before it is accepted, so only those in here leave the gauge. At most
   * `limits.maxAssociations` entries.
   */
  readonly #activeByConnectionId = new Map<string, AssociationLabels>();

  readonly #file: DelayedWrite | undefined;
  #configuration: Configuration | undefined;
  #upstreamByTitle: ReadonlyMap<string | undefined, string> = new Map();

  /** Without options, nothing is kept. */
  constructor(sources: MetricSources, options?: MetricsOptions) {
    this.#present.lastReloadSuccess.set(1);
    registerLookups(this.#registry, sources);
    registerBuild(this.#registry);
    // Of this process: with workers, the primary.
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
    if (options === undefined) return;
    const { configuration, warn } = options;
    const { stateDirectory } = configuration;
    this.#file = new DelayedWrite({
      delayMs: WRITE_DELAY_MS,
      write: () => writeMetricsFile(stateDirectory, Object.values(this.#kept)),
      failed: (message) => warn(`the counters of the metrics are not kept for the next start: ${message}`),
    });
    restoreMetrics(
      stateDirectory,
      Object.values(this.#kept),
      (name) => Object.hasOwn(configuration.modalities, name),
      warn,
    );
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
      await Promise.race([this.#file.flush(), delay(MAX_WRITE_WAIT_MS, undefined, { ref: false })]);
    }
    return text;
  }

  /** Resolves when the counters are on the disk, or could not be written. */
  async close(): Promise<void> {
    await this.#file?.flush();
  }

  record(event: AuditEvent): void {
    this.#file?.changed();
    switch (event.event) {
      case 'connection.refused':
        // A peer that only closed was not refused, and one that said nothing before was a port check.
        if (event.outcome === 'debug') this.#kept.healthChecks.inc(listener(event));
        else if (event.outcome !== 'info') {
          this.#kept.connectionsRefused.inc({ ...listener(event), ...reason(event) });
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
        this.#kept.relayedBytes.inc(associationLabels(event), event.bytes ?? 0);
        // Where no response came (`failed`), the time says how long we waited, not how long the command took.
        if (event.outcome !== 'failed') {
          this.#observe(event, (event.durationMs ?? 0) / 1000);
        }
        break;
      case 'command.refused':
        this.#countCommand(event);
        break;
      case 'configuration.reloaded':
        this.#present.lastReloadSuccess.set(1);
        break;
      case 'configuration.rejected':
        this.#present.lastReloadSuccess.set(0);
        break;
      case 'audit.resumed':
        this.#kept.linesDropped.inc(event.count ?? 0);
        break;
      case 'syslog.lost':
        this.#kept.syslogLost.inc(event.count ?? 0);
        break;
      case 'alert.sent':
        this.#kept.alertsSent.inc(channel(event), event.count ?? 1);
        break;
      case 'alert.failed':
        this.#kept.alertsFailed.inc(channel(event));
    }
  }

  #observe(event: AuditEvent, seconds: number): void {
    this.#kept.commandDuration.observe(command(event), seconds);
    if (event.direction !== 'ingress' || this.#configuration === undefined) return;
    const { calledAeTitle = '' } = event;
    const key = aeTitleKey(calledAeTitle, this.#configuration.strictAeTitles);
    const upstream = this.#upstreamByTitle.get(key) ?? this.#upstreamByTitle.get(EVERY_AE_TITLE) ?? '';
    this.#kept.upstreamDuration.observe({ upstream, ...command(event) }, seconds);
  }

  #opened(event: AuditEvent): void {
    if (event.connectionId === undefined) return;
    const labels = associationLabels(event);
    this.#activeByConnectionId.set(event.connectionId, labels);
    this.#present.associationsActive.inc({ ...labels });
  }

  #closed({ connectionId = '' }: AuditEvent): void {
    const labels = this.#activeByConnectionId.get(connectionId);
    if (labels === undefined) return;
    this.#activeByConnectionId.delete(connectionId);
    this.#present.associationsActive.dec({ ...labels });
  }

  #countAssociation(event: AuditEvent): void {
    const { outcome } = event;
    this.#kept.associations.inc({ ...associationLabels(event), outcome, ...reason(event) });
  }

  #countCommand(event: AuditEvent): void {
    const { modality = '', outcome } = event;
    this.#kept.commands.inc({ modality, ...command(event), outcome, ...reason(event) });
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

/**
 * The metrics that are counted from audit events: their names, labels and words. What is counted when, and what is looked
 * up instead, is not known here.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** From an echo on the same machine (some ms) to a C-MOVE of a whole study (minutes). */
const DURATION_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/** Those that survive a restart. */
export function keptMetrics(registry: Registry) {
  const registers = [registry];
  return {
    associations: new Counter({
      name: 'aegis_associations_total',
      help: 'Associations that were accepted, rejected or aborted.',
      labelNames: ['modality', 'direction', 'outcome', 'reason'],
      registers,
    }),
    commands: new Counter({
      name: 'aegis_commands_total',
      help: 'DIMSE commands that were completed or refused.',
      labelNames: ['modality', 'command', 'outcome', 'reason'],
      registers,
    }),
    relayedBytes: new Counter({
      name: 'aegis_relayed_bytes_total',
      help: 'Data set bytes of completed commands, requests and responses together.',
      labelNames: ['modality', 'direction'],
      registers,
    }),
    connectionsRefused: new Counter({
      name: 'aegis_connections_refused_total',
      help: 'Connections that were refused before there was an association request.',
      labelNames: ['listener', 'reason'],
      registers,
    }),
    healthChecks: new Counter({
      name: 'aegis_health_checks_total',
      help: 'Connections that were closed before a byte came, as load balancers do to see whether a port is open.',
      labelNames: ['listener'],
      registers,
    }),
    linesDropped: new Counter({
      name: 'aegis_audit_lines_dropped_total',
      help: 'Lines that could not be written to the audit log, counted when it can be written again.',
      registers,
    }),
    syslogLost: new Counter({
      name: 'aegis_syslog_messages_lost_total',
      help: 'Audit messages that never reach the syslog server: the spool or the disk was full, or they were too long for UDP.',
      registers,
    }),
    alertsSent: new Counter({
      name: 'aegis_alerts_sent_total',
      help: 'Alerts that a channel has taken.',
      labelNames: ['channel'],
      registers,
    }),
    alertsFailed: new Counter({
      name: 'aegis_alert_deliveries_failed_total',
      help: 'Attempts to deliver alerts that failed; alerts wait and are sent again.',
      labelNames: ['channel'],
      registers,
    }),
    commandDuration: new Histogram({
      name: 'aegis_command_duration_seconds',
      help: 'Time from a relayed request to its final response.',
      labelNames: ['command'],
      buckets: DURATION_BUCKETS_SECONDS,
      registers,
    }),
    /** One of its own: a second label on the one above would change what its users add up. */
    upstreamDuration: new Histogram({
      name: 'aegis_upstream_command_duration_seconds',
      help: 'The same by archive, of what modalities sent.',
      labelNames: ['upstream', 'command'],
      buckets: DURATION_BUCKETS_SECONDS,
      registers,
    }),
  };
}

/** Those that show the present. */
export function presentMetrics(registry: Registry) {
  const registers = [registry];
  return {
    associationsActive: new Gauge({
      name: 'aegis_associations_active',
      help: 'Associations that are open.',
      labelNames: ['modality', 'direction'],
      registers,
    }),
    lastReloadSuccess: new Gauge({
      name: 'aegis_configuration_last_reload_success',
      help: '1 after a reload that was accepted, or none; 0 after one that was rejected.',
      registers,
    }),
  };
}

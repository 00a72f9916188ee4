/**
 * Alerts of a running gateway: learns from audit events and from the pending callers, decides what a person should know,
 * and gives it to the channels of the configuration. A reload changes the channels; what waits in those that stay goes on
 * waiting. Without `alerts` in the configuration, it does nothing.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import {
  channelName,
  hostOf,
  MAIL_CHANNEL,
  needsTls,
  readChannelTrust,
  readMailPassword,
  readWebhookSecret,
} from '../config/alertChannels';
import type { Configuration } from '../config/schema';
import { type AlertsConfiguration, alertEvents } from '../config/schemaAlerts';
import { DAY_MS } from '../text/moments';
import { type Alert, alertOf, auditAlert, burstAlert, pendingAlert } from './alert';
import { AlertChannel, type ChannelSettings } from './channel';
import { DenialBursts } from './denialBursts';
import type { AlertMessage } from './message';
import type { Stepped } from './webhook';

const LOOK_AT_SINKS_MS = 10_000;

/** What delivers to one receiver. */
export interface Delivery {
  readonly name: string;
  /** For a person: `webhook alerts.example`, `mail to a@b`. */
  readonly title: string;
  readonly events: AlertsConfiguration['webhooks'][number]['events'];
  deliver(message: AlertMessage, stepped?: Stepped): Promise<void>;
}

/** Reads every file that the channels need. Throws OperatorError. */
export function deliveriesOf({ webhooks, mail }: AlertsConfiguration): Delivery[] {
  const ofWebhooks = webhooks.map((webhook): Delivery => {
    const { url, events } = webhook;
    const target = { url, secret: readWebhookSecret(webhook), trusted: readChannelTrust(webhook) };
    const name = channelName(webhook);
    return {
      name,
      title: `webhook ${name}, ${target.secret === undefined ? 'not signed' : 'signed'}`,
      events,
      deliver: async (...message) => (await import('./webhook')).postAlerts(target, ...message),
    };
  });
  if (mail === undefined) return ofWebhooks;
  const { server, user, from, to, events } = mail;
  const target = {
    ...{ server, user, from, to, host: hostOf(server), needsTls: needsTls(mail) },
    password: readMailPassword(mail),
    trusted: readChannelTrust(mail),
  };
  return [
    ...ofWebhooks,
    {
      name: MAIL_CHANNEL,
      title: `mail to ${to.join(', ')}`,
      events,
      deliver: async (...message) => (await import('./mail')).mailAlerts(target, ...message),
    },
  ];
}

export class Alerts implements AuditSink {
  readonly #record: (event: AuditEvent) => void;
  readonly #bursts = new DenialBursts();
  /** Servers that an alert said are down: only these are worth one when they are up again. */
  readonly #down = new Set<string>();
  #configuration: AlertsConfiguration | undefined;
  #channels: readonly AlertChannel[] = [];
  #sinkTimer: NodeJS.Timeout | undefined;

  /** `record` gets what becomes of alerts. Throws OperatorError where a file cannot be read. */
  constructor(record: (event: AuditEvent) => void, configuration: Configuration) {
    this.#record = record;
    this.prepareReload(configuration)();
  }

  /** Whether anybody is to be alerted. */
  get isOn(): boolean {
    return this.#channels.length > 0;
  }

  record(event: AuditEvent): void {
    if (this.#configuration === undefined) return;
    const { denialBurst } = this.#configuration;
    const whose = this.#bursts.record(event, denialBurst, Date.now());
    if (whose !== undefined) this.#raise(burstAlert(event, whose, denialBurst.count, denialBurst.seconds));
    const alert = alertOf(event);
    if (alert !== undefined && this.#isWorthIt(event)) this.#raise(alert);
  }

  /** A caller that was not pending before. */
  pending(event: AuditEvent): void {
    this.#raise(pendingAlert(event));
  }

  /** An audit log that cannot be written has no event before it can be again, so it is looked at now and then. */
  watchSinks(sinks: () => Readonly<Record<string, boolean>>, everyMs = LOOK_AT_SINKS_MS): void {
    let known: Readonly<Record<string, boolean>> = {};
    this.#sinkTimer = setInterval(() => {
      if (!this.isOn) return;
      const now = sinks();
      for (const [sink, isUp] of Object.entries(now))
        if (!isUp && known[sink] !== false) this.#raise(auditAlert(sink));
      known = now;
    }, everyMs).unref();
  }

  /** Reads what a new configuration names. The result takes it over when it is called. Throws OperatorError. */
  prepareReload({ alerts }: Configuration): () => void {
    // Revocation lists that are taken over must not wait for the file of a secret.
    if (alerts !== undefined && alerts === this.#configuration) return () => {};
    const deliveries = alerts === undefined ? [] : deliveriesOf(alerts);
    return () => {
      const before = new Map(this.#channels.map((channel) => [channel.name, channel]));
      this.#configuration = alerts;
      this.#channels = deliveries.map((delivery) => {
        const settings = settingsOf(delivery, alerts!);
        const known = before.get(delivery.name);
        before.delete(delivery.name);
        if (known === undefined) {
          return new AlertChannel(delivery.name, settings, this.#record);
        }
        known.settings = settings;
        return known;
      });
      for (const channel of before.values()) channel.drop();
    };
  }

  /** Resolves when what waits is sent, or could not be. */
  async close(): Promise<void> {
    clearInterval(this.#sinkTimer);
    await Promise.all(this.#channels.map((channel) => channel.close()));
  }

  #raise(alert: Alert): void {
    for (const channel of this.#channels) channel.add(alert);
  }

  #isWorthIt({ event, calledAeTitle, upstream, notAfter }: AuditEvent): boolean {
    const server = `${calledAeTitle} ${upstream}`;
    if (event === 'upstream.down') this.#down.add(server);
    if (event === 'upstream.up') return this.#down.delete(server);
    if (notAfter === undefined) return true;
    const days = (Date.parse(notAfter) - Date.now()) / DAY_MS;
    return days <= (this.#configuration?.certificateDays ?? 0);
  }
}

function settingsOf(
  { events, deliver }: Delivery,
  { groupSeconds, maxPerHour }: AlertsConfiguration,
): ChannelSettings {
  return { events: new Set(events ?? alertEvents), groupMs: groupSeconds * 1000, maxPerHour, deliver };
}

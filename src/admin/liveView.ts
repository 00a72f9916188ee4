/**
 * Follows by audit events what goes on right now: open associations, totals since the start, the last denials, the last
 * reload. Knows no configuration, no upstreams and no HTTP.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import type { AssociationProgress } from '../gateway/associationProgress';
import { type ReasonCode, reasons } from '../policy/reasons';
import { describeRefused, isCertificateReason } from '../policy/refusedCertificates';
import { AssociationViews } from './associationViews';
import type { Denial, ReloadStatus, StatusReport, Totals } from './statusReport';

/** A screen or two. The audit log has them all. */
const MAX_DENIALS = 50;

/** A refusal as it was recorded, for those who make a report of it. */
export interface Denied {
  readonly event: AuditEvent & { readonly outcome: Denial['outcome']; readonly reason: ReasonCode };
  readonly time: Date;
}

type Counted<T> = { -readonly [K in keyof T]: T[K] };

export class LiveView implements AuditSink {
  readonly #now: () => Date;
  readonly associations: AssociationViews;
  readonly #totals: Counted<Totals> = {
    connectionsRefused: 0,
    associationsAccepted: 0,
    associationsRejected: 0,
    associationsAborted: 0,
    commandsCompleted: 0,
    commandsRefused: 0,
    relayedBytes: 0,
  };
  /** The newest last. */
  readonly #denied: Denied[] = [];
  #lastReload: ReloadStatus | undefined;

  constructor(now = () => new Date()) {
    this.#now = now;
    this.associations = new AssociationViews(now);
  }

  /** The last ones, the newest first. */
  get denied(): readonly Denied[] {
    return [...this.#denied].reverse();
  }

  get totals(): Totals {
    return { ...this.#totals };
  }

  get lastReload(): ReloadStatus | undefined {
    return this.#lastReload;
  }

  /** `progress` is what is under way now: no audit event says so yet. */
  report(
    progress: readonly AssociationProgress[] = [],
  ): Pick<StatusReport, 'associations' | 'totals' | 'denials' | 'lastReload'> {
    return {
      associations: this.associations.open(progress),
      totals: this.totals,
      denials: this.denied.map(denialOf),
      ...(this.#lastReload === undefined ? {} : { lastReload: this.#lastReload }),
    };
  }

  record(event: AuditEvent): void {
    this.associations.record(event);
    this.#count(event);
    if (!isDenial(event)) return;
    if (this.#denied.length >= MAX_DENIALS) this.#denied.shift();
    this.#denied.push({ event, time: this.#now() });
  }

  #count(event: AuditEvent): void {
    const totals = this.#totals;
    switch (event.event) {
      case 'connection.refused':
        // A port check by a load balancer is an event, but nothing was refused.
        if (event.outcome === 'denied') totals.connectionsRefused += 1;
        break;
      case 'association.accepted':
        totals.associationsAccepted += 1;
        break;
      case 'association.rejected':
        totals.associationsRejected += 1;
        break;
      case 'association.aborted':
        totals.associationsAborted += 1;
        break;
      case 'command.completed':
        totals.commandsCompleted += 1;
        totals.relayedBytes += event.bytes ?? 0;
        break;
      case 'command.refused':
        totals.commandsRefused += 1;
        break;
      case 'configuration.reloaded':
      case 'configuration.rejected':
        this.#lastReload = {
          time: this.#now().toISOString(),
          isOk: event.event === 'configuration.reloaded',
          ...(event.detail === undefined ? {} : { detail: event.detail }),
        };
    }
  }
}

export function isDenial(event: AuditEvent): event is Denied['event'] {
  const { outcome, reason } = event;
  return reason !== undefined && (outcome === 'denied' || outcome === 'would-deny');
}

const DENIAL_KEYS = [
  'detail',
  'modality',
  'listener',
  'sourceAddress',
  'callingAeTitle',
  'calledAeTitle',
  'command',
  'sopClass',
  'moveDestination',
] as const satisfies readonly (keyof AuditEvent)[];

export function denialOf({ event, time }: Denied): Denial {
  const { outcome, reason } = event;
  const facts = DENIAL_KEYS.flatMap((key) => (event[key] === undefined ? [] : [[key, event[key]]]));
  const certificate = isCertificateReason(reason) ? describeRefused(event.tls) : undefined;
  return {
    time: time.toISOString(),
    outcome,
    event: event.event,
    reason,
    text: reasons[reason].text,
    ...(certificate === undefined ? {} : { certificate }),
    ...(isCertificateReason(reason) ? { remedy: reasons[reason].remedy } : {}),
    ...(Object.fromEntries(facts) as Partial<Denial>),
  };
}

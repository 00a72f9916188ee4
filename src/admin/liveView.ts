/**
 * Follows by audit events what goes on right now: open associations, totals since the start, the last denials, the last
 * reload. Knows no configuration, no upstreams and no HTTP.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import type { AssociationProgress } from '../gateway/relay';
import type { TlsFacts } from '../net/inboundConnection';
import { type ReasonCode, reasons } from '../policy/reasons';
import { describeRefused, isCertificateReason } from '../policy/refusedCertificates';
import type { AssociationStatus, Denial, ReloadStatus, StatusReport, TlsOfWay, Totals } from './statusReport';

/** A screen or two. The audit log has them all. */
const MAX_DENIALS = 50;

type Counted<T> = { -readonly [K in keyof T]: T[K] };

export class LiveView implements AuditSink {
  readonly #now: () => Date;
  /** At most `limits.maxAssociations` entries. */
  readonly #associationById = new Map<string, Counted<AssociationStatus>>();
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
  readonly #denials: Denial[] = [];
  #lastReload: ReloadStatus | undefined;

  constructor(now = () => new Date()) {
    this.#now = now;
  }

  /** `progress` is what is under way now: no audit event says so yet. */
  report(
    progress: readonly AssociationProgress[] = [],
  ): Pick<StatusReport, 'associations' | 'totals' | 'denials' | 'lastReload'> {
    const progressById = new Map(progress.map((each) => [each.connectionId, each]));
    return {
      associations: [...this.#associationById.values()].map((association) =>
        withProgress(association, progressById.get(association.connectionId)),
      ),
      totals: { ...this.#totals },
      denials: [...this.#denials].reverse(),
      ...(this.#lastReload === undefined ? {} : { lastReload: this.#lastReload }),
    };
  }

  record(event: AuditEvent): void {
    this.#count(event);
    const { outcome, reason } = event;
    if (reason !== undefined && (outcome === 'denied' || outcome === 'would-deny')) {
      if (this.#denials.length >= MAX_DENIALS) this.#denials.shift();
      this.#denials.push(denialOf(event, outcome, reason, this.#now()));
    }
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
        this.#opened(event);
        break;
      case 'association.rejected':
        totals.associationsRejected += 1;
        break;
      case 'association.aborted':
        totals.associationsAborted += 1;
        this.#associationById.delete(event.connectionId ?? '');
        break;
      case 'association.released':
        this.#associationById.delete(event.connectionId ?? '');
        break;
      case 'command.completed':
        totals.commandsCompleted += 1;
        totals.relayedBytes += event.bytes ?? 0;
        this.#commanded(event, event.bytes ?? 0);
        break;
      case 'command.refused':
        totals.commandsRefused += 1;
        this.#commanded(event, 0);
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

  #opened(event: AuditEvent): void {
    const { connectionId, direction = 'ingress', modality = '', listener = '', upstream = '' } = event;
    const { callingAeTitle = '', calledAeTitle = '', sourceAddress = '', tls } = event;
    if (connectionId === undefined) return;
    // In egress, the caller is plain and the way there is the TLS of the line.
    const wayThere = direction === 'egress' ? tls : event.upstreamTls;
    this.#associationById.set(connectionId, {
      connectionId,
      direction,
      modality,
      listener,
      callingAeTitle,
      calledAeTitle,
      sourceAddress,
      isTls: tls !== undefined,
      upstream,
      ...(wayThere === undefined ? {} : { upstreamTls: wayOf(wayThere) }),
      since: this.#now().toISOString(),
      commands: 0,
      bytes: 0,
    });
  }

  #commanded({ connectionId = '' }: AuditEvent, bytes: number): void {
    const association = this.#associationById.get(connectionId);
    if (association === undefined) return;
    association.commands += 1;
    association.bytes += bytes;
  }
}

function withProgress(association: AssociationStatus, progress: AssociationProgress | undefined) {
  if (progress === undefined) return association;
  const { command, bytes } = progress;
  return { ...association, bytes: association.bytes + bytes, inProgress: { command, bytes } };
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

function denialOf(event: AuditEvent, outcome: Denial['outcome'], reason: ReasonCode, time: Date): Denial {
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

function wayOf({ protocol, cipher, group }: TlsFacts): TlsOfWay {
  return { protocol, cipher, ...(group === undefined ? {} : { group }) };
}

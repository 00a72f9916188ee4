/**
 * Follows associations by audit events: the open ones, and the last that ended. Keeps little of each, because there may be
 * a thousand; what is under way right now comes with each question. Knows no configuration and no HTTP.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import { sopClassKeyword } from '../dimse/sopClasses';
import { transferSyntaxKeyword } from '../dimse/transferSyntaxes';
import type { AssociationProgress } from '../gateway/associationProgress';
import type { TlsFacts } from '../net/inboundConnection';
import { type ReasonCode, reasons } from '../policy/reasons';
import type {
  AcceptedContextReport,
  AssociationDetail,
  CommandReport,
  EndedAssociation,
  RefusedContextReport,
} from './associationReport';
import type { AssociationStatus, TlsOfWay } from './statusReport';

/** A screen. The audit log has them all. */
const MAX_ENDED = 50;
/** Of each association: a thousand may be open. */
const MAX_COMMANDS = 10;

/** As it was recorded: a report of it is made when somebody asks. */
interface Timed {
  readonly event: AuditEvent;
  readonly at: Date;
}

interface Followed {
  readonly accepted: AuditEvent & { readonly connectionId: string };
  readonly since: Date;
  commands: number;
  bytes: number;
  /** The newest last. */
  readonly lastCommands: Timed[];
}

interface Ended extends Followed {
  readonly end: Timed;
}

export class AssociationViews implements AuditSink {
  readonly #now: () => Date;
  /** At most `limits.maxAssociations` entries; the oldest first. */
  readonly #openById = new Map<string, Followed>();
  /** The newest last. */
  readonly #ended: Ended[] = [];

  constructor(now = () => new Date()) {
    this.#now = now;
  }

  get openCount(): number {
    return this.#openById.size;
  }

  /** The oldest first. `progress` is what is under way now: no audit event says so yet. */
  open(progress: readonly AssociationProgress[] = []): AssociationStatus[] {
    const progressById = new Map(progress.map((each) => [each.connectionId, each]));
    return [...this.#openById].map(([id, followed]) => statusOf(followed, progressById.get(id)));
  }

  /** The newest first. */
  get ended(): EndedAssociation[] {
    return this.#ended.map((followed) => ({ ...statusOf(followed), ...endOf(followed) })).reverse();
  }

  /** Those that are open, by modality. */
  openByModality(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { accepted } of this.#openById.values()) {
      const { modality = '' } = accepted;
      counts.set(modality, (counts.get(modality) ?? 0) + 1);
    }
    return counts;
  }

  /** Undefined where it is neither open nor among the last that ended. */
  detail(id: string, progress: AssociationProgress | undefined): AssociationDetail | undefined {
    const open = this.#openById.get(id);
    const ended = this.#ended.find(({ accepted }) => accepted.connectionId === id);
    const followed = open ?? ended;
    if (followed === undefined) return undefined;
    const { accepted, since, lastCommands } = followed;
    const { tls, upstreamTls, implementationClassUid, implementationVersionName } = accepted;
    return {
      ...statusOf(followed, progress),
      isOpen: open !== undefined,
      durationMs: this.#now().getTime() - since.getTime(),
      ...(ended === undefined ? {} : endOf(ended)),
      ...(tls === undefined ? {} : { tls }),
      ...(upstreamTls === undefined ? {} : { upstreamTlsFacts: upstreamTls }),
      ...(implementationClassUid === undefined ? {} : { implementationClassUid }),
      ...(implementationVersionName === undefined ? {} : { implementationVersionName }),
      acceptedContexts: acceptedContexts(progress),
      refusedContexts: refusedContexts(accepted),
      lastCommands: lastCommands.map(commandReport).reverse(),
    };
  }

  record(event: AuditEvent): void {
    switch (event.event) {
      case 'association.accepted':
        this.#opened(event);
        break;
      case 'association.released':
      case 'association.aborted':
        this.#closed(event);
        break;
      case 'command.completed':
      case 'command.refused':
        this.#commanded(event);
    }
  }

  #opened(accepted: AuditEvent): void {
    const { connectionId } = accepted;
    if (connectionId === undefined) return;
    this.#openById.set(connectionId, {
      accepted: { ...accepted, connectionId },
      since: this.#now(),
      commands: 0,
      bytes: 0,
      lastCommands: [],
    });
  }

  #closed(event: AuditEvent): void {
    const { connectionId = '' } = event;
    const followed = this.#openById.get(connectionId);
    if (followed === undefined) return;
    this.#openById.delete(connectionId);
    if (this.#ended.length >= MAX_ENDED) this.#ended.shift();
    this.#ended.push({ ...followed, end: { event, at: this.#now() } });
  }

  #commanded(event: AuditEvent): void {
    const followed = this.#openById.get(event.connectionId ?? '');
    if (followed === undefined) return;
    followed.commands += 1;
    // What was refused was not relayed.
    if (event.event === 'command.completed') followed.bytes += event.bytes ?? 0;
    if (followed.lastCommands.length >= MAX_COMMANDS) followed.lastCommands.shift();
    followed.lastCommands.push({ event, at: this.#now() });
  }
}

function statusOf(
  { accepted, since, commands, bytes }: Followed,
  progress?: AssociationProgress,
): AssociationStatus {
  const { connectionId, direction = 'ingress', modality = '', listener = '', upstream = '' } = accepted;
  const { callingAeTitle = '', calledAeTitle = '', sourceAddress = '', tls } = accepted;
  // In egress, the caller is plain and the way there is the TLS of the line.
  const wayThere = direction === 'egress' ? tls : accepted.upstreamTls;
  return {
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
    since: since.toISOString(),
    commands,
    bytes: bytes + (progress?.bytes ?? 0),
    ...(progress?.command === undefined
      ? {}
      : { inProgress: { command: progress.command, bytes: progress.bytes } }),
  };
}

function endOf({ since, end: { event, at } }: Ended): Omit<EndedAssociation, keyof AssociationStatus> {
  return {
    endedAt: at.toISOString(),
    durationMs: at.getTime() - since.getTime(),
    end: event.event,
    ...reasonFacts(event.reason),
    ...(event.detail === undefined ? {} : { detail: event.detail }),
  };
}

/** A reason with its words. */
export function reasonFacts(reason: ReasonCode | undefined): {
  readonly reason?: ReasonCode;
  readonly text?: string;
} {
  return reason === undefined ? {} : { reason, text: reasons[reason].text };
}

function commandReport({ event, at }: Timed): CommandReport {
  const { command = '', outcome, sopClass, status, reason, bytes, durationMs, moveDestination } = event;
  return {
    time: at.toISOString(),
    command,
    outcome,
    ...(sopClass === undefined ? {} : { sopClass }),
    ...(status === undefined ? {} : { status }),
    ...reasonFacts(reason),
    ...(bytes === undefined ? {} : { bytes }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(moveDestination === undefined ? {} : { moveDestination }),
  };
}

function acceptedContexts(progress: AssociationProgress | undefined): AcceptedContextReport[] {
  return (progress?.contexts ?? []).map(({ id, abstractSyntax, transferSyntax }) => ({
    id,
    sopClass: sopClassKeyword(abstractSyntax) ?? abstractSyntax,
    transferSyntax: transferSyntaxKeyword(transferSyntax) ?? transferSyntax,
  }));
}

function refusedContexts({ refusedContexts: refused = [] }: AuditEvent): RefusedContextReport[] {
  return refused.map(({ sopClass, result, reason }) => ({ sopClass, result, ...reasonFacts(reason) }));
}

export function wayOf({ protocol, cipher, group }: TlsFacts): TlsOfWay {
  return { protocol, cipher, ...(group === undefined ? {} : { group }) };
}

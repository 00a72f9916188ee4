/**
 * What each modality of the configuration did and was refused since the start, by audit events, and the reports that the
 * page gets of it. Keeps a few facts of each; a report is made when somebody asks. What only an operator knows (locks) and
 * what others keep (ends of certificates, the inventory) comes with each question.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration, ModalityConfiguration } from '../config/schema';
import { withoutSecrets } from '../config/withoutSecrets';
import { permissions as permissionTable } from '../dimse/permissions';
import type { Inventory } from '../inventory/inventory';
import { describeSilence } from '../inventory/report';
import type { ModalityLock } from '../policy/locks';
import type { ReasonCode } from '../policy/reasons';
import { endMs } from '../text/moments';
import { reasonFacts, wayOf } from './associationViews';
import { EntryIndex } from './entryIndex';
import { type Denied, denialOf, isDenial } from './liveView';
import { type HealthOfModality, healthOf } from './modalityHealth';
import type {
  ModalityBrief,
  ModalityCounts,
  ModalityDetail,
  ModalityEvent,
  ModalityHealth,
  ModalitySummary,
} from './pageReport';
import type { AssociationStatus } from './statusReport';

/** Lines of one modality; of all together, some 5,000. */
const MAX_RECENT = 20;
const MAX_RECENT_OF_ALL = 5000;
/** Different commands, or reasons, of one modality: there are hardly more. */
const MAX_KINDS = 64;

type Counted<T> = { -readonly [K in keyof T]: T[K] };

interface Timed {
  readonly event: AuditEvent;
  readonly time: Date;
}

class Followed {
  accepted: Timed | undefined;
  lastDenied: Denied | undefined;
  /** The last one that was refused, where nothing of its kind was let in since. */
  refused: Denied | undefined;
  readonly counts: Counted<ModalityCounts> = { associations: 0, commands: 0, bytes: 0, refusals: 0 };
  readonly commands = new Map<string, number>();
  readonly refusals = new Map<ReasonCode, number>();
  /** The newest last. */
  readonly recent: Timed[] = [];
}

/** What others know of modalities, at the time of the question. */
export interface ModalityNews {
  readonly locks: readonly ModalityLock[];
  /** By name: when the certificate ends that it showed last. */
  readonly certificateEnds: ReadonlyMap<string, Date>;
  readonly openByModality: ReadonlyMap<string, number>;
  /** Goes further back than the start. */
  readonly inventory: Pick<Inventory, 'silenceOf' | 'lastHeard' | 'reportOf'>;
}

export interface ModalitiesOverview {
  readonly total: number;
  /** In observe mode. */
  readonly observed: number;
  readonly byHealth: Readonly<Record<ModalityHealth, number>>;
  readonly attention: readonly ModalityBrief[];
}

/** The worst first. A lock is the operator's own wish. */
const BY_URGENCY: readonly ModalityHealth[] = ['refused', 'certificate', 'silent', 'locked'];
const NONE: ModalitiesOverview['byHealth'] = { locked: 0, refused: 0, certificate: 0, silent: 0, ok: 0 };

export class ModalityViews implements AuditSink {
  readonly #now: () => Date;
  #configuration: Configuration;
  /** Only those that have done something. */
  readonly #followed = new Map<string, Followed>();
  #index: EntryIndex;

  constructor(configuration: Configuration, now = () => new Date()) {
    this.#now = now;
    this.#configuration = configuration;
    this.#index = new EntryIndex(configuration);
  }

  /** A new configuration counts from now on. */
  replace(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#index = new EntryIndex(configuration);
    for (const name of this.#followed.keys()) if (!this.#has(name)) this.#followed.delete(name);
  }

  record(event: AuditEvent): void {
    const { modality } = event;
    // The archive calls: that says nothing of the device.
    if (event.direction === 'egress') return;
    if (modality !== undefined && this.#has(modality)) this.#take(modality, event);
    else if (modality === undefined && isDenial(event) && event.direction === 'ingress') {
      for (const name of this.#index.concerned(event)) this.#take(name, event);
    }
  }

  /** How many are how, and those that are not ok, the worst first: at most so many. */
  overview(news: ModalityNews, maxAttention: number): ModalitiesOverview {
    const lockByModality = lockMap(news);
    const byHealth: Counted<ModalitiesOverview['byHealth']> = { ...NONE };
    const briefs: ModalityBrief[] = [];
    let observed = 0;
    const entries = Object.entries(this.#configuration.modalities);
    for (const [name, entry] of entries) {
      const brief = { name, ...this.#health(name, lockByModality.get(name), news) };
      byHealth[brief.health] += 1;
      if (brief.health !== 'ok') briefs.push(brief);
      if (this.#modeOf(entry) === 'observe') observed += 1;
    }
    briefs.sort((one, other) => BY_URGENCY.indexOf(one.health) - BY_URGENCY.indexOf(other.health));
    return { total: entries.length, observed, byHealth, attention: briefs.slice(0, maxAttention) };
  }

  /** By name. */
  summaries(news: ModalityNews): ModalitySummary[] {
    const lockByModality = lockMap(news);
    return Object.entries(this.#configuration.modalities)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, entry]) => this.#summary(name, entry, lockByModality.get(name), news));
  }

  /** Undefined where there is no such entry. `open` are its associations. */
  detail(
    name: string,
    news: ModalityNews,
    associations: readonly AssociationStatus[],
  ): ModalityDetail | undefined {
    const entry = this.#has(name) ? this.#configuration.modalities[name] : undefined;
    if (entry === undefined) return undefined;
    const { accepted, recent = [], commands, refusals } = this.#followed.get(name) ?? {};
    const { tls, implementationClassUid, implementationVersionName } = accepted?.event ?? {};
    const lock = news.locks.find(({ modality }) => modality === name);
    const inventory = news.inventory.reportOf(name);
    return {
      ...this.#summary(name, entry, lock, news),
      entry: withoutSecrets(entry) as Readonly<Record<string, unknown>>,
      permissions: entry.allow.map((permission) => permissionTable[permission].words),
      ...(tls === undefined ? {} : { tls: wayOf(tls), certificate: certificateOf(tls) }),
      ...(implementationClassUid === undefined ? {} : { implementationClassUid }),
      ...(implementationVersionName === undefined ? {} : { implementationVersionName }),
      ...(inventory === undefined ? {} : { inventory }),
      associations,
      recent: recent.map(eventReport).reverse(),
      commands: Object.fromEntries(commands ?? []),
      refusals: Object.fromEntries(refusals ?? []),
    };
  }

  /** The line of its last association that was let in since the start. */
  accepted(name: string): AuditEvent | undefined {
    return this.#followed.get(name)?.accepted?.event;
  }

  #has(name: string): boolean {
    return Object.hasOwn(this.#configuration.modalities, name);
  }

  #summary(
    name: string,
    entry: ModalityConfiguration,
    lock: ModalityLock | undefined,
    news: ModalityNews,
  ): ModalitySummary {
    const { lastDenied, counts } = this.#followed.get(name) ?? {};
    const heard = news.inventory.lastHeard(name);
    const { listeners, upstreams } = this.#configuration;
    const { callingAeTitle, from, allow, observeUntil, validFrom, validUntil } = entry;
    const certificateEnd = news.certificateEnds.get(name);
    return {
      name,
      ...this.#health(name, lock, news),
      callingAeTitle,
      from,
      calledAeTitle: entry.calledAeTitle ?? Object.keys(upstreams),
      listeners:
        entry.listeners ?? listeners.filter(({ tls }) => tls !== undefined).map((listener) => listener.name),
      allow,
      mode: this.#modeOf(entry),
      ...(observeUntil === undefined ? {} : { observeUntil }),
      ...(validFrom === undefined ? {} : { validFrom }),
      ...(validUntil === undefined ? {} : { validUntil }),
      ...(heard === undefined ? {} : { lastSeen: new Date(heard.ms).toISOString() }),
      ...(heard?.address === undefined ? {} : { lastAddress: heard.address }),
      ...(lastDenied === undefined ? {} : { lastDenial: denialOf(lastDenied) }),
      counts: { associations: 0, commands: 0, bytes: 0, refusals: 0, ...counts },
      open: news.openByModality.get(name) ?? 0,
      ...(certificateEnd === undefined ? {} : { certificateNotAfter: certificateEnd.toISOString() }),
      ...(lock === undefined ? {} : { lock }),
    };
  }

  #health(name: string, lock: ModalityLock | undefined, news: ModalityNews): HealthOfModality {
    const { refused } = this.#followed.get(name) ?? {};
    const silence = news.inventory.silenceOf(name);
    const facts = {
      lock,
      refusedSince: refused && denialOf(refused),
      certificateEnd: news.certificateEnds.get(name),
      silence: silence && describeSilence(silence),
    };
    return healthOf(facts, this.#now());
  }

  #modeOf({ mode, observeUntil }: ModalityConfiguration): ModalitySummary['mode'] {
    const end = observeUntil === undefined ? undefined : endMs(observeUntil);
    return mode === 'observe' && (end === undefined || this.#now().getTime() < end) ? 'observe' : 'enforce';
  }

  #take(name: string, event: AuditEvent): void {
    const known = this.#followed.get(name);
    const followed = known ?? new Followed();
    if (known === undefined) this.#followed.set(name, followed);
    const time = this.#now();
    const { counts } = followed;
    if (isDenial(event)) {
      followed.lastDenied = { event, time };
      if (event.outcome === 'denied') followed.refused = { event, time };
      counts.refusals += 1;
      countIn(followed.refusals, event.reason);
      this.#remember(followed, { event, time });
    }
    switch (event.event) {
      case 'association.accepted':
        counts.associations += 1;
        followed.accepted = { event, time };
        if (!isOnAssociation(followed.refused)) followed.refused = undefined;
        break;
      case 'command.completed':
        counts.commands += 1;
        counts.bytes += event.bytes ?? 0;
        countIn(followed.commands, event.command ?? '');
        if (event.outcome === 'allowed') followed.refused = undefined;
        break;
      case 'association.released':
      case 'association.aborted':
      case 'modality.silent':
      case 'modality.heard':
      case 'modality.changed':
        this.#remember(followed, { event, time });
        break;
    }
  }

  #remember({ recent }: Followed, timed: Timed): void {
    const share = Math.floor(MAX_RECENT_OF_ALL / this.#followed.size);
    while (recent.length >= Math.max(1, Math.min(MAX_RECENT, share))) recent.shift();
    recent.push(timed);
  }
}

/** Refused on an association, which stays: that another one was let in says nothing of it. */
function isOnAssociation(denied: Denied | undefined): boolean {
  return denied !== undefined && ['command.refused', 'association.unusable'].includes(denied.event.event);
}

function lockMap({ locks }: ModalityNews): ReadonlyMap<string, ModalityLock> {
  return new Map(locks.map((lock) => [lock.modality, lock]));
}

function countIn<Key>(counts: Map<Key, number>, key: Key): void {
  const count = counts.get(key);
  if (count !== undefined || counts.size < MAX_KINDS) counts.set(key, (count ?? 0) + 1);
}

function certificateOf(tls: NonNullable<AuditEvent['tls']>): NonNullable<ModalityDetail['certificate']> {
  const { protocol: _, cipher: __, group: ___, ...certificate } = tls;
  return certificate;
}

function eventReport({ event, time }: Timed): ModalityEvent {
  const { connectionId, command, sopClass, sourceAddress, bytes, durationMs, detail } = event;
  return {
    time: time.toISOString(),
    event: event.event,
    outcome: event.outcome,
    ...reasonFacts(event.reason),
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(command === undefined ? {} : { command }),
    ...(sopClass === undefined ? {} : { sopClass }),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(detail === undefined ? {} : { detail }),
  };
}

/**
 * Refusals of the same kind, added up: the first ones of a kind get a line each, the others one line together every few
 * seconds. So a peer that is refused again and again cannot write more of the log than it sends. Knows no sink.
 */
import type { AuditEvent } from './events';

export interface SumOptions {
  /** Refusals of a kind that are written whole. */
  readonly whole: number;
  readonly everySeconds: number;
}

export interface SumEvents {
  /** Writes the line of a sum. */
  write(sum: AuditEvent): void;
  /** Whether no line can be written now: everything is added up then, and the sums wait. */
  isBlocked(): boolean;
}

/**
 * Kinds that are watched by their modality or address. An attacker has many addresses: those beyond are added up by event
 * and reason alone, of which there is a closed list.
 */
const MAX_KINDS = 100;
/** Whole lines of all kinds together in one interval, as a multiple of those of one kind. */
const MAX_WHOLE_KINDS = 10;
/** Addresses that the line of a sum names. */
const MAX_ADDRESSES = 8;

/** Facts that a sum has where all of its refusals share them. Others say nothing of more than one. */
const SHARED = [
  'connectionId',
  'modality',
  'listener',
  'direction',
  'sourceAddress',
  'sourcePort',
  'callingAeTitle',
  'calledAeTitle',
  'tls',
  'command',
  'sopClass',
  'moveDestination',
  'status',
  'upstream',
] as const;

type SharedName = (typeof SHARED)[number];

const REFUSALS: ReadonlySet<string> = new Set<AuditEvent['event']>([
  'connection.refused',
  'association.rejected',
  'command.refused',
]);

interface Sum {
  readonly first: AuditEvent;
  readonly sinceMs: number;
  readonly addresses: Set<string>;
  shared: readonly SharedName[];
  count: number;
}

interface Kind {
  whole: number;
  sum: Sum | undefined;
}

export class RefusalSums {
  options: SumOptions;
  readonly #events: SumEvents;
  readonly #kindByKey = new Map<string, Kind>();
  #wholeOfAll = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SumOptions, events: SumEvents) {
    this.options = options;
    this.#events = events;
  }

  /** Whether this one is part of a sum now; else it is to be written whole. */
  adds(event: AuditEvent): boolean {
    if (!REFUSALS.has(event.event)) return false;
    const { whole, everySeconds } = this.options;
    const kind = this.#kindOf(event);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#tick(), everySeconds * 1000).unref();
    }
    // Who is in the penalty box is in the log already, with the refusals that led there.
    const wholeOfKind = event.reason === 'penalty' ? Math.min(1, whole) : whole;
    const isWhole = kind.whole < wholeOfKind && this.#wholeOfAll < whole * MAX_WHOLE_KINDS;
    if (isWhole && kind.sum === undefined && !this.#events.isBlocked()) {
      kind.whole += 1;
      this.#wholeOfAll += 1;
      return false;
    }
    add(kind, event);
    return true;
  }

  /** Writes what is added up so far. */
  writeAll(): void {
    for (const kind of this.#kindByKey.values()) {
      if (kind.sum !== undefined) this.#events.write(lineOf(kind.sum));
      kind.sum = undefined;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.writeAll();
    this.#kindByKey.clear();
  }

  #kindOf({ event, outcome, reason, modality, sourceAddress }: AuditEvent): Kind {
    const common = `${event} ${outcome} ${reason}`;
    const key = `${common} ${modality ?? sourceAddress}`;
    const known = this.#kindByKey.get(key);
    if (known !== undefined) return known;
    const own = this.#kindByKey.size < MAX_KINDS ? key : common;
    const kind = this.#kindByKey.get(own) ?? { whole: 0, sum: undefined };
    this.#kindByKey.set(own, kind);
    return kind;
  }

  /** A kind that nothing was added to since the last time is over: its next refusal is written whole again. */
  #tick(): void {
    if (this.#events.isBlocked()) return;
    this.#wholeOfAll = 0;
    for (const [key, { sum }] of this.#kindByKey) if (sum === undefined) this.#kindByKey.delete(key);
    this.writeAll();
    if (this.#kindByKey.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function add(kind: Kind, event: AuditEvent): void {
  kind.sum ??= { first: event, sinceMs: Date.now(), addresses: new Set(), shared: SHARED, count: 0 };
  const { sum } = kind;
  sum.count += 1;
  if (sum.addresses.size <= MAX_ADDRESSES) sum.addresses.add(event.sourceAddress ?? 'unknown');
  const differs = (name: SharedName) => !isSame(sum.first, event, name);
  if (sum.shared.some(differs)) sum.shared = sum.shared.filter((name) => !differs(name));
}

function isSame(one: AuditEvent, other: AuditEvent, name: SharedName): boolean {
  if (one[name] === other[name]) return true;
  return name === 'tls' && one.tls !== undefined && one.tls.fingerprint256 === other.tls?.fingerprint256;
}

function lineOf({ first, shared, addresses, count, sinceMs }: Sum): AuditEvent {
  const { event, outcome, reason } = first;
  const facts = Object.fromEntries(shared.map((name) => [name, first[name]]));
  const seconds = Math.max(1, Math.round((Date.now() - sinceMs) / 1000));
  return {
    event,
    outcome,
    reason,
    detail: `${count} more in ${seconds} s${fromAddresses([...addresses])}`,
    count,
    since: new Date(sinceMs).toISOString(),
    ...facts,
  };
}

function fromAddresses(addresses: readonly string[]): string {
  if (addresses.length < 2) return '';
  const named = addresses.slice(0, MAX_ADDRESSES).join(', ');
  return ` from ${named}${addresses.length > MAX_ADDRESSES ? ' and others' : ''}`;
}

/**
 * Events of one kind as one line: how many, from when until when, and the facts that all of them share. One event alone
 * keeps all of its facts. Owns what is added up until it is written. Does not know why something is added up, nor where lines go.
 */
import type { AuditEvent } from './events';

/** Whose sums they are, and which events go into the same one. */
export interface SumKey {
  readonly owner: string;
  readonly kind: string;
  /** Where the owner has too many kinds: of these, there is a closed list. */
  readonly common: string;
}

/** Kinds of one owner. A peer that varies what it sends gets no more lines than these, and those of the closed list. */
const MAX_KINDS = 20;
/** Addresses that the line of a sum names. */
const MAX_ADDRESSES = 8;

/** Facts that a sum has where all of its events share them. Others say nothing of more than one. */
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
  'implementationClassUid',
  'implementationVersionName',
  'command',
  'sopClass',
  'transferSyntax',
  'requestor',
  'moveDestination',
  'status',
  'upstream',
] as const;

type SharedName = (typeof SHARED)[number];

interface Sum {
  readonly first: AuditEvent;
  readonly sinceMs: number;
  untilMs: number;
  readonly addresses: Set<string>;
  shared: readonly SharedName[];
  count: number;
  bytes: number | undefined;
}

export class Sums {
  readonly #sumsByOwner = new Map<string, Map<string, Sum>>();

  add({ owner, kind, common }: SumKey, event: AuditEvent): void {
    const sums = this.#sumsByOwner.get(owner) ?? new Map<string, Sum>();
    this.#sumsByOwner.set(owner, sums);
    const key = sums.has(kind) || sums.size < MAX_KINDS ? kind : common;
    const sum = sums.get(key) ?? newSum(event);
    sums.set(key, sum);
    addTo(sum, event);
  }

  /** A line for each, and then they begin again. */
  take(): readonly AuditEvent[] {
    const lines = [...this.#sumsByOwner.values()].flatMap((sums) => [...sums.values()].map(lineOf));
    this.#sumsByOwner.clear();
    return lines;
  }
}

function newSum(first: AuditEvent): Sum {
  const nowMs = Date.now();
  return {
    first,
    sinceMs: nowMs,
    untilMs: nowMs,
    addresses: new Set(),
    shared: SHARED,
    count: 0,
    bytes: undefined,
  };
}

function addTo(sum: Sum, event: AuditEvent): void {
  sum.count += 1;
  sum.untilMs = Date.now();
  if (event.bytes !== undefined) sum.bytes = (sum.bytes ?? 0) + event.bytes;
  if (sum.addresses.size <= MAX_ADDRESSES) sum.addresses.add(event.sourceAddress ?? 'unknown');
  const differs = (name: SharedName) => !isSame(sum.first, event, name);
  if (sum.shared.some(differs)) sum.shared = sum.shared.filter((name) => !differs(name));
}

function isSame(one: AuditEvent, other: AuditEvent, name: SharedName): boolean {
  if (one[name] === other[name]) return true;
  return name === 'tls' && one.tls !== undefined && one.tls.fingerprint256 === other.tls?.fingerprint256;
}

function lineOf({ first, shared, addresses, count, bytes, sinceMs, untilMs }: Sum): AuditEvent {
  const { event, outcome, reason } = first;
  const times = { since: new Date(sinceMs).toISOString(), until: new Date(untilMs).toISOString() };
  if (count === 1) return { ...first, count, ...times };
  const facts = Object.fromEntries(shared.map((name) => [name, first[name]]));
  const seconds = Math.max(1, Math.round((Date.now() - sinceMs) / 1000));
  return {
    event,
    outcome,
    reason,
    detail: `${count} more in ${seconds} s${fromAddresses([...addresses])}`,
    count,
    ...times,
    ...facts,
    bytes,
  };
}

function fromAddresses(addresses: readonly string[]): string {
  if (addresses.length < 2) return '';
  const named = addresses.slice(0, MAX_ADDRESSES).join(', ');
  return ` from ${named}${addresses.length > MAX_ADDRESSES ? ' and others' : ''}`;
}

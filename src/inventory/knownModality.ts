/**
 * One modality of the inventory: both directions, its last denial, what of it is new and not reported yet, and how long it
 * is silent. Learns from audit events. Writes no event itself, and knows no clock and no file.
 */
import type { AuditEvent } from '../audit/events';
import type { ReasonCode } from '../policy/reasons';
import { spanMs } from '../text/moments';
import { isoOf, KnownSide } from './knownSide';
import type { DeniedReport, ModalityReport, SilentModality } from './report';

/** In one line of the log. A device that does more at once is another device. */
const MAX_CHANGES = 20;

export interface LastHeard {
  readonly ms: number;
  readonly address: string | undefined;
}

interface Expectation {
  readonly text: string;
  readonly ms: number;
}

export class KnownModality {
  readonly name: string;
  /** When it left the configuration; undefined while it is in there. */
  removedMs: number | undefined;
  /** When its last changes were reported. */
  reportedMs = Number.NEGATIVE_INFINITY;
  /** From when on its silence is counted: when it was last heard, but not the time when nobody could be heard. */
  countsFromMs: number;
  /** Undefined while it is not silent, or not expected. */
  silentSinceMs: number | undefined;
  #expectation: Expectation | undefined;
  #ingress: KnownSide | undefined;
  #egress: KnownSide | undefined;
  #lastDenied: DeniedReport | undefined;
  #changes: string[] = [];
  #moreChanges = 0;

  constructor(name: string, nowMs: number) {
    this.name = name;
    this.countsFromMs = nowMs;
  }

  /** As it was kept. While the gateway was down, for `downMs`, nobody could be heard. */
  static of(report: ModalityReport, nowMs: number, downMs: number): KnownModality {
    const known = new KnownModality(report.modality, nowMs);
    const { removedAt, expectEvery, countsFrom, silentSince, lastDenied, ingress, egress } = report;
    if (removedAt !== undefined) known.removedMs = Date.parse(removedAt);
    if (silentSince !== undefined) known.silentSinceMs = Date.parse(silentSince);
    if (countsFrom !== undefined) known.countsFromMs = Math.min(nowMs, Date.parse(countsFrom) + downMs);
    known.#expectation = expectationOf(expectEvery);
    known.#lastDenied = lastDenied;
    if (ingress !== undefined) known.#ingress = KnownSide.of('ingress', ingress);
    if (egress !== undefined) known.#egress = KnownSide.of('egress', egress);
    return known;
  }

  /** What another gateway knows of it; nothing of that is later than now. */
  learn({ lastDenied, ingress, egress }: ModalityReport, nowMs: number): void {
    if (lastDenied !== undefined && lastDenied.time > (this.#lastDenied?.time ?? '')) {
      this.#lastDenied = lastDenied;
    }
    if (ingress !== undefined) {
      this.#ingress ??= new KnownSide('ingress', Math.min(nowMs, Date.parse(ingress.lastSeen)));
      this.#ingress.learn(ingress, nowMs);
    }
    if (egress !== undefined) {
      this.#egress ??= new KnownSide('egress', Math.min(nowMs, Date.parse(egress.lastSeen)));
      this.#egress.learn(egress, nowMs);
    }
  }

  get report(): ModalityReport {
    const { removedMs, silentSinceMs } = this;
    return {
      modality: this.name,
      ...(removedMs === undefined ? {} : { removedAt: isoOf(removedMs) }),
      ...(this.#expectation === undefined ? {} : { expectEvery: this.#expectation.text }),
      countsFrom: isoOf(this.countsFromMs),
      ...(silentSinceMs === undefined ? {} : { silentSince: isoOf(silentSinceMs) }),
      ...(this.#lastDenied === undefined ? {} : { lastDenied: this.#lastDenied }),
      ...(this.#ingress === undefined ? {} : { ingress: this.#ingress.report }),
      ...(this.#egress === undefined ? {} : { egress: this.#egress.report }),
    };
  }

  /** When it last did something of its own accord; undefined where it never came. */
  get heardMs(): number | undefined {
    return this.#ingress?.lastMs;
  }

  get lastHeard(): LastHeard | undefined {
    return this.#ingress && { ms: this.#ingress.lastMs, address: this.#ingress.lastAddress };
  }

  /** In the configuration, as the entry says now. What the operator changed is neither news nor forgotten. */
  expect(every: string | undefined, nowMs: number): void {
    const isNew = this.#expectation === undefined;
    this.#expectation = expectationOf(every);
    this.removedMs = undefined;
    if (isNew && this.heardMs === undefined) this.countsFromMs = nowMs;
    // The entry may give it more time now.
    if (this.silentFromMs > nowMs) this.silentSinceMs = undefined;
  }

  remove(nowMs: number): void {
    this.removedMs ??= nowMs;
    this.#expectation = undefined;
    this.silentSinceMs = undefined;
  }

  /** It is not silent, and its silence counts from now on. */
  hush(nowMs: number): void {
    this.countsFromMs = nowMs;
    this.silentSinceMs = undefined;
  }

  /** From when on it is silent; Infinity where it may be. */
  get silentFromMs(): number {
    return this.#expectation === undefined
      ? Number.POSITIVE_INFINITY
      : this.countsFromMs + this.#expectation.ms;
  }

  get silence(): SilentModality | undefined {
    if (this.silentSinceMs === undefined || this.#expectation === undefined) return undefined;
    const { heardMs } = this;
    return {
      modality: this.name,
      expectEvery: this.#expectation.text,
      silentSince: isoOf(this.silentSinceMs),
      ...(heardMs === undefined ? {} : { lastSeen: isoOf(heardMs) }),
    };
  }

  get hasChanges(): boolean {
    return this.#changes.length > 0;
  }

  /** In words. They are given once. */
  takeChanges(nowMs: number): readonly string[] {
    const more = this.#moreChanges === 0 ? [] : [`and ${this.#moreChanges} more`];
    const changes = [...this.#changes, ...more];
    this.#changes = [];
    this.#moreChanges = 0;
    this.reportedMs = nowMs;
    return changes;
  }

  /** Whether the modality did something of its own accord. */
  record(event: AuditEvent, nowMs: number): boolean {
    const { outcome, reason } = event;
    if (reason !== undefined && (outcome === 'denied' || outcome === 'would-deny')) {
      this.#lastDenied = deniedOf(event, outcome, reason, nowMs);
    }
    const isIngress = event.direction !== 'egress';
    switch (event.event) {
      case 'association.accepted':
        this.#sideOf(event, nowMs).accepted(event, nowMs, this.#tell);
        return isIngress;
      case 'command.completed':
        this.#sideOf(event, nowMs).commanded(event, nowMs, this.#tell);
        return isIngress;
      case 'association.released':
        this.#sideOf(event, nowMs).touched(nowMs);
        return isIngress;
      default:
        return false;
    }
  }

  #sideOf({ direction, connectionId }: AuditEvent, nowMs: number): KnownSide {
    if (direction === 'egress') {
      this.#egress ??= new KnownSide('egress', nowMs, connectionId);
      return this.#egress;
    }
    this.#ingress ??= new KnownSide('ingress', nowMs, connectionId);
    return this.#ingress;
  }

  readonly #tell = (change: string): void => {
    if (this.#changes.includes(change)) return;
    if (this.#changes.length < MAX_CHANGES) this.#changes.push(change);
    else this.#moreChanges += 1;
  };
}

/** The configuration was checked before; a file that somebody edited was not. */
function expectationOf(text: string | undefined): Expectation | undefined {
  const ms = text === undefined ? undefined : spanMs(text);
  return text === undefined || ms === undefined ? undefined : { text, ms };
}

function deniedOf(
  { event, command, sourceAddress }: AuditEvent,
  outcome: DeniedReport['outcome'],
  reason: ReasonCode,
  nowMs: number,
): DeniedReport {
  return {
    time: isoOf(nowMs),
    outcome,
    event,
    reason,
    ...(command === undefined ? {} : { command }),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
  };
}

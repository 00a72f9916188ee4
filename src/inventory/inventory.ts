/**
 * What each modality really is and does, from audit events: kept in a file of `stateDirectory`, reported when something is
 * new (`modality.changed`), and when one is silent (`expectEvery`). The events of all workers come here, to the primary.
 * Asks no device anything, and decides nothing.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { DelayedWrite } from '../files/delayedWrite';
import { writeStateFile } from '../files/stateDirectory';
import { isInTime } from '../policy/entryTimes';
import { DAY_MS } from '../text/moments';
import { INVENTORY_FILE, recoverInventory } from './inventoryFile';
import { KnownModality, type LastHeard } from './knownModality';
import { isoOf } from './knownSide';
import { describeSilence, type ModalityReport, type SilentModality } from './report';

/** A crash loses what was learnt in this time. */
const WRITE_DELAY_MS = 10_000;
/** What comes together is reported together: an association brings several things that are new. */
const GATHER_MS = 1000;
/** Between two reports of one modality: a device that changes all the time does not fill the log. */
const MIN_REPORT_MS = 10 * 60_000;
/** Thousands of modalities may have an end each second: they are looked at together. */
const MIN_WAIT_MS = 1000;
/** A clock that is set, and a lock, are noticed within this time. */
const MAX_WAIT_MS = 60_000;
/** While silence is counted, the file says at least so often that the gateway lives: the time it was down does not count. */
const ALIVE_MS = 10 * 60_000;
/** A modality that left the configuration is kept for so long, and at most so many of them. */
const REMOVED_DAYS = 90;
const MAX_REMOVED = 1000;
/** Of 10,000 modalities, text takes a tenth of a second. No association waits for more than a few milliseconds. */
const TEXT_SLICE = 100;

export interface InventoryOptions {
  readonly configuration: Configuration;
  /** Gets what is reported. */
  readonly audit: Pick<AuditSink, 'record'>;
  warn(message: string): void;
  /** Default: the present. */
  now?(): number;
}

export class Inventory implements AuditSink {
  readonly #audit: Pick<AuditSink, 'record'>;
  readonly #now: () => number;
  readonly #writes: DelayedWrite;
  #knownByName: ReadonlyMap<string, KnownModality>;
  #configuration: Configuration;
  /** What is new and not reported, with the time when it is to be. */
  readonly #dueMsByChanged = new Map<KnownModality, number>();
  #nextDueMs = Number.POSITIVE_INFINITY;
  #changeTimer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #isLocked: ((modality: string) => boolean) | undefined;
  #writtenMs = 0;

  constructor({ configuration, audit, warn, now = Date.now }: InventoryOptions) {
    this.#audit = audit;
    this.#now = now;
    this.#configuration = configuration;
    const { stateDirectory } = configuration;
    this.#writes = new DelayedWrite({
      write: async () => await writeStateFile(stateDirectory, INVENTORY_FILE, await this.text()),
      failed: (message) => warn(`the inventory of the modalities is not kept: ${message}`),
      delayMs: WRITE_DELAY_MS,
    });
    const nowMs = now();
    const kept = recoverInventory(stateDirectory, warn);
    const downMs = kept === undefined ? 0 : Math.max(0, nowMs - Date.parse(kept.time));
    this.#knownByName = new Map(
      kept?.modalities.map((report) => [report.modality, KnownModality.of(report, nowMs, downMs)]),
    );
    this.#take(configuration);
  }

  /** The gateway serves: from now on silence is looked for. */
  attach(isLocked: (modality: string) => boolean): void {
    this.#isLocked = isLocked;
    this.#lookForSilence();
    this.#writes.changed();
  }

  /** A new configuration counts from now on. */
  replace(configuration: Configuration): void {
    this.#take(configuration);
    if (this.#isLocked === undefined) return;
    this.#lookForSilence();
    this.#writes.changed();
  }

  record(event: AuditEvent): void {
    const { modality, connectionId } = event;
    // Lines without a connection are those of the gateway itself, ours among them.
    if (modality === undefined || connectionId === undefined) return;
    const known = this.#knownByName.get(modality);
    if (known === undefined || known.removedMs !== undefined) return;
    const nowMs = this.#now();
    const { heardMs } = known;
    if (known.record(event, nowMs)) this.#heard(known, heardMs, nowMs);
    if (known.hasChanges && !this.#dueMsByChanged.has(known)) this.#gather(known, nowMs);
    this.#writes.changed();
  }

  /** What another gateway knows of it. Nothing of that is news. */
  learn(report: ModalityReport): void {
    const known = this.#knownByName.get(report.modality);
    if (known === undefined || known.removedMs !== undefined) return;
    const { heardMs: beforeMs } = known;
    known.learn(report, this.#now());
    const { heardMs } = known;
    if (heardMs !== undefined && heardMs > (beforeMs ?? 0)) this.#heard(known, beforeMs, heardMs);
    this.#writes.changed();
  }

  /** Those of the configuration that something is known of. */
  get reports(): Iterable<ModalityReport> {
    return [...this.#knownByName.values()].flatMap(({ removedMs, report }) =>
      removedMs !== undefined || (report.ingress ?? report.egress) === undefined ? [] : [report],
    );
  }

  /** Those that are silent now. */
  get silent(): readonly SilentModality[] {
    return [...this.#knownByName.values()].flatMap(({ silence }) => silence ?? []);
  }

  /** When each modality of the configuration was last heard; those that never came are left out. */
  get lastSeen(): readonly { readonly modality: string; readonly ms: number }[] {
    return [...this.#knownByName.values()].flatMap(({ name, heardMs, removedMs }) =>
      heardMs === undefined || removedMs !== undefined ? [] : [{ modality: name, ms: heardMs }],
    );
  }

  /** Undefined where it is not silent. */
  silenceOf(modality: string): SilentModality | undefined {
    return this.#knownByName.get(modality)?.silence;
  }

  /** When a modality last did something, and where it came from; undefined where it never came. */
  lastHeard(modality: string): LastHeard | undefined {
    return this.#knownByName.get(modality)?.lastHeard;
  }

  /** Undefined where there is no such modality. */
  reportOf(modality: string): ModalityReport | undefined {
    return this.#knownByName.get(modality)?.report;
  }

  /** All of it as JSON, a modality a line. Other work goes on meanwhile. */
  async text(): Promise<string> {
    const lines: string[] = [];
    for (const known of this.#knownByName.values()) {
      lines.push(JSON.stringify(known.report));
      if (lines.length % TEXT_SLICE === 0) await nextTurn();
    }
    const nowMs = this.#now();
    return `{"version":1,"time":"${isoOf(nowMs)}","modalities":[\n${lines.join(',\n')}\n]}\n`;
  }

  /** Reports at once what is new and still gathered. */
  reportGathered(): void {
    const nowMs = this.#now();
    for (const known of this.#dueMsByChanged.keys()) this.#reportChanges(known, nowMs);
  }

  /** Reports what is new, and writes all down. */
  async close(): Promise<void> {
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#changeTimer);
    this.reportGathered();
    // Also where nothing has changed: the time of the stop is in the file. One that did not start, because another one
    // has its ports, leaves the file to that one.
    if (this.#isLocked !== undefined) this.#writes.changed();
    await this.#writes.flush();
  }

  #take(configuration: Configuration): void {
    this.#configuration = configuration;
    const nowMs = this.#now();
    const next = new Map<string, KnownModality>();
    for (const [name, { expectEvery }] of Object.entries(configuration.modalities)) {
      const known = this.#knownByName.get(name) ?? new KnownModality(name, nowMs);
      known.expect(expectEvery, nowMs);
      next.set(name, known);
    }
    const removed = [...this.#knownByName.values()].filter(({ name }) => !next.has(name));
    for (const known of removed) known.remove(nowMs);
    const keptFromMs = nowMs - REMOVED_DAYS * DAY_MS;
    const kept = removed
      .filter(({ removedMs = nowMs }) => removedMs >= keptFromMs)
      .sort((one, other) => other.removedMs! - one.removedMs!)
      .slice(0, MAX_REMOVED);
    for (const known of kept) next.set(known.name, known);
    this.#knownByName = next;
  }

  #heard(known: KnownModality, beforeMs: number | undefined, nowMs: number): void {
    const { silentSinceMs } = known;
    known.hush(nowMs);
    if (silentSinceMs === undefined) return;
    this.#audit.record({
      event: 'modality.heard',
      outcome: 'info',
      modality: known.name,
      detail:
        beforeMs === undefined
          ? 'it is heard for the first time'
          : `it is heard again; it was last heard at ${isoOf(beforeMs)}`,
      since: isoOf(silentSinceMs),
    });
    this.#lookForSilence();
  }

  // What is new.

  #gather(known: KnownModality, nowMs: number): void {
    const dueMs = Math.max(nowMs + GATHER_MS, known.reportedMs + MIN_REPORT_MS);
    this.#dueMsByChanged.set(known, dueMs);
    if (dueMs < this.#nextDueMs) this.#waitUntil(dueMs, nowMs);
  }

  #waitUntil(dueMs: number, nowMs: number): void {
    this.#nextDueMs = dueMs;
    clearTimeout(this.#changeTimer);
    this.#changeTimer = setTimeout(() => this.#reportDue(), Math.max(GATHER_MS, dueMs - nowMs)).unref();
  }

  #reportDue(): void {
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#now();
    for (const [known, dueMs] of this.#dueMsByChanged) {
      // Where the clock was set back, it is not kept for longer than before.
      if (dueMs <= nowMs || dueMs > nowMs + MIN_REPORT_MS) this.#reportChanges(known, nowMs);
    }
    if (this.#dueMsByChanged.size === 0) return;
    const [dueMs] = [...this.#dueMsByChanged.values()].sort((one, other) => one - other);
    this.#waitUntil(dueMs!, nowMs);
  }

  #reportChanges(known: KnownModality, nowMs: number): void {
    this.#dueMsByChanged.delete(known);
    const changes = known.takeChanges(nowMs);
    this.#audit.record({
      event: 'modality.changed',
      outcome: 'info',
      modality: known.name,
      detail: changes.join('; '),
      changes,
    });
  }

  // Who is silent.

  #lookForSilence(): void {
    clearTimeout(this.#silenceTimer);
    const nowMs = this.#now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const known of this.#knownByName.values()) {
      if (known.silentFromMs === Number.POSITIVE_INFINITY) continue;
      if (this.#isShutOut(known.name, nowMs)) known.hush(nowMs);
      if (known.silentSinceMs === undefined && known.silentFromMs <= nowMs) this.#reportSilence(known, nowMs);
      // Also of those that are silent: the file has to say that the gateway lives.
      nextMs = Math.min(nextMs, known.silentSinceMs === undefined ? known.silentFromMs : nowMs + MAX_WAIT_MS);
    }
    if (nextMs === Number.POSITIVE_INFINITY) return;
    if (Math.abs(nowMs - this.#writtenMs) >= ALIVE_MS) {
      this.#writtenMs = nowMs;
      this.#writes.changed();
    }
    const waitMs = Math.min(Math.max(MIN_WAIT_MS, nextMs - nowMs), MAX_WAIT_MS);
    this.#silenceTimer = setTimeout(() => this.#lookForSilence(), waitMs).unref();
  }

  /** A modality that the gateway does not let in cannot be heard. */
  #isShutOut(name: string, nowMs: number): boolean {
    const configuration = this.#configuration.modalities[name];
    return (
      this.#isLocked?.(name) === true || (configuration !== undefined && !isInTime({ configuration }, nowMs))
    );
  }

  #reportSilence(known: KnownModality, nowMs: number): void {
    known.silentSinceMs = nowMs;
    const silence = known.silence!;
    const { lastSeen } = silence;
    this.#audit.record({
      event: 'modality.silent',
      outcome: 'failed',
      modality: known.name,
      detail: describeSilence(silence),
      ...(lastSeen === undefined ? {} : { since: lastSeen }),
    });
    this.#writes.changed();
  }
}

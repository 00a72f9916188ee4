/**
 * Which lines of the log are added up, so that no peer can write more of it than it sends: refusals of the same kind, and
 * what a modality does on associations that were let in. The first lines of ten seconds are written whole. Knows no sink.
 */
import type { AuditEvent } from './events';
import { type SumKey, Sums } from './sum';

export interface SumOptions {
  /** Lines that are written whole in one interval: of a kind of refusal, or of a modality. */
  readonly whole: number;
  readonly everySeconds: number;
}

export interface LineSumOptions {
  readonly refusals: SumOptions;
  /** Left out: what was let in gets every line. */
  readonly allowed?: SumOptions | undefined;
}

export interface SumEvents {
  /** Writes the line of a sum. */
  write(sum: AuditEvent): void;
  /** Whether no line can be written now: every refusal is added up then, and the sums wait. */
  isBlocked(): boolean;
}

export class LineSums {
  readonly #refusals: Summed;
  readonly #allowed: Summed;

  constructor({ refusals, allowed }: LineSumOptions, events: SumEvents) {
    this.#refusals = new Summed(new RefusalLines(), refusals, events);
    this.#allowed = new Summed(new AllowedLines(), allowed, events);
  }

  /** Of a reload. */
  set options({ refusals, allowed }: LineSumOptions) {
    this.#refusals.replace(refusals);
    this.#allowed.replace(allowed);
  }

  /** Whether this one is part of a sum now; else it is to be written whole. */
  adds(event: AuditEvent): boolean {
    return this.#refusals.adds(event) || this.#allowed.adds(event);
  }

  /** Writes what is added up so far. */
  writeAll(): void {
    this.#refusals.writeAll();
    this.#allowed.writeAll();
  }

  close(): void {
    this.#refusals.close();
    this.#allowed.close();
  }
}

/** Which events are counted together, and how many lines they get. */
interface Lines {
  readonly names: ReadonlySet<string>;
  /** All of them are added up while no line can be written. Of others, the log counts what it could not write. */
  readonly waits: boolean;
  /** Counts the event. `whole` is the number that is configured. */
  isWhole(event: AuditEvent, whole: number): boolean;
  keyOf(event: AuditEvent): SumKey;
  /** The next interval begins. Returns whether there is nothing to remember from the last one. */
  next(): boolean;
}

class Summed {
  readonly #lines: Lines;
  readonly #events: SumEvents;
  readonly #sums = new Sums();
  #options: SumOptions | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(lines: Lines, options: SumOptions | undefined, events: SumEvents) {
    this.#lines = lines;
    this.#options = options;
    this.#events = events;
  }

  adds(event: AuditEvent): boolean {
    if (this.#options === undefined || !this.#lines.names.has(event.event)) return false;
    this.#timer ??= setInterval(() => this.#tick(), this.#options.everySeconds * 1000).unref();
    const isWhole = this.#lines.isWhole(event, this.#options.whole);
    if (isWhole && !(this.#lines.waits && this.#events.isBlocked())) return false;
    this.#sums.add(this.#lines.keyOf(event), event);
    return true;
  }

  replace(options: SumOptions | undefined): void {
    const isOtherTime = options?.everySeconds !== this.#options?.everySeconds;
    this.#options = options;
    if (isOtherTime) this.close();
  }

  writeAll(): void {
    for (const sum of this.#sums.take()) this.#events.write(sum);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.writeAll();
  }

  #tick(): void {
    if (this.#events.isBlocked()) return;
    this.writeAll();
    if (!this.#lines.next()) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

interface Budget {
  limit: number;
  /** In this interval, also those that were added up. */
  lines: number;
  /** The interval before had too many lines: none of this one is written whole. */
  readonly isOver: boolean;
}

/** Lines of one interval, by who causes them. */
class LineBudgets {
  readonly #budgetByKey = new Map<string, Budget>();

  /** Counts so many lines, and returns whether they may be written. */
  takes(key: string, limit: number, lines = 1): boolean {
    const budget = this.#budgetByKey.get(key) ?? { limit, lines: 0, isOver: false };
    if (budget.lines === 0) this.#budgetByKey.set(key, budget);
    budget.limit = limit;
    budget.lines += lines;
    return !budget.isOver && budget.lines <= limit;
  }

  giveBack(key: string, lines: number): void {
    const budget = this.#budgetByKey.get(key);
    if (budget !== undefined) budget.lines = Math.max(0, budget.lines - lines);
  }

  has(key: string): boolean {
    return this.#budgetByKey.has(key);
  }

  get size(): number {
    return this.#budgetByKey.size;
  }

  next(): void {
    for (const [key, { limit, lines }] of this.#budgetByKey) {
      if (lines > limit) this.#budgetByKey.set(key, { limit, lines: 0, isOver: true });
      else this.#budgetByKey.delete(key);
    }
  }
}

/**
 * Kinds that are counted by their modality or address. An attacker has many addresses: those beyond are counted by event
 * and reason alone, of which there is a closed list.
 */
const MAX_KINDS = 100;
/** Lines of all kinds of one modality, or of all addresses without one, as a multiple of those of one kind. */
const MAX_WHOLE_KINDS = 4;

class RefusalLines implements Lines {
  readonly names: ReadonlySet<string> = new Set<AuditEvent['event']>([
    'connection.refused',
    'association.rejected',
    'command.refused',
  ]);
  readonly waits = true;
  readonly #kinds = new LineBudgets();
  readonly #owners = new LineBudgets();

  isWhole(event: AuditEvent, whole: number): boolean {
    const { owner, kind, common } = this.keyOf(event);
    const known = this.#kinds.has(kind) || this.#kinds.size < MAX_KINDS ? kind : common;
    // Who is in the penalty box is in the log already, with the refusals that led there.
    const wholeOfKind = event.reason === 'penalty' ? Math.min(1, whole) : whole;
    return this.#kinds.takes(known, wholeOfKind) && this.#owners.takes(owner, whole * MAX_WHOLE_KINDS);
  }

  /** Who has no entry shares one budget with all others. */
  keyOf({ event, outcome, reason, modality, sourceAddress }: AuditEvent): SumKey {
    const common = `${event} ${outcome} ${reason}`;
    return { owner: modality ?? '', kind: `${common} ${modality ?? sourceAddress}`, common };
  }

  next(): boolean {
    this.#kinds.next();
    this.#owners.next();
    return this.#kinds.size === 0 && this.#owners.size === 0;
  }
}

/** A line and its way into the file are shorter. What a peer sends with it pays for it. */
const MIN_CARRIED_BYTES = 1024;
/** An association that begins takes the line of its end with it, so that the log has both or neither. */
const LINES_OF_ASSOCIATION = 2;

class AllowedLines implements Lines {
  readonly names: ReadonlySet<string> = new Set<AuditEvent['event']>([
    'association.accepted',
    'association.unusable',
    'association.released',
    'association.aborted',
    'command.completed',
  ]);
  readonly waits = false;
  readonly #modalities = new LineBudgets();
  /** Associations that are open and whose beginning was added up. */
  readonly #addedUp = new Set<string>();

  /** An image always has its line. It pays for the two lines of its association: many devices open one for each image. */
  isWhole(
    { event, connectionId = '', modality = '', command, bytes = 0 }: AuditEvent,
    whole: number,
  ): boolean {
    const hasCarried = bytes >= MIN_CARRIED_BYTES;
    if (event === 'association.released' || event === 'association.aborted') {
      return !this.#addedUp.delete(connectionId) || hasCarried;
    }
    if (command === 'C-STORE' && hasCarried) {
      this.#modalities.giveBack(modality, LINES_OF_ASSOCIATION);
      return true;
    }
    const isBeginning = event === 'association.accepted';
    // Also a small object says something in the archive, such as that an image is rejected: no C-ECHO may take its line.
    const budget = command === 'C-STORE' ? `${modality} ${command}` : modality;
    const isWhole = this.#modalities.takes(budget, whole, isBeginning ? LINES_OF_ASSOCIATION : 1);
    if (isBeginning && !isWhole) this.#addedUp.add(connectionId);
    return isWhole;
  }

  /** All that a policy decides by, so that a sum can be judged as each of its lines. */
  keyOf(event: AuditEvent): SumKey {
    const { command, direction, requestor, modality = '' } = event;
    const common = `${event.event}\n${event.outcome}\n${event.reason}\n${command}\n${direction}\n${requestor}`;
    const { listener, sourceAddress, callingAeTitle, calledAeTitle, tls, upstream } = event;
    const { sopClass, transferSyntax, moveDestination, status } = event;
    const association = `${listener}\n${sourceAddress}\n${callingAeTitle}\n${calledAeTitle}\n${tls?.fingerprint256}\n${upstream}`;
    const kind = `${common}\n${association}\n${sopClass}\n${transferSyntax}\n${moveDestination}\n${status}`;
    return { owner: modality, kind, common };
  }

  next(): boolean {
    this.#modalities.next();
    return this.#modalities.size === 0;
  }
}

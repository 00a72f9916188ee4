/**
 * Which records gateways share, and where each kind is kept in this process: penalties, locks, last addresses, pending
 * callers, the inventory. When they are exchanged is not known here.
 */
import * as z from 'zod';
import { pendingCallerSchema } from '../admin/pendingCaller';
import type { PendingCallers } from '../admin/pendingCallers';
import type { AuditEvent } from '../audit/events';
import { modalityLock } from '../config/lockFile';
import { type LastAddresses, lastAddress } from '../gateway/lastAddresses';
import type { Penalty } from '../gateway/penaltyBox';
import type { RunningGateway } from '../gateway/runningGateway';
import type { Inventory } from '../inventory/inventory';
import { type ModalityReport, modalityReport } from '../inventory/report';
import type { ModalityLock } from '../policy/locks';
import { Table } from './tables';

/** As many as the penalty box knows. */
const MAX_PENALTIES = 10_000;
const MAX_MODALITIES = 10_000;
/** No penalty of the configuration is longer. */
const MAX_PENALTY_MS = 86_400_000;

/** Where what is shared is kept in this process. */
export interface SharedParts {
  readonly locks: LockKeeper;
  readonly lastAddresses: LastAddresses;
  readonly pending: PendingCallers;
  readonly maxPending: number;
  readonly inventory: Inventory;
}

/** Of service/, which stands below. */
interface LockKeeper {
  readonly list: readonly ModalityLock[];
  follow(changed: (modality: string, lock: ModalityLock | undefined) => void): void;
  takeOver(modality: string, lock: ModalityLock | undefined): Promise<void>;
  settled(): Promise<void>;
}

export type AnyTable = Pick<Table<z.ZodType>, 'kind' | 'version' | 'startAgain' | 'say' | 'hear'>;
type Penalties = RunningGateway['penalties'];

export class SharedRecords {
  readonly #parts: SharedParts;
  readonly #locks;
  readonly #penalties;
  readonly #addresses;
  readonly #pending;
  readonly #inventory;
  #box: Penalties | undefined;
  /** Came before there was a box to put them into. */
  readonly #earlyPenalties: Penalty[] = [];
  readonly #changedModalities = new Set<string>();

  /** `urgent` is called where a change must not wait for the next turn. */
  constructor(parts: SharedParts, urgent: () => void) {
    const { locks, lastAddresses, pending, maxPending, inventory } = parts;
    this.#parts = parts;
    this.#locks = new Table({
      kind: 'locks',
      maxRecords: MAX_MODALITIES,
      value: modalityLock,
      // The field and the lock must agree, or the lock could not be found again.
      took: (modality, lock) => void locks.takeOver(modality, lock && { ...lock, modality }),
      all: () => locks.list.map((lock) => [lock.modality, lock, Date.parse(lock.since)] as const),
    });
    this.#penalties = new Table({
      kind: 'penalties',
      maxRecords: MAX_PENALTIES,
      value: z.object({ untilMs: z.number().int() }),
      took: (key, value) => value && this.#takePenalty({ key, untilMs: value.untilMs }),
      all: () => this.#box?.list.map(({ key, untilMs }) => [key, { untilMs }] as const) ?? [],
    });
    this.#addresses = new Table({
      kind: 'addresses',
      maxRecords: MAX_MODALITIES,
      value: lastAddress,
      took: (modality, last) => last && lastAddresses.learn(modality, last),
      all: () => lastAddresses.all,
    });
    this.#pending = new Table({
      kind: 'pending',
      maxRecords: maxPending,
      value: pendingCallerSchema,
      took: (id, caller) => (caller === undefined ? pending.forget(id) : pending.learn(caller)),
      all: () => pending.list.map((caller) => [caller.id, caller, Date.parse(caller.lastSeen)] as const),
    });
    this.#inventory = new Table({
      kind: 'inventory',
      maxRecords: MAX_MODALITIES,
      value: modalityReport,
      took: (_, report) => report && inventory.learn(report),
      all: () =>
        [...inventory.reports].map((report) => [report.modality, report, lastSeenOf(report)] as const),
    });
    locks.follow((modality, lock) => {
      this.#locks.put(modality, lock, lock === undefined ? Date.now() : Date.parse(lock.since));
      urgent();
    });
    lastAddresses.follow((modality, last) => {
      this.#addresses.put(modality, last);
      urgent();
    });
    pending.follow((id) => this.#pending.put(id, undefined));
  }

  get all(): readonly AnyTable[] {
    return [...this.urgent, this.#pending, this.#inventory];
  }

  /** What a gateway has to know before it lets anybody in. */
  get urgent(): readonly AnyTable[] {
    return [this.#locks, this.#penalties, this.#addresses];
  }

  /** Resolves when every lock that was heard of counts. */
  settled(): Promise<void> {
    return this.#parts.locks.settled();
  }

  /** What came before counts now. */
  attach(box: Penalties): void {
    this.#box = box;
    for (const penalty of this.#earlyPenalties.splice(0)) box.take(penalty);
  }

  /** After those who keep what it is about. */
  record(event: AuditEvent): void {
    const caller = event.outcome === 'denied' ? this.#parts.pending.of(event) : undefined;
    if (caller !== undefined) this.#pending.put(caller.id, caller);
    if (event.modality !== undefined && event.connectionId !== undefined) {
      this.#changedModalities.add(event.modality);
    }
  }

  /** This gateway has put somebody into the box. */
  imposed({ key, untilMs }: Penalty): void {
    this.#penalties.put(key, { untilMs });
  }

  /** What is known of the modalities that did something since the last time. */
  putModalities(): void {
    for (const modality of this.#changedModalities) {
      const report = this.#parts.inventory.reportOf(modality);
      if (report !== undefined) this.#inventory.put(modality, report);
    }
    this.#changedModalities.clear();
  }

  #takePenalty(penalty: Penalty): void {
    const nowMs = Date.now();
    const { key } = penalty;
    const untilMs = Math.min(penalty.untilMs, nowMs + MAX_PENALTY_MS);
    if (untilMs <= nowMs) return;
    if (this.#box === undefined) this.#earlyPenalties.push({ key, untilMs });
    else this.#box.take({ key, untilMs });
  }
}

function lastSeenOf({ ingress, egress }: ModalityReport): number {
  return Math.max(...[ingress, egress].map((side) => (side === undefined ? 0 : Date.parse(side.lastSeen))));
}

/**
 * What several gateways share, put together: limits, penalties, locks, last addresses, pending callers, the inventory. Asks
 * Redis twice a second what has changed, and says what this gateway has changed. Says aloud when Redis is away. Who reads
 * and keeps each of these is not known here.
 */
import * as z from 'zod';
import { pendingCallerSchema } from '../admin/pendingCaller';
import type { PendingCallers } from '../admin/pendingCallers';
import type { SharedStatus } from '../admin/statusReport';
import type { AuditEvent, AuditSink } from '../audit/events';
import { modalityLock } from '../config/lockFile';
import type { SharedConfiguration } from '../config/schemaShared';
import { redisServer } from '../config/sharedRedis';
import type { LocalPlaces } from '../gateway/associationPlaces';
import { type LastAddresses, lastAddress } from '../gateway/lastAddresses';
import type { Fault, Penalty } from '../gateway/penaltyBox';
import type { RunningGateway } from '../gateway/runningGateway';
import type { Inventory } from '../inventory/inventory';
import { modalityReport } from '../inventory/report';
import type { ModalityLock } from '../policy/locks';
import { formatHostAndPort } from '../text/hostAndPort';
import { countOf } from '../text/quote';
import { LeasedPlaces } from './leasedPlaces';
import { Leases } from './leases';
import { MAX_BACKGROUND_MS, RedisStore } from './store';
import { MAX_RECORDS_AT_ONCE, Table } from './tables';

/** A lock counts everywhere within this time and the way there. */
const TURN_MS = 500;
/** A busy modality changes what is known of it many times a second. */
const TURNS_OF_INVENTORY = 10;
/** As many as the penalty box knows. */
const MAX_PENALTIES = 10_000;
const MAX_MODALITIES = 10_000;
/** A scan from many addresses costs this much of Redis and no more: what is beyond it is charged here alone. */
const MAX_GUESSES = 200;
/** No penalty of the configuration is longer. */
const MAX_PENALTY_MS = 86_400_000;

/** Where what is shared is kept in this process. */
export interface SharedParts {
  readonly locks: Pick<LockKeeper, 'list' | 'follow' | 'takeOver' | 'settled'>;
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

interface Attached {
  readonly gateway: Pick<RunningGateway, 'penalties'>;
  readonly audit: Pick<AuditSink, 'record'>;
}

export class SharedState {
  readonly #configuration: SharedConfiguration;
  readonly #parts: SharedParts;
  readonly #store: RedisStore;
  readonly #leases: Leases;
  readonly #locks;
  readonly #penalties;
  readonly #addresses;
  readonly #pending;
  readonly #inventory;
  #attached: Attached | undefined;
  /** Came before there was anybody to take them. */
  readonly #earlyPenalties: Penalty[] = [];
  readonly #guesses = new Map<string, { fault: Fault; count: number; event: AuditEvent }>();
  readonly #changedModalities = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #turn = 0;
  #gateways = 0;
  #since = new Date();
  #detail: string | undefined = 'it was not asked yet';

  private constructor(configuration: SharedConfiguration, parts: SharedParts) {
    this.#configuration = configuration;
    this.#parts = parts;
    const { locks, lastAddresses, pending, maxPending, inventory } = parts;
    this.#store = new RedisStore(configuration, {
      opened: () => this.#opened(),
      up: () => this.#said(undefined),
      down: (detail) => {
        this.#leases.lost();
        this.#said(detail);
      },
    });
    this.#leases = new Leases(this.#store, configuration.leaseSeconds * 1000);
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
      all: () =>
        this.#attached?.gateway.penalties.list.map(({ key, untilMs }) => [key, { untilMs }] as const) ?? [],
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
      this.#soon();
    });
    lastAddresses.follow((modality, last) => this.#addresses.put(modality, last));
    pending.follow((id) => this.#pending.put(id, undefined));
  }

  /** Resolves when it knows what Redis knows, or that Redis cannot be reached: it starts all the same. */
  static async start(configuration: SharedConfiguration, parts: SharedParts): Promise<SharedState> {
    const state = new SharedState(configuration, parts);
    await state.#store.start();
    // A gateway with many workers may take longer to start than a lease lasts.
    state.#wait(TURN_MS);
    await parts.locks.settled();
    return state;
  }

  get status(): SharedStatus {
    const { redis, site, whileAway } = this.#configuration;
    const detail = this.#detail;
    return {
      server: formatHostAndPort(redisServer(redis)),
      site,
      isUp: detail === undefined,
      since: this.#since.toISOString(),
      ...(detail === undefined ? { gateways: this.#gateways } : { detail }),
      whileAway,
    };
  }

  places(local: LocalPlaces): LeasedPlaces {
    return new LeasedPlaces(local, this.#leases, this.#configuration.whileAway === 'closed');
  }

  /** The gateway serves. What was learnt before counts now. */
  attach(attached: Attached): void {
    this.#attached = attached;
    for (const penalty of this.#earlyPenalties.splice(0)) attached.gateway.penalties.take(penalty);
    this.#report();
  }

  /** Of every process of this gateway. */
  record(event: AuditEvent): void {
    const caller = this.#parts.pending.of(event);
    if (caller !== undefined && event.outcome === 'denied') this.#pending.put(caller.id, caller);
    if (event.modality !== undefined && event.connectionId !== undefined) {
      this.#changedModalities.add(event.modality);
    }
    const fault = this.#attached?.gateway.penalties.faultOf(event);
    if (fault === undefined) return;
    const known = this.#guesses.get(fault.key);
    if (known !== undefined) known.count += fault.tokens;
    else if (this.#guesses.size < MAX_GUESSES) {
      this.#guesses.set(fault.key, { fault, count: fault.tokens, event });
    }
  }

  /** This gateway has put somebody into the box. */
  imposed({ key, untilMs }: Penalty): void {
    this.#penalties.put(key, { untilMs });
    this.#soon();
  }

  /** The gateway has stopped: nothing is held any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#leases.leave();
    this.#store.close();
  }

  /** A new connection: its own places first, then what must not be missed, then the rest in turns. */
  async #opened(): Promise<void> {
    await this.#leases.register();
    for (const table of this.#tables) table.startAgain();
    await this.#exchange([this.#locks, this.#penalties, this.#addresses]);
  }

  get #tables() {
    return [this.#locks, this.#penalties, this.#addresses, this.#pending, this.#inventory] as const;
  }

  async #exchange(tables: readonly AnyTable[]): Promise<void> {
    for (const table of tables) await table.say(this.#store);
    let hasMore = true;
    while (hasMore) {
      const known = tables.flatMap(({ kind, version }) => [kind, version]);
      const lease = [this.#leases.id, this.#configuration.leaseSeconds * 1000];
      const parameters = [...lease, MAX_RECORDS_AT_ONCE, ...known];
      const answer = await this.#store.run('renew', parameters, MAX_BACKGROUND_MS);
      if (!Array.isArray(answer) || answer.length !== tables.length + 1) {
        this.#store.giveUp('it does not know this gateway any more');
        return;
      }
      this.#gateways = Number(answer[0]);
      hasMore = tables.map((table, index) => table.hear(answer[index + 1])).includes(true);
    }
  }

  #soon(): void {
    this.#wait(0);
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#takeTurn(), ms).unref();
  }

  async #takeTurn(): Promise<void> {
    if (this.#store.isUp) {
      this.#turn += 1;
      if (this.#turn % TURNS_OF_INVENTORY === 0) this.#sayModalities();
      try {
        await this.#guess();
        await this.#exchange(this.#tables);
      } catch {
        // The store has reported it, and begins again.
      }
    }
    this.#wait(TURN_MS);
  }

  #sayModalities(): void {
    const { inventory } = this.#parts;
    for (const modality of this.#changedModalities) {
      const report = inventory.reportOf(modality);
      if (report !== undefined) this.#inventory.put(modality, report);
    }
    this.#changedModalities.clear();
  }

  /** What was refused at all gateways together is too much, although it was not at one. */
  async #guess(): Promise<void> {
    const guesses = new Map(this.#guesses);
    this.#guesses.clear();
    const [first] = guesses.values();
    if (first === undefined || this.#attached === undefined) return;
    const counts = [...guesses].flatMap(([key, { count }]) => [key, count]);
    const answer = await this.#store.run('guess', [first.fault.faults, ...counts], MAX_BACKGROUND_MS);
    const over = Array.isArray(answer) ? answer : [];
    const { gateway, audit } = this.#attached;
    for (const [key, { fault, event }] of guesses) {
      if (!over.includes(key) || gateway.penalties.list.some((penalty) => penalty.key === key)) continue;
      const penalty = { key, untilMs: Date.now() + fault.boxMs };
      gateway.penalties.take(penalty);
      const { sourceAddress, reason, tls } = event;
      audit.record({
        event: 'penalty.imposed',
        outcome: 'info',
        reason: 'penalty',
        direction: 'ingress',
        sourceAddress,
        ...(fault.isOfCertificate && tls !== undefined ? { tls } : {}),
        detail: `${key} is in the penalty box until ${new Date(penalty.untilMs).toISOString()}, for its refusals at all gateways together; one of the last: ${reason}`,
      });
      this.imposed(penalty);
    }
  }

  #takePenalty(penalty: Penalty): void {
    const nowMs = Date.now();
    const { key } = penalty;
    const untilMs = Math.min(penalty.untilMs, nowMs + MAX_PENALTY_MS);
    if (untilMs <= nowMs) return;
    if (this.#attached === undefined) this.#earlyPenalties.push({ key, untilMs });
    else this.#attached.gateway.penalties.take({ key, untilMs });
  }

  /** Why it is away; undefined: it is up. */
  #said(detail: string | undefined): void {
    this.#detail = detail;
    this.#since = new Date();
    this.#report();
  }

  #report(): void {
    const { redis, whileAway } = this.#configuration;
    const server = formatHostAndPort(redisServer(redis));
    const detail = this.#detail;
    if (detail === undefined) {
      const together = `${countOf(this.#gateways, 'gateway')} of the site ${this.#configuration.site} share`;
      this.#attached?.audit.record({
        event: 'shared.up',
        outcome: 'info',
        detail: `Redis at ${server} is up; ${together}`,
      });
      return;
    }
    const meanwhile =
      whileAway === 'alone' ? 'this gateway keeps all limits by itself' : 'no new association is let in';
    this.#attached?.audit.record({
      event: 'shared.down',
      outcome: 'failed',
      detail: `Redis at ${server} is away: ${detail}; ${meanwhile}`,
    });
  }
}

type AnyTable = Pick<Table<z.ZodType>, 'kind' | 'version' | 'say' | 'hear'>;

function lastSeenOf({ ingress, egress }: z.output<typeof modalityReport>): number {
  return Math.max(...[ingress, egress].map((side) => (side === undefined ? 0 : Date.parse(side.lastSeen))));
}

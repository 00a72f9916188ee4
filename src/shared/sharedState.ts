/**
 * What several gateways share, put together: limits, records, and refusals that add up. Asks Redis twice a second what has
 * changed, and says what this gateway has changed. Says aloud when Redis is away. What the records are is not known here.
 */
import type { SharedStatus } from '../admin/statusReport';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { SharedConfiguration } from '../config/schemaShared';
import { redisServer } from '../config/sharedRedis';
import type { LocalPlaces } from '../gateway/associationPlaces';
import type { Fault, Penalty } from '../gateway/penaltyBox';
import type { RunningGateway } from '../gateway/runningGateway';
import { formatHostAndPort } from '../text/hostAndPort';
import { countOf } from '../text/quote';
import { LeasedPlaces } from './leasedPlaces';
import { Leases } from './leases';
import { type AnyTable, type SharedParts, SharedRecords } from './records';
import { MAX_BACKGROUND_MS, RedisStore } from './store';
import { MAX_RECORDS_AT_ONCE } from './tables';

/** A lock counts everywhere within this time and the way there. */
const TURN_MS = 500;
/** A busy modality changes what is known of it many times a second. */
const TURNS_OF_INVENTORY = 10;
/** A scan from many addresses costs this much of Redis and no more: what is beyond it is charged here alone. */
const MAX_GUESSES = 200;
/** 10,000 records of a kind. A server that always has more is asked again with the next turn. */
const MAX_ROUNDS = 100;

interface Attached {
  readonly gateway: Pick<RunningGateway, 'penalties'>;
  readonly audit: Pick<AuditSink, 'record'>;
}

export class SharedState {
  readonly #configuration: SharedConfiguration;
  readonly #store: RedisStore;
  readonly #leases: Leases;
  readonly #records: SharedRecords;
  #attached: Attached | undefined;
  readonly #guesses = new Map<string, { fault: Fault; count: number; event: AuditEvent }>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isRetired = false;
  #turn = 0;
  #gateways = 0;
  #since = new Date();
  #detail: string | undefined = 'it was not asked yet';

  private constructor(configuration: SharedConfiguration, parts: SharedParts) {
    this.#configuration = configuration;
    this.#store = new RedisStore(configuration, {
      opened: () => this.#opened(),
      up: () => this.#said(undefined),
      lost: () => this.#leases.lost(),
      down: (detail) => this.#said(detail),
    });
    this.#leases = new Leases(this.#store, configuration.leaseSeconds * 1000);
    this.#records = new SharedRecords(parts, () => this.#wait(0));
  }

  /** Resolves when it knows what Redis knows, or that Redis cannot be reached: it starts all the same. */
  static async start(configuration: SharedConfiguration, parts: SharedParts): Promise<SharedState> {
    const state = new SharedState(configuration, parts);
    await state.#store.start();
    // A gateway with many workers may take longer to start than a lease lasts.
    state.#wait(TURN_MS);
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
    this.#records.attach(attached.gateway.penalties);
    this.#report();
  }

  /** Of every process of this gateway. More than it takes is not counted: Redis adds up whole numbers of 64 bits. */
  record(event: AuditEvent): void {
    this.#records.record(event);
    const fault = this.#attached?.gateway.penalties.faultOf(event);
    if (fault === undefined) return;
    const known = this.#guesses.get(fault.key);
    if (known !== undefined) known.count = Math.min(known.count + fault.tokens, fault.faults);
    else if (this.#guesses.size < MAX_GUESSES) {
      this.#guesses.set(fault.key, { fault, count: fault.tokens, event });
    }
  }

  /** This gateway has put somebody into the box. */
  imposed(penalty: Penalty): void {
    this.#records.imposed(penalty);
    this.#wait(0);
  }

  /**
   * Another process of this gateway shares from now on. The places that are held here stay counted until `close`. Nothing
   * else is said, heard or recorded.
   */
  retire(): void {
    this.#isRetired = true;
    this.#attached = undefined;
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
    if (!this.#isRetired) for (const table of this.#records.all) table.startAgain();
    await this.#exchange(this.#records.urgent);
  }

  /** Renews the lease, too. */
  async #exchange(wanted: readonly AnyTable[]): Promise<void> {
    const tables = this.#isRetired ? [] : wanted;
    for (const table of tables) await table.say(this.#store);
    let hasMore = true;
    for (let round = 0; hasMore && round < MAX_ROUNDS; round += 1) {
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
      // A lock goes to the disk. A server that sends many must not fill the memory with those that wait.
      await this.#records.settled();
    }
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#takeTurn(), ms).unref();
  }

  async #takeTurn(): Promise<void> {
    if (this.#store.isUp) {
      this.#turn += 1;
      if (this.#turn % TURNS_OF_INVENTORY === 0) this.#records.putModalities();
      try {
        await this.#guess();
        await this.#exchange(this.#records.all);
      } catch {
        // The store has reported it, and begins again.
      }
    }
    this.#wait(TURN_MS);
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

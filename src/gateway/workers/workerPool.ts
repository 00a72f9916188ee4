/**
 * Several gateways in as many processes behind one listening socket. The primary accepts and deals connections out in
 * turn (node:cluster), keeps the places of all and writes the one audit log. A worker that dies takes its own
 * associations with it and is replaced. Knows no DICOM.
 */
import cluster from 'node:cluster';
import { join } from 'node:path';
import type { AuditEvent, AuditSink } from '../../audit/events';
import type { Configuration } from '../../config/schema';
import { OperatorError } from '../../errors';
import type { ModalityLock } from '../../policy/locks';
import { EGRESS_LISTENER } from '../../policy/policy';
import type { AssociationPlaces, LocalPlaces } from '../associationPlaces';
import type { AssociationProgress } from '../associationProgress';
import { untilIdle } from '../idle';
import { startedEvent, stoppedEvent } from '../lifeEvents';
import { PenaltyBox } from '../penaltyBox';
import { loadClientTls } from '../rules';
import type {
  GatewayOptions,
  ListeningAddress,
  LockResult,
  ReloadOptions,
  ReloadResult,
  RunningGateway,
  StopResult,
} from '../runningGateway';
import { UpstreamHealth } from '../upstreamHealth';
import { PoolMember } from './poolMember';
import { PoolTaps } from './poolTaps';
import { stopAccepting, watchPrimaryListeners } from './primaryListeners';
import { SharedSockets } from './sharedSockets';
import { shareOf } from './workerShare';

/** A worker that dies sooner will die again: its replacement starts after this time, so that it does not use up a core. */
const SHORT_LIFE_MS = 1000;
/** What a worker that stops gets beyond the timers of its associations. Then it is killed, because it may hang. */
const STOP_GRACE_MS = 2000;
/** A worker that hangs for longer is killed. With ports that stay open, somebody is always on the way. */
const MAX_LEAVING_MS = 20_000;

type PoolOptions = GatewayOptions & {
  /** Those of all workers. */
  readonly places: AssociationPlaces & Pick<LocalPlaces, 'servers' | 'taken'>;
};

export class WorkerPool implements RunningGateway {
  readonly #audit: AuditSink;
  readonly #disclosures: PoolOptions['disclosures'];
  readonly #places: PoolOptions['places'];
  readonly #imposed: PoolOptions['imposed'];
  readonly #sockets: SharedSockets;
  /** What workers and other gateways impose, for all workers; here nothing is charged. */
  readonly penalties: PenaltyBox;
  readonly #members = new Map<number, PoolMember>();
  readonly taps = new PoolTaps(this.#members);
  readonly #workerDied: (message: string) => void;
  #health: UpstreamHealth | undefined;
  #configuration: Configuration;
  #locks: readonly ModalityLock[];
  readonly #count: number;
  #addresses: readonly ListeningAddress[] = [];
  #quickAck = '';
  #isStopping = false;
  /** Who dies is not replaced. */
  #isRetiring = false;
  /** Until the line of the start is written, which is the first. */
  #early: AuditEvent[] | undefined = [];
  /** Settled when no reload is under way. */
  #reloading: Promise<unknown> = Promise.resolve();
  #aborted = 0;
  #noneLeft: () => void = () => {};

  private constructor(
    configuration: Configuration,
    count: number,
    audit: AuditSink,
    workerDied: (message: string) => void,
    { places, locks = [], imposed, disclosures, sockets }: PoolOptions,
  ) {
    this.#imposed = imposed;
    this.#disclosures = disclosures;
    this.#sockets = new SharedSockets(sockets);
    this.#configuration = configuration;
    this.#count = count;
    this.#audit = audit;
    this.#workerDied = workerDied;
    this.#places = places;
    this.penalties = new PenaltyBox(configuration, audit, (penalty) => {
      for (const member of this.#members.values()) member.send({ kind: 'penalty', penalty });
    });
    this.#locks = locks;
  }

  /** Throws OperatorError where a worker cannot start; none is left then. */
  static async start(
    configuration: Configuration,
    count: number,
    audit: AuditSink,
    workerDied: (message: string) => void,
    options: PoolOptions,
  ): Promise<WorkerPool> {
    // The primary asks the archives for all; before the workers, which would all report the same fault.
    const tlsByUpstream = loadClientTls(configuration, 'upstream');
    // Windows would leave most connections to one worker. The same everywhere.
    cluster.schedulingPolicy = cluster.SCHED_RR;
    watchPrimaryListeners();
    cluster.setupPrimary({
      exec: join(__dirname, 'workerProcess.js'),
      args: [],
      // Only the audit log may go to stdout: a worker writes there when the primary is dead.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const pool = new WorkerPool(configuration, count, audit, workerDied, options);
    try {
      await Promise.all(Array.from({ length: count }, () => pool.#fork()));
    } catch (error) {
      pool.#isStopping = true;
      for (const member of pool.#members.values()) member.kill();
      throw error;
    }
    audit.record(startedEvent(pool.#addresses, pool.#quickAck, count));
    for (const event of pool.#early ?? []) audit.record(event);
    pool.#early = undefined;
    pool.#health = new UpstreamHealth(configuration, tlsByUpstream, pool.#places.servers, audit);
    return pool;
  }

  get addresses(): readonly ListeningAddress[] {
    return this.#addresses;
  }

  get timeouts(): Configuration['timeouts'] {
    return this.#configuration.timeouts;
  }

  get connectionCount(): number {
    return this.#places.taken;
  }

  get associationCount(): number {
    return this.#places.taken;
  }

  async heartbeat(): Promise<void> {
    const running = [...this.#members.values()].filter(({ hasStarted }) => hasStarted);
    await Promise.all(running.map((member) => member.heartbeat()));
  }

  get isListening(): boolean {
    return [...this.#members.values()].some(({ hasStarted }) => hasStarted);
  }

  get health(): UpstreamHealth | undefined {
    return this.#health;
  }

  /** All workers take the new configuration over, or none does. */
  reload(configuration: Configuration, options: ReloadOptions = {}): Promise<ReloadResult> {
    const reloaded = this.#reload(configuration, options);
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  async #reload(configuration: Configuration, { enforce = false }: ReloadOptions): Promise<ReloadResult> {
    const members = [...this.#members.values()];
    const share = shareOf(configuration, this.#count);
    const tlsByUpstream = loadClientTls(configuration, 'upstream');
    const errors = await Promise.all(members.map((member) => member.prepareReload(share)));
    const error = errors.find((message) => message !== undefined);
    const endings = await Promise.all(
      members.map((member) => member.endReload(error === undefined, enforce)),
    );
    if (error !== undefined) throw new OperatorError(error);
    this.#configuration = configuration;
    this.penalties.replace(configuration);
    this.#addresses = endings.find((ending) => ending !== undefined)?.addresses ?? this.#addresses;
    this.#health?.replace(configuration, tlsByUpstream);
    return { ended: endings.reduce((sum, ending) => sum + (ending?.ended ?? 0), 0) };
  }

  async lock(locks: readonly ModalityLock[]): Promise<LockResult> {
    // Before anybody is asked: a worker that starts meanwhile has them too.
    this.#locks = locks;
    const ended = await Promise.all([...this.#members.values()].map((member) => member.lock(locks)));
    return { ended: ended.reduce<number>((sum, count) => sum + (count ?? 0), 0) };
  }

  async progress(wanted?: string): Promise<readonly AssociationProgress[]> {
    const members = [...this.#members.values()];
    return (await Promise.all(members.map((member) => member.progress(wanted)))).flat();
  }

  async retire(): Promise<void> {
    this.#isRetiring = true;
    this.#health?.stop();
    await this.#leave();
    for (const member of this.#members.values()) await member.retire();
    await untilIdle(() => this.#members.size);
  }

  async stop(): Promise<StopResult> {
    const isFirst = !this.#isStopping;
    this.#isStopping = true;
    this.#killAfter((isFirst ? this.timeouts.drainSeconds : 0) + this.timeouts.closeSeconds);
    // As in one process: systemd keeps these ports, and the archive is still served.
    const isKept = (each: ListeningAddress) => each.name !== EGRESS_LISTENER && this.#sockets.keeps(each);
    if (isFirst) await this.#leave(this.#addresses.filter(isKept));
    for (const member of this.#members.values()) member.send({ kind: 'stop' });
    if (!isFirst) return { aborted: 0 };
    if (this.#members.size > 0) {
      await new Promise<void>((resolve) => {
        this.#noneLeft = resolve;
      });
    }
    this.#health?.stop();
    const aborted = this.#aborted;
    this.#audit.record(stoppedEvent(aborted));
    return { aborted };
  }

  /** Connections to these addresses, or to all, are another process's from now on. Resolves once the workers have those before. */
  async #leave(addresses?: readonly ListeningAddress[]): Promise<void> {
    if (!stopAccepting(addresses)) return;
    const members = () => [...this.#members.values()];
    const untilMs = performance.now() + MAX_LEAVING_MS;
    // With each answer, node:cluster hands over the next one that waits.
    while (members().some(({ onTheirWay }) => onTheirWay > 0) && performance.now() < untilMs) {
      await Promise.all(members().map((member) => member.heartbeat()));
    }
  }

  #killAfter(seconds: number): void {
    const kill = () => {
      for (const member of this.#members.values()) member.kill();
    };
    setTimeout(kill, seconds * 1000 + STOP_GRACE_MS).unref();
  }

  async #fork(): Promise<void> {
    const member = new PoolMember(cluster.fork(), this.#places, {
      audit: (event) => {
        if (this.#early === undefined) this.#audit.record(event);
        else this.#early.push(event);
        this.#audit.hold?.(member, event.outcome);
      },
      // Of an event that waits, they would come to another one.
      disclose: (disclosure) => {
        if (this.#early === undefined) this.#disclosures?.disclose(disclosure);
      },
      flush: () => this.#audit.flush?.(),
      imposed: (penalty) => {
        this.penalties.take(penalty);
        this.#imposed?.(penalty);
      },
      stopped: (aborted) => {
        if (this.#isStopping) this.#aborted += aborted;
      },
      died: (how) => this.#died(member, how),
    });
    const sockets = this.#sockets.forWorkers(this.#members.size > 0);
    this.#members.set(member.worker.id, member);
    const { addresses, quickAck } = await member.start({
      configuration: shareOf(this.#configuration, this.#count),
      locks: this.#locks,
      sockets,
    });
    this.#addresses = addresses;
    this.#quickAck = quickAck;
    this.taps.joined(member);
    for (const penalty of this.penalties.list) member.send({ kind: 'penalty', penalty });
  }

  #died(member: PoolMember, how: string): void {
    this.#members.delete(member.worker.id);
    if (this.#isStopping) {
      if (this.#members.size === 0) this.#noneLeft();
      return;
    }
    if (!member.hasStarted || this.#isRetiring) return;
    this.#workerDied(`a worker died (${how}) with its associations; another one takes its place`);
    const isShort = performance.now() - member.startedMs < SHORT_LIFE_MS;
    this.#replace(isShort ? SHORT_LIFE_MS : 0);
  }

  #replace(delayMs: number): void {
    setTimeout(async () => {
      // A reload that is under way does not know a worker that starts now with the configuration before it.
      await this.#reloading;
      if (this.#isStopping) return;
      await this.#fork().catch((error: unknown) => {
        this.#workerDied(`a worker cannot be replaced: ${error instanceof Error ? error.message : error}`);
        this.#replace(SHORT_LIFE_MS);
      });
    }, delayMs);
  }
}

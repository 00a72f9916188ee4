/**
 * Several gateways in as many processes, one listening socket: the primary accepts and deals connections out in
 * turn (node:cluster), keeps the places of all and writes the one audit log. A worker that dies takes its own
 * associations with it and is replaced.
 */
import cluster, { type Worker } from 'node:cluster';
import { join } from 'node:path';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { LocalPlaces, type Place } from './associationPlaces';
import type { ListeningAddress, ReloadOptions, ReloadResult, RunningGateway, StopResult } from './gateway';
import { startedEvent, stoppedEvent } from './lifeEvents';
import { UpstreamHealth } from './upstreamHealth';
import type { FromWorker, ToWorker } from './workerMessages';

/** A worker that dies at once, dies again at once: this keeps a broken one from taking a core. */
const REPLACEMENT_DELAY_MS = 1000;

export class WorkerPool implements RunningGateway {
  readonly #audit: AuditSink;
  readonly #places = new LocalPlaces();
  readonly #members = new Map<number, Member>();
  readonly #workerDied: (message: string) => void;
  #health: UpstreamHealth | undefined;
  #configuration: Configuration;
  #addresses: readonly ListeningAddress[] = [];
  #quickAck = '';
  #isStopping = false;
  #aborted = 0;
  #noneLeft: () => void = () => {};

  private constructor(configuration: Configuration, audit: AuditSink, workerDied: (message: string) => void) {
    this.#configuration = configuration;
    this.#audit = audit;
    this.#workerDied = workerDied;
  }

  /** Throws OperatorError where a worker cannot start; none is left then. */
  static async start(
    configuration: Configuration,
    count: number,
    audit: AuditSink,
    workerDied: (message: string) => void,
  ): Promise<WorkerPool> {
    cluster.setupPrimary({
      exec: join(__dirname, 'workerProcess.js'),
      args: [],
      // Only the primary writes the audit log, which is all that may go to stdout.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const pool = new WorkerPool(configuration, audit, workerDied);
    try {
      await Promise.all(Array.from({ length: count }, () => pool.#fork()));
    } catch (error) {
      pool.#isStopping = true;
      for (const { worker } of pool.#members.values()) worker.kill('SIGKILL');
      throw error;
    }
    audit.record(startedEvent(pool.#addresses, pool.#quickAck, count));
    pool.#health = new UpstreamHealth(configuration, pool.#places.servers, audit);
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

  /** All workers take the new configuration over, or none does. */
  async reload(configuration: Configuration, { enforce = false }: ReloadOptions = {}): Promise<ReloadResult> {
    const members = [...this.#members.values()];
    const errors = await Promise.all(members.map((member) => member.prepareReload(configuration)));
    const error = errors.find((message) => message !== undefined);
    const endings = await Promise.all(
      members.map((member) => member.endReload(error === undefined, enforce)),
    );
    if (error !== undefined) throw new OperatorError(error);
    this.#configuration = configuration;
    this.#addresses = endings.find((ending) => ending !== undefined)?.addresses ?? this.#addresses;
    this.#health?.replace(configuration);
    return { ended: endings.reduce((sum, ending) => sum + (ending?.ended ?? 0), 0) };
  }

  async stop(): Promise<StopResult> {
    for (const member of this.#members.values()) member.send({ kind: 'stop' });
    if (this.#isStopping) return { aborted: 0 };
    this.#isStopping = true;
    this.#health?.stop();
    if (this.#members.size > 0) {
      await new Promise<void>((resolve) => {
        this.#noneLeft = resolve;
      });
    }
    const aborted = this.#aborted;
    this.#audit.record(stoppedEvent(aborted));
    return { aborted };
  }

  async #fork(): Promise<void> {
    const member = new Member(cluster.fork(), this.#places, {
      audit: (event) => this.#audit.record(event),
      stopped: (aborted) => {
        this.#aborted += aborted;
      },
      died: (how) => this.#died(member, how),
    });
    this.#members.set(member.worker.id, member);
    const { addresses, quickAck } = await member.start(this.#configuration);
    this.#addresses = addresses;
    this.#quickAck = quickAck;
  }

  #died(member: Member, how: string): void {
    this.#members.delete(member.worker.id);
    if (this.#isStopping) {
      if (this.#members.size === 0) this.#noneLeft();
      return;
    }
    if (!member.hasStarted) return;
    this.#workerDied(`a worker died (${how}) with its associations; another one takes its place`);
    this.#replace();
  }

  #replace(): void {
    setTimeout(() => {
      if (this.#isStopping) return;
      this.#fork().catch((error: unknown) => {
        this.#workerDied(`a worker cannot be replaced: ${error instanceof Error ? error.message : error}`);
        this.#replace();
      });
    }, REPLACEMENT_DELAY_MS);
  }
}

interface MemberEvents {
  audit(event: Extract<FromWorker, { kind: 'audit' }>['event']): void;
  stopped(aborted: number): void;
  died(how: string): void;
}

type ReloadEnding = Extract<FromWorker, { kind: 'reloadEnded' }>;

/** One worker, as the primary sees it. */
class Member {
  readonly worker: Worker;
  hasStarted = false;
  readonly #places: LocalPlaces;
  readonly #events: MemberEvents;
  readonly #placeById = new Map<number, Place>();
  /** Of each association that is open, the line that told of its acceptance. */
  readonly #acceptedByConnectionId = new Map<string, AuditEvent>();
  #started: (message: Extract<FromWorker, { kind: 'started' }>) => void = () => {};
  #failed: (error: OperatorError) => void = () => {};
  #reloadPrepared: ((error: string | undefined) => void) | undefined;
  #reloadEnded: ((ending: ReloadEnding | undefined) => void) | undefined;

  constructor(worker: Worker, places: LocalPlaces, events: MemberEvents) {
    this.worker = worker;
    this.#places = places;
    this.#events = events;
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', () => {});
    worker.on('exit', (code, signal) => {
      const exited = () => this.#exited(signal ?? `exit code ${code}`);
      // What it said last may still be in the pipe.
      if (worker.isConnected()) worker.once('disconnect', exited);
      else exited();
    });
  }

  send(message: ToWorker): void {
    if (this.worker.isConnected()) this.worker.send(message);
  }

  start(configuration: Configuration): Promise<Extract<FromWorker, { kind: 'started' }>> {
    return new Promise((resolve, reject) => {
      this.#started = resolve;
      this.#failed = reject;
      this.send({ kind: 'start', configuration });
    });
  }

  /** Resolves with why the worker cannot take the configuration; a worker that dies meanwhile does not mind. */
  prepareReload(configuration: Configuration): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#reloadPrepared = resolve;
      this.send({ kind: 'prepareReload', configuration });
    });
  }

  /** Resolves with how it went; undefined where the worker died meanwhile. */
  endReload(isCommitted: boolean, enforce: boolean): Promise<ReloadEnding | undefined> {
    return new Promise((resolve) => {
      this.#reloadEnded = resolve;
      if (this.worker.isConnected()) this.send({ kind: 'endReload', isCommitted, enforce });
      else resolve(undefined);
    });
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'started':
        this.hasStarted = true;
        this.#started(message);
        break;
      case 'failed':
        this.#failed(new OperatorError(message.message, message.exitCode));
        break;
      case 'reloadPrepared':
        this.#reloadPrepared?.(message.error);
        break;
      case 'reloadEnded':
        this.#reloadEnded?.(message);
        break;
      case 'audit':
        this.#follow(message.event);
        this.#events.audit(message.event);
        break;
      case 'placeRequest':
        this.#request(message);
        break;
      case 'serverAnswered':
        this.#placeById.get(message.id)?.arrived(message.server);
        break;
      case 'serverFailed':
        this.#placeById.get(message.id)?.failed(message.server, message.detail);
        break;
      case 'placeFreed':
        this.#placeById.get(message.id)?.free();
        this.#placeById.delete(message.id);
        break;
      case 'stopped':
        this.#events.stopped(message.aborted);
    }
  }

  #follow(event: AuditEvent): void {
    const { connectionId } = event;
    if (connectionId === undefined) return;
    if (event.event === 'association.accepted') this.#acceptedByConnectionId.set(connectionId, event);
    else if (event.event === 'association.released' || event.event === 'association.aborted') {
      this.#acceptedByConnectionId.delete(connectionId);
    }
  }

  /** An association of a dead worker has an end in the audit log too, which nobody else can write. */
  #tellLost(how: string): void {
    for (const { durationMs: _, ...accepted } of this.#acceptedByConnectionId.values()) {
      this.#events.audit({
        ...accepted,
        event: 'association.aborted',
        outcome: 'failed',
        reason: 'gateway-stopped',
        detail: `its worker died (${how})`,
      });
    }
    this.#acceptedByConnectionId.clear();
  }

  #request({ id, request }: Extract<FromWorker, { kind: 'placeRequest' }>): void {
    const place = this.#places.request(request, (answer) => this.send({ kind: 'placeAnswer', id, answer }));
    this.#placeById.set(id, place);
  }

  #exited(how: string): void {
    for (const place of this.#placeById.values()) place.free();
    this.#placeById.clear();
    this.#tellLost(how);
    this.#reloadPrepared?.(undefined);
    this.#reloadEnded?.(undefined);
    this.#failed(new OperatorError(`a worker ended at its start: ${how}`, ExitCode.Failed));
    this.#events.died(how);
  }
}

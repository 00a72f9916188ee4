/**
 * One worker of the pool, as the primary sees it: the messages to it and from it, the places and associations that it
 * has, and what is left of it when it dies. Knows no other worker.
 */
import type { Worker } from 'node:cluster';
import type { AuditEvent, Sender } from '../../audit/events';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import type { ModalityLock } from '../../policy/locks';
import type { AssociationPlace, AssociationPlaces } from '../associationPlaces';
import type { AssociationProgress } from '../associationProgress';
import type { Disclosure } from '../dataSetTap';
import type { Penalty } from '../penaltyBox';
import { fromPipe } from './auditPipe';
import { HandedConnections } from './handedConnections';
import type { FromWorker, ToWorker } from './messages';

/** Preparing 10,000 entries takes a second. A worker that takes this long hangs, and must not hold up others. */
const MAX_RELOAD_ANSWER_MS = 15_000;

/** A person waits for it. A worker that is so late is busy or hangs; the rest of the status does not wait for it. */
const MAX_PROGRESS_ANSWER_MS = 500;

export interface PoolMemberEvents {
  audit(event: AuditEvent): void;
  /** Of the event that comes next. */
  disclose(disclosure: Disclosure): void;
  /** Writes what was recorded. */
  flush(): void;
  imposed(penalty: Penalty): void;
  /** It has ended, or was lost, with so many associations that were open. */
  stopped(aborted: number): void;
  died(how: string): void;
}

type ReloadEnding = Extract<FromWorker, { kind: 'reloadEnded' }>;
type Answered<T> = (answer: T | undefined) => void;

export class PoolMember implements Sender {
  readonly worker: Worker;
  hasStarted = false;
  readonly startedMs = performance.now();
  readonly #places: AssociationPlaces;
  readonly #events: PoolMemberEvents;
  readonly #placeById = new Map<number, AssociationPlace>();
  readonly #acceptedByConnectionId = new Map<string, AuditEvent>();
  readonly #handed: HandedConnections;
  /** Lines that came in this turn of the event loop, and are written at its end. */
  #unwritten = 0;
  #hasStopped = false;
  #started: (message: Extract<FromWorker, { kind: 'started' }>) => void = () => {};
  #failed: (error: OperatorError) => void = () => {};
  #toldProgress: (associations: readonly AssociationProgress[]) => void = () => {};
  /** All who ask meanwhile get the same answer, except for one association. */
  #askedForProgress: Promise<readonly AssociationProgress[]> | undefined;
  #reloadPrepared: Answered<string> | undefined;
  #reloadEnded: Answered<ReloadEnding> | undefined;
  #locked: Answered<number> | undefined;
  #beat: ((answer: undefined) => void) | undefined;
  #heartbeat: Promise<undefined> | undefined;

  constructor(worker: Worker, places: AssociationPlaces, events: PoolMemberEvents) {
    this.worker = worker;
    this.#places = places;
    this.#events = events;
    this.#handed = new HandedConnections(worker.process);
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

  start(
    message: Omit<Extract<ToWorker, { kind: 'start' }>, 'kind'>,
  ): Promise<Extract<FromWorker, { kind: 'started' }>> {
    return new Promise((resolve, reject) => {
      this.#started = resolve;
      this.#failed = reject;
      this.send({ kind: 'start', ...message });
    });
  }

  /** Resolves with why the worker cannot take the configuration; undefined where it can, or has died. */
  prepareReload(configuration: Configuration): Promise<string | undefined> {
    return this.#asked({ kind: 'prepareReload', configuration }, (resolve) => {
      this.#reloadPrepared = resolve;
    });
  }

  /** Resolves with how it went; undefined where the worker died meanwhile. */
  endReload(isCommitted: boolean, enforce: boolean): Promise<ReloadEnding | undefined> {
    return this.#asked({ kind: 'endReload', isCommitted, enforce }, (resolve) => {
      this.#reloadEnded = resolve;
    });
  }

  /** Resolves with the number of associations that it ended; undefined where the worker has died. */
  lock(locks: readonly ModalityLock[]): Promise<number | undefined> {
    return this.#asked({ kind: 'lock', locks }, (resolve) => {
      this.#locked = resolve;
    });
  }

  /** Connections that it has been sent and has not answered. */
  get onTheirWay(): number {
    return this.#handed.count;
  }

  /** Resolves once it no longer listens. It ends by itself when nobody is left. */
  async retire(): Promise<void> {
    await this.heartbeat();
    await this.#beats('retire');
  }

  /** Resolves once it has answered. One that hangs is killed after a while, which answers too. */
  async heartbeat(): Promise<void> {
    this.#heartbeat ??= this.#beats('heartbeat');
    await this.#heartbeat;
    this.#heartbeat = undefined;
  }

  #beats(kind: 'retire' | 'heartbeat'): Promise<undefined> {
    return this.#asked({ kind }, (resolve) => {
      this.#beat = resolve;
    });
  }

  /** What is under way in this worker. Of one that does not answer in time, nothing is known. */
  progress(wanted?: string): Promise<readonly AssociationProgress[]> {
    const asked = this.#askedForProgress;
    if (asked !== undefined && wanted !== undefined) return asked.then(() => this.progress(wanted));
    this.#askedForProgress ??= new Promise((resolve) => {
      const answer = (associations: readonly AssociationProgress[]) => {
        clearTimeout(deadline);
        this.#askedForProgress = undefined;
        resolve(associations);
      };
      const deadline = setTimeout(() => answer([]), MAX_PROGRESS_ANSWER_MS);
      this.#toldProgress = answer;
      this.send({ kind: 'tellProgress', wanted });
    });
    return this.#askedForProgress;
  }

  /** The log takes no lines. */
  pause(): void {
    this.send({ kind: 'logBlocked', isBlocked: true });
  }

  resume(): void {
    this.send({ kind: 'logBlocked', isBlocked: false });
  }

  /** At once: it may hang and read no message. */
  kill(): void {
    this.worker.process.kill('SIGKILL');
  }

  /** A worker that does not answer in time is killed, which answers too. */
  #asked<T>(message: ToWorker, keep: (answered: Answered<T>) => void): Promise<T | undefined> {
    return new Promise((resolve) => {
      const deadline = setTimeout(() => this.kill(), MAX_RELOAD_ANSWER_MS);
      const answered = (answer: T | undefined) => {
        clearTimeout(deadline);
        resolve(answer);
      };
      keep(answered);
      if (this.worker.isConnected()) this.send(message);
      else answered(undefined);
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
      case 'heartbeat':
        this.#beat?.(undefined);
        break;
      case 'locked':
        this.#locked?.(message.ended);
        break;
      case 'progress':
        this.#toldProgress(message.associations);
        break;
      case 'audit':
        this.#audit(message);
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
      case 'penaltyImposed':
        this.#events.imposed(message.penalty);
        break;
      case 'stopped':
        this.#hasStopped = true;
        this.#events.stopped(message.aborted);
    }
  }

  #audit({ events, disclosed }: Extract<FromWorker, { kind: 'audit' }>): void {
    let next = 0;
    for (const [index, event] of events.entries()) {
      this.#follow(event);
      if (disclosed[next]?.at === index) this.#events.disclose(fromPipe(disclosed[next++]!));
      this.#events.audit(event);
    }
    this.#confirm(events.length);
  }

  /** Once they are written: until then the worker keeps them, and writes them itself where this process dies. */
  #confirm(count: number): void {
    if (this.#unwritten === 0) {
      setImmediate(() => {
        this.#events.flush();
        this.send({ kind: 'auditWritten', count: this.#unwritten });
        this.#unwritten = 0;
      });
    }
    this.#unwritten += count;
  }

  #follow(event: AuditEvent): void {
    const { connectionId } = event;
    if (connectionId === undefined) return;
    if (event.event === 'association.accepted') this.#acceptedByConnectionId.set(connectionId, event);
    else if (event.event === 'association.released' || event.event === 'association.aborted') {
      this.#acceptedByConnectionId.delete(connectionId);
    }
  }

  /** Writes the end of each association of a dead worker to the audit log: nobody else can. Returns how many. */
  #recordLost(how: string): number {
    const lost = this.#acceptedByConnectionId.size;
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
    return lost;
  }

  #request({ id, request }: Extract<FromWorker, { kind: 'placeRequest' }>): void {
    const place = this.#places.request(
      request,
      (answer) => this.send({ kind: 'placeAnswer', id, answer }),
      (held) => this.send({ kind: 'placeAsked', id, held }),
    );
    this.#placeById.set(id, place);
  }

  #exited(how: string): void {
    for (const place of this.#placeById.values()) place.free();
    this.#placeById.clear();
    this.#handed.close();
    const lost = this.#recordLost(how);
    if (!this.#hasStopped) this.#events.stopped(lost);
    this.#reloadPrepared?.(undefined);
    this.#reloadEnded?.(undefined);
    this.#locked?.(undefined);
    this.#beat?.(undefined);
    this.#toldProgress([]);
    this.#failed(new OperatorError(`a worker ended at its start: ${how}`, ExitCode.Failed));
    this.#events.died(how);
  }
}

/**
 * The locks of a running gateway: kept in the file of `stateDirectory`, known to every process, written to the audit log,
 * and ended when their time is over. One change after the other. A lock counts even where it cannot be written; an unlock
 * does not.
 */
import type { LockControl, LockReport, LockRequest } from '../admin/lockRoutes';
import type { AuditSink } from '../audit/events';
import { changeLockFile, lockFile, readLockFile, withLock, withoutLock } from '../config/lockFile';
import type { Configuration } from '../config/schema';
import type { RunningGateway } from '../gateway/runningGateway';
import { describeLock, lockEndMs, locksInForce, type ModalityLock } from '../policy/locks';
import { escapeUnsafe, quoteValue } from '../text/quote';
import type { Say } from './warnings';

interface Attached {
  readonly gateway: Pick<RunningGateway, 'lock'>;
  readonly audit: AuditSink;
}

/** A clock that is set is noticed within this time. */
const MAX_WAIT_MS = 60_000;
/** With those of other gateways. What the file holds must stay short enough for the next start. */
const MAX_LOCKS = 1000;

export class ModalityLocks implements LockControl {
  readonly #stateDirectory: string;
  readonly #say: Say;
  #locks: readonly ModalityLock[];
  /** Those that could not be written: the file does not know them. */
  readonly #unkept = new Set<string>();
  #attached: Attached | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #changed: (modality: string, lock: ModalityLock | undefined) => void = () => {};
  #isFullSaid = false;

  /** Throws OperatorError where the file cannot be understood: nobody knows then who was shut out. */
  constructor({ stateDirectory, modalities }: Configuration, say: Say) {
    this.#stateDirectory = stateDirectory;
    this.#say = say;
    this.#locks = locksInForce(readLockFile(stateDirectory) ?? [], Date.now());
    for (const lock of this.#locks) {
      const unknown = Object.hasOwn(modalities, lock.modality) ? '' : ', but is in no entry';
      say(`modality ${quoteValue(lock.modality)} is ${describeLock(lock)}${unknown}`);
    }
  }

  /** Those in force, the oldest first. */
  get list(): readonly ModalityLock[] {
    return locksInForce(this.#locks, Date.now());
  }

  attach(attached: Attached): void {
    this.#attached = attached;
    this.#waitForEnd();
  }

  lock({ modality, reason, forSeconds, by }: LockRequest): Promise<LockReport> {
    return this.#inTurn(async () => {
      const nowMs = Date.now();
      const lock: ModalityLock = {
        modality,
        reason,
        since: new Date(nowMs).toISOString(),
        ...(forSeconds === undefined ? {} : { until: new Date(nowMs + forSeconds * 1000).toISOString() }),
        ...(by === undefined ? {} : { by }),
      };
      const { ended, problem } = await this.#takeAndKeep(modality, lock);
      const fault = problem === undefined ? '' : `; it is not kept across a restart: ${problem}`;
      this.#record(
        'modality.locked',
        modality,
        `${describeLock(lock)}; associations ended: ${ended}${fault}`,
      );
      this.#changed(modality, lock);
      return { lock, ended, ...(problem === undefined ? {} : { problem }) };
    });
  }

  /** Whether it was locked. Rejects with OperatorError where that cannot be written: it stays locked then. */
  unlock(modality: string, by?: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const lock = this.#locks.find((each) => each.modality === modality);
      if (lock === undefined) return false;
      await changeLockFile(this.#stateDirectory, (locks) => withoutLock(locks, modality));
      this.#unkept.delete(modality);
      await this.#take(withoutLock(this.#locks, modality));
      const who = by === undefined ? '' : ` by ${escapeUnsafe(by)}`;
      this.#record('modality.unlocked', modality, `unlocked${who}; it was ${describeLock(lock)}`);
      this.#changed(modality, undefined);
      return true;
    });
  }

  /** `changed` is called with each change of this gateway; undefined: unlocked. */
  follow(changed: (modality: string, lock: ModalityLock | undefined) => void): void {
    this.#changed = changed;
  }

  /** Another gateway has locked it, or unlocked it. */
  takeOver(modality: string, lock: ModalityLock | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const known = this.list.find((each) => each.modality === modality);
      const isOver = lock !== undefined && lockEndMs(lock) <= Date.now();
      if (isOver || JSON.stringify(lock) === JSON.stringify(known)) return;
      if (lock !== undefined && known === undefined && this.list.length >= MAX_LOCKS) {
        this.#sayFull(modality);
        return;
      }
      const { ended, problem } = await this.#takeAndKeep(modality, lock);
      const fault = problem === undefined ? '' : `; that is not kept across a restart: ${problem}`;
      if (lock === undefined) {
        const detail = `unlocked at another gateway; it was ${describeLock(known!)}${fault}`;
        this.#record('modality.unlocked', modality, detail);
      } else {
        const detail = `${describeLock(lock)}, at another gateway; associations ended: ${ended}${fault}`;
        this.#record('modality.locked', modality, detail);
      }
    });
  }

  #sayFull(modality: string): void {
    if (this.#isFullSaid) return;
    this.#isFullSaid = true;
    this.#say(
      `warning: modality ${quoteValue(modality)} and others are locked at another gateway and not here: ${MAX_LOCKS} are locked`,
    );
  }

  /** Resolves when all that was asked for is done. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /** Takes over what a command has written while it could not ask. Where that cannot be read, every lock stays. */
  reread(): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.list;
      let read: readonly ModalityLock[] | undefined;
      try {
        read = readLockFile(this.#stateDirectory);
      } catch (error) {
        this.#say(`warning: ${(error as Error).message}; every lock stays as it was`);
        return;
      }
      if (read === undefined) {
        if (before.length > 0) {
          this.#say(`warning: ${lockFile(this.#stateDirectory)} is gone; every lock stays as it was`);
        }
        return;
      }
      const unkept = before.filter(({ modality }) => this.#unkept.has(modality));
      const after = locksInForce(unkept.reduce(withLock, read), Date.now());
      if (JSON.stringify(after) === JSON.stringify(before)) return;
      const isIn = (list: readonly ModalityLock[], lock: ModalityLock) =>
        list.some((other) => JSON.stringify(other) === JSON.stringify(lock));
      const ended = await this.#take(after);
      for (const lock of after.filter((each) => !isIn(before, each))) {
        this.#record('modality.locked', lock.modality, `${describeLock(lock)}; associations ended: ${ended}`);
        this.#changed(lock.modality, lock);
      }
      const names = new Set(after.map(({ modality }) => modality));
      for (const lock of before.filter(({ modality }) => !names.has(modality))) {
        this.#record(
          'modality.unlocked',
          lock.modality,
          `the file of locks no longer has it; it was ${describeLock(lock)}`,
        );
        this.#changed(lock.modality, undefined);
      }
    });
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** In this order: a disk that is slow or full must not keep the device connected. Undefined: it is unlocked. */
  async #takeAndKeep(modality: string, lock: ModalityLock | undefined) {
    const change = (locks: readonly ModalityLock[]) =>
      lock === undefined ? withoutLock(locks, modality) : withLock(locks, lock);
    const ended = await this.#take(change(this.#locks));
    const problem = await this.#keep(change);
    if (problem === undefined || lock === undefined) this.#unkept.delete(modality);
    else this.#unkept.add(modality);
    return { ended, problem };
  }

  async #take(locks: readonly ModalityLock[]): Promise<number> {
    this.#locks = locks;
    const { ended = 0 } = (await this.#attached?.gateway.lock(this.list)) ?? {};
    this.#waitForEnd();
    return ended;
  }

  /** Undefined where it is written, else why not. */
  async #keep(change: Parameters<typeof changeLockFile>[1]): Promise<string | undefined> {
    try {
      await changeLockFile(this.#stateDirectory, change);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #record(event: 'modality.locked' | 'modality.unlocked', modality: string, detail: string): void {
    this.#attached?.audit.record({ event, outcome: 'info', modality, detail });
    this.#say(`modality ${quoteValue(modality)} is ${detail}`);
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Decisions look at the clock themselves; this is for the log and the file. */
  #waitForEnd(): void {
    clearTimeout(this.#timer);
    const endMs = this.#locks.map(lockEndMs).reduce((one, other) => Math.min(one, other), Infinity);
    if (endMs === Infinity) return;
    const waitMs = Math.min(Math.max(0, endMs - Date.now()), MAX_WAIT_MS);
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#endOver()), waitMs).unref();
  }

  async #endOver(): Promise<void> {
    const nowMs = Date.now();
    const over = this.#locks.filter((lock) => lockEndMs(lock) <= nowMs);
    if (over.length > 0) {
      await this.#take(locksInForce(this.#locks, nowMs));
      const problem = await this.#keep((locks) => locksInForce(locks, nowMs));
      if (problem !== undefined) this.#say(`warning: ${problem}`);
      for (const lock of over) {
        this.#unkept.delete(lock.modality);
        this.#record(
          'modality.unlocked',
          lock.modality,
          `unlocked, its time is over; it was ${describeLock(lock)}`,
        );
      }
    }
    this.#waitForEnd();
  }
}

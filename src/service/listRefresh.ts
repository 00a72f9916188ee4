/**
 * Keeps the revocation lists of URLs current: fetches each one before it ends, and at the latest when the refresh interval
 * is over. A list that cannot be had, or is not to be taken, changes nothing: the one that is held counts until its end,
 * and the log says so from the first failure on. Runs in the process of `aegis start` alone, never in a handshake.
 */
import { basename, dirname } from 'node:path';
import type { RevocationListStatus } from '../admin/statusReport';
import type { AuditEvent } from '../audit/events';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { writeStateFile } from '../files/stateDirectory';
import { DAY_MS } from '../text/moments';
import type { RevocationList } from '../x509/tlsFiles';
import {
  acceptedList,
  describeHeld,
  describeList,
  heldList,
  isSameList,
  type ListSource,
  listSourcesOf,
} from './fetchedLists';

/** After a failure: twice as long after each further one. */
const MIN_RETRY_MS = 30_000;
const MAX_RETRY_MS = 15 * 60_000;
/** A start and a reload wait no longer for new lists: `aegis reload` waits 10 s for its answer. */
const MAX_PREPARE_MS = 8_000;
/** A list whose end is near is fetched again at half of what is left, but not in a tight loop. */
const MIN_REFRESH_MS = 60_000;
/** So much of an interval is cut off by chance, so that the gateways of a hospital do not all ask at once. */
const JITTER = 0.1;
/** The log has a line when a failure begins or changes, and one a day while it lasts. */
const REPORT_AGAIN_MS = DAY_MS;

export interface ListRefreshOptions {
  /** Gets what is at a URL. Rejects with OperatorError. */
  fetch(url: string, cancelled: AbortSignal): Promise<Buffer>;
  record(event: AuditEvent): void;
  /** Lists have changed on the disk: they count once it resolves. Rejects where they cannot be taken over. */
  takeOver(): Promise<void>;
  now?(): Date;
}

interface FetchOptions {
  readonly isStrict: boolean;
  readonly cancelled: AbortSignal;
}

interface Failure {
  readonly why: string;
  readonly since: Date;
  readonly count: number;
  readonly reportedAt: Date;
}

interface Kept {
  source: ListSource;
  list: RevocationList | undefined;
  /** It is on the disk, but does not count yet. */
  isWaiting: boolean;
  fetchedAt: Date | undefined;
  failure: Failure | undefined;
  dueMs: number;
}

export class ListRefresh {
  readonly #options: ListRefreshOptions;
  readonly #closed = new AbortController();
  #refreshMs = 0;
  #keptByUrl: ReadonlyMap<string, Kept> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ListRefreshOptions) {
    this.#options = options;
  }

  get statuses(): readonly RevocationListStatus[] {
    return [...this.#keptByUrl.values()].map(statusOf);
  }

  /**
   * Makes ready for a configuration: fetches the lists of URLs that are new and of which none is kept. The result takes
   * them over when it is called, and reports those that cannot be had. With `isStrict` that rejects with OperatorError
   * instead: a reload must not shut out the devices of a CA.
   */
  async prepare(configuration: Configuration, isStrict: boolean): Promise<() => void> {
    this.#refreshMs = configuration.crlRefreshSeconds * 1000;
    const next = new Map<Kept, ListSource>();
    const missing: Kept[] = [];
    for (const source of listSourcesOf(configuration)) {
      const known = this.#keptByUrl.get(source.url);
      const list = heldList(source, this.#now());
      const kept = known ?? {
        source,
        list,
        isWaiting: false,
        fetchedAt: undefined,
        failure: undefined,
        dueMs: 0,
      };
      next.set(kept, source);
      // Who reloads wants the newest, perhaps because a certificate was revoked just now.
      kept.dueMs = 0;
      // One that is missing already shuts out nobody else.
      if (list === undefined && (known === undefined || known.list !== undefined)) missing.push(kept);
    }
    const signals = [this.#closed.signal, AbortSignal.timeout(MAX_PREPARE_MS)];
    const cancelled = AbortSignal.any(signals);
    await Promise.all(missing.map((kept) => this.#fetch(kept, next.get(kept)!, { isStrict, cancelled })));
    // One that comes later, while the configuration is taken over, is taken over by itself.
    const taken = [...next.keys()]
      .filter(({ isWaiting }) => isWaiting)
      .map((kept) => [kept, kept.list] as const);
    return () => {
      const before = this.#keptByUrl;
      for (const [kept, source] of next) kept.source = source;
      this.#keptByUrl = new Map([...next].map(([kept, { url }]) => [url, kept]));
      for (const [url, kept] of this.#keptByUrl) if (!before.has(url)) this.#reportFailure(kept);
      for (const [kept, list] of taken) if (kept.list === list) this.#tookOver(kept);
      this.#schedule();
    };
  }

  /** Fetches every list that is due. */
  refresh(): Promise<void> {
    this.#running ??= this.#refreshDue().finally(() => {
      this.#running = undefined;
      this.#schedule();
    });
    return this.#running;
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }

  async #refreshDue(): Promise<void> {
    const nowMs = this.#now().getTime();
    const due = [...this.#keptByUrl.values()].filter(({ dueMs }) => dueMs <= nowMs);
    const cancelled = this.#closed.signal;
    await Promise.all(due.map((kept) => this.#fetch(kept, kept.source, { isStrict: false, cancelled })));
    const waiting = due.filter(({ isWaiting }) => isWaiting);
    if (waiting.length === 0 || this.#closed.signal.aborted) return;
    try {
      await this.#options.takeOver();
      for (const kept of waiting) this.#tookOver(kept);
    } catch (error) {
      for (const kept of waiting) {
        this.#failed(kept, `was fetched, but cannot be taken over: ${(error as Error).message}`);
      }
    }
  }

  /** Of a background job nothing may end the gateway: any error is a failure of this list alone. */
  async #fetch(kept: Kept, source: ListSource, { isStrict, cancelled }: FetchOptions): Promise<void> {
    const { url, file } = source;
    try {
      const bytes = await this.#options.fetch(url, cancelled);
      const now = this.#now();
      const held = this.#heldFor(kept, source, now);
      const list = acceptedList(bytes, source, held, now);
      // Without one that is held, the file may be damaged or gone.
      if (held === undefined || !isSameList(list, kept.list)) {
        await writeStateFile(dirname(file), basename(file), bytes);
        kept.list = list;
        kept.isWaiting = true;
      }
      kept.fetchedAt = now;
      kept.dueMs = now.getTime() + this.#jittered(this.#intervalMs(list, now));
      if (kept.isWaiting || kept.failure === undefined) return;
      kept.failure = undefined;
      this.#report(kept, 'can be fetched again; its list is the one that is held');
    } catch (error) {
      const why = (error as Error).message;
      if (isStrict) throw new OperatorError(`crl ${url} ${why}`, ExitCode.Failed);
      if (!this.#closed.signal.aborted) this.#failed(kept, why);
    }
  }

  /** Where other CAs are trusted now, what is held may no longer fit. */
  #heldFor(kept: Kept, source: ListSource, now: Date): RevocationList | undefined {
    return source === kept.source ? kept.list : heldList(source, now);
  }

  #tookOver(kept: Kept): void {
    kept.isWaiting = false;
    kept.failure = undefined;
    if (kept.list !== undefined) this.#report(kept, describeList(kept.list));
  }

  #report({ source: { url } }: Kept, what: string): void {
    this.#options.record({ event: 'crl.fetched', outcome: 'info', detail: `${url}: ${what}` });
  }

  #intervalMs({ nextUpdate }: RevocationList, now: Date): number {
    const leftMs = nextUpdate === undefined ? Number.POSITIVE_INFINITY : nextUpdate.getTime() - now.getTime();
    return Math.min(this.#refreshMs, Math.max(MIN_REFRESH_MS, leftMs / 2));
  }

  #failed(kept: Kept, why: string): void {
    const now = this.#now();
    const before = kept.failure;
    const isReported = before?.why === why && now.getTime() - before.reportedAt.getTime() < REPORT_AGAIN_MS;
    const count = (before?.count ?? 0) + 1;
    kept.failure = {
      why,
      since: before?.since ?? now,
      count,
      reportedAt: isReported ? before.reportedAt : now,
    };
    const backOffMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** Math.min(count - 1, 10));
    kept.dueMs = now.getTime() + this.#jittered(Math.min(backOffMs, this.#refreshMs));
    // Before the start the log has no lines of this.
    if (!isReported && this.#keptByUrl.has(kept.source.url)) this.#reportFailure(kept);
  }

  #reportFailure({ source: { url }, failure, list }: Kept): void {
    if (failure === undefined) return;
    const detail = `${url} ${failure.why}; ${describeHeld(list, this.#now())}`;
    this.#options.record({ event: 'crl.failed', outcome: 'failed', detail });
  }

  #jittered(ms: number): number {
    return ms * (1 - Math.random() * JITTER);
  }

  /** One timer, for the list that is due first. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#keptByUrl.size === 0 || this.#closed.signal.aborted) return;
    const first = Math.min(...[...this.#keptByUrl.values()].map(({ dueMs }) => dueMs));
    // Looked at again within the interval: a clock that is set back must not put it off.
    const waitMs = Math.min(Math.max(0, first - this.#now().getTime()), this.#refreshMs);
    this.#timer = setTimeout(() => void this.refresh(), waitMs).unref();
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}

function statusOf({ source: { url }, list, fetchedAt, failure }: Kept): RevocationListStatus {
  return {
    url,
    ...(list === undefined ? {} : { list: describeList(list) }),
    ...(list?.nextUpdate === undefined ? {} : { nextUpdate: list.nextUpdate.toISOString() }),
    ...(fetchedAt === undefined ? {} : { fetchedAt: fetchedAt.toISOString() }),
    ...(failure === undefined ? {} : { failure: failure.why, failingSince: failure.since.toISOString() }),
  };
}

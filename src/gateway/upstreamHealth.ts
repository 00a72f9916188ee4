/**
 * Finds out which servers of the upstreams are up, and answers `/readyz`, `/metrics` and the status. Some servers are asked every few seconds, some when the answer is wanted, some never. What associations show
 * counts as well. A server that goes down or comes back gets a line in the audit log. Modalities are never asked: some
 * devices drop a running examination on a C-ECHO. One process does this for all workers.
 */
import type { AuditSink } from '../audit/events';
import type { Configuration, UpstreamConfiguration } from '../config/schema';
import { titleToAsk } from '../text/aeTitle';
import { checkServer, type ServerQuestion } from '../verification/serverCheck';
import type { ClientTlsByName } from './rules';
import type { ServerName, ServerStates } from './serverStates';

type Health = NonNullable<UpstreamConfiguration['health']>;

/** What `health` stands for where it is left out. A server that is the only one is then asked on demand. */
export const HEALTH_BY_DEFAULT: Health = { check: 'echo', intervalSeconds: 10, deadlineSeconds: 5 };

/** Prometheus gives up on a scrape after 10 s by default, and would then lose every other metric with it. */
const MAX_WAIT_MS = 5_000;
/** A server that was down the last time is probably still down: an answer should not wait for it. */
const MAX_WAIT_FOR_DOWN_MS = 500;

/** A server and how it is asked. */
export interface WatchedServer extends ServerName {
  readonly check: Health['check'];
  readonly tls: ServerQuestion['tls'];
  readonly calledAeTitle: string;
  readonly deadlineMs: number;
  /** Asked every `intervalMs`; otherwise on demand or never, and what is known counts for `intervalMs`. */
  readonly isScheduled: boolean;
  readonly intervalMs: number;
}

export interface ServerHealth extends ServerName {
  readonly isTls: boolean;
  readonly isUp: boolean;
  /** Since when it is up or down, in ISO 8601; absent before it showed which. */
  readonly since?: string;
  /** Why it is down, in words. */
  readonly detail?: string;
}

/** Every server of every upstream, in the order of the configuration. */
export function serversOf(
  { upstreams, timeouts }: Configuration,
  tlsByUpstream: ClientTlsByName,
): WatchedServer[] {
  return Object.entries(upstreams).flatMap(([upstream, { servers, calledAeTitle, health }]) => {
    const isWatched = health !== undefined || servers.length > 1;
    const { check, intervalSeconds, deadlineSeconds } = health ?? HEALTH_BY_DEFAULT;
    const deadline = isWatched ? deadlineSeconds : Math.min(deadlineSeconds, timeouts.upstreamConnectSeconds);
    const settings = {
      check,
      tls: tlsByUpstream.get(upstream),
      calledAeTitle: titleToAsk(upstream, calledAeTitle),
      deadlineMs: deadline * 1000,
      isScheduled: isWatched && check !== 'off',
      intervalMs: intervalSeconds * 1000,
    };
    return servers.map((server) => ({ upstream, server, ...settings }));
  });
}

export class UpstreamHealth {
  readonly #states: ServerStates;
  readonly #check: typeof checkServer;
  #watches: readonly Watch[] = [];

  constructor(
    configuration: Configuration,
    tlsByUpstream: ClientTlsByName,
    states: ServerStates,
    audit: AuditSink,
    check = checkServer,
  ) {
    this.#states = states;
    this.#check = check;
    states.changed = (name, isUp, detail) => {
      if (!isUp) for (const watch of this.#watches) watch.doubt(name);
      audit.record({
        event: isUp ? 'upstream.up' : 'upstream.down',
        outcome: isUp ? 'info' : 'failed',
        ...(isUp ? {} : { reason: 'upstream-unavailable' }),
        ...(detail === undefined || isUp ? {} : { detail }),
        calledAeTitle: name.upstream,
        upstream: name.server,
      });
    };
    this.replace(configuration, tlsByUpstream);
  }

  /** The servers of this configuration count from now on. What associations have shown of those that stay is kept. */
  replace(configuration: Configuration, tlsByUpstream: ClientTlsByName): void {
    this.stop();
    const servers = serversOf(configuration, tlsByUpstream);
    this.#states.retain(servers);
    this.#watches = servers.map((server) => new Watch(server, this.#states, this.#check));
  }

  /** Resolves within 5 s; never rejects. */
  async servers(): Promise<ServerHealth[]> {
    return await Promise.all(
      this.#watches.map(async (watch) => {
        const { upstream, server, tls } = watch.server;
        const isUp = await watch.isUp();
        return {
          upstream,
          server,
          isTls: tls !== undefined,
          isUp,
          ...this.#states.shown(watch.server, isUp),
        };
      }),
    );
  }

  /** As soon as one server is known to be up, whatever the others do; otherwise as {@link servers}. */
  async isAnyUp(): Promise<boolean> {
    const answers = this.#watches.map(async (watch) => {
      if (!(await watch.isUp())) throw new Error(`${watch.server.server} is down`);
    });
    return await Promise.any(answers).then(
      () => true,
      () => false,
    );
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }
}

/** Asks one server: at once and again after each answer where that is its schedule, and when an answer is wanted. */
class Watch {
  readonly server: WatchedServer;
  readonly #states: ServerStates;
  readonly #check: typeof checkServer;
  /** Absent where the server is never asked. */
  readonly #question: ServerQuestion | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** `atMs` is on the clock of performance.now(). */
  #lastAnswer: { readonly isUp: boolean; readonly atMs: number } | undefined;
  /** An association has failed since the last answer. */
  #isDoubted = false;
  /** Until the conversation has ended, even if the request that began it was answered without it. */
  #asking: Promise<void> | undefined;
  #isStopped = false;

  constructor(server: WatchedServer, states: ServerStates, check: typeof checkServer) {
    this.server = server;
    this.#states = states;
    this.#check = check;
    this.#question = server.check === 'off' ? undefined : { ...server, check: server.check };
    if (server.isScheduled) void this.#askOnSchedule();
  }

  /** If this is the server, its last answer no longer counts for a request. */
  doubt({ upstream, server }: ServerName): void {
    if (upstream === this.server.upstream && server === this.server.server) this.#isDoubted = true;
  }

  /** Waits for an answer where none is known that counts, but not for long. */
  async isUp(): Promise<boolean> {
    if (this.#question === undefined) return this.#states.isUp(this.server, this.server.intervalMs);
    if (!this.#isKnown && !this.#isStopped) {
      const wasDown = this.#lastAnswer !== undefined && !this.#states.isUp(this.server);
      await atMost(wasDown ? MAX_WAIT_FOR_DOWN_MS : MAX_WAIT_MS, this.#ask(this.#question));
    }
    // A server that has not answered is not up, even though associations may try it.
    if (this.#lastAnswer === undefined) return false;
    return this.#isStopped ? this.#lastAnswer.isUp : this.#states.isUp(this.server);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  get #isKnown(): boolean {
    if (this.#lastAnswer === undefined || this.#isDoubted) return false;
    return this.server.isScheduled || performance.now() - this.#lastAnswer.atMs < this.server.intervalMs;
  }

  async #askOnSchedule(): Promise<void> {
    if (this.#question === undefined) return;
    await this.#ask(this.#question);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#askOnSchedule(), this.server.intervalMs);
  }

  /** Several requests at the same time share one question. */
  #ask(question: ServerQuestion): Promise<void> {
    this.#asking ??= this.#check(question).then(({ isUp, detail }) => {
      this.#asking = undefined;
      this.#lastAnswer = { isUp, atMs: performance.now() };
      // A reload has taken the server away, or another watch asks it now.
      if (this.#isStopped) return;
      this.#states.learn(this.server, isUp, detail);
      this.#isDoubted = false;
    });
    return this.#asking;
  }
}

async function atMost(limitMs: number, answer: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([answer, late]);
  clearTimeout(timer);
}

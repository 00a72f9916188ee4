/**
 * Whether the servers of the upstreams answer: asked with a C-ECHO when somebody wants to know, remembered for a
 * while. Decides nothing about traffic: an association tries its servers itself.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Configuration, UpstreamConfiguration } from '../config/schema';
import { checkServer, type ServerQuestion } from '../verification/serverCheck';
import { verify } from '../verification/verification';

export interface ServerState {
  /** Called AE title that modalities use. */
  readonly upstream: string;
  /** As the configuration writes it. */
  readonly server: string;
  readonly isUp: boolean;
}

/** A monitor that asks every few seconds must not become the load of the archive. */
const REMEMBERED_MS = 10_000;
/** Prometheus gives up on a scrape after 10 s by default, and would then lose every other metric with it. */
const MAX_WAIT_MS = 5_000;
/** Whoever asks for a server that was down the last time waits no longer to hear that it still is. */
const MAX_WAIT_FOR_DOWN_MS = 500;

interface Server {
  readonly upstream: string;
  readonly server: string;
  readonly settings: UpstreamConfiguration;
}

interface Probe {
  isUp: boolean;
  /** When `isUp` became known, on the clock of performance.now(). */
  knownAtMs: number;
  /** Until the conversation has ended, also where nobody waits for it any more. */
  running: Promise<void> | undefined;
}

export class UpstreamProbes {
  readonly #verify: typeof verify;
  #configuration: Configuration;
  #probeByTarget = new Map<string, Probe>();

  constructor(configuration: Configuration, verifyServer = verify) {
    this.#configuration = configuration;
    this.#verify = verifyServer;
  }

  /** Takes the servers of another configuration; what is known of all servers is forgotten. */
  replace(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#probeByTarget = new Map();
  }

  /** Asks anew when somebody wants to know. */
  forget(): void {
    this.#probeByTarget = new Map();
  }

  /** Resolves within 5 s, or `timeouts.upstreamConnectSeconds` where that is less; never rejects. */
  async states(): Promise<ServerState[]> {
    return await Promise.all(
      this.#servers.map(async (server) => ({
        upstream: server.upstream,
        server: server.server,
        isUp: await this.#isUp(server),
      })),
    );
  }

  /** As soon as one server is known to be up, whatever the others do; otherwise as {@link states}. */
  async isAnyUp(): Promise<boolean> {
    const answers = this.#servers.map(async (server) => {
      if (!(await this.#isUp(server))) throw new Error(`${server.server} is down`);
    });
    return await Promise.any(answers).then(
      () => true,
      () => false,
    );
  }

  get #servers(): Server[] {
    return Object.entries(this.#configuration.upstreams).flatMap(([upstream, settings]) =>
      settings.servers.map((server) => ({ upstream, server, settings })),
    );
  }

  async #isUp({ upstream, server, settings: { calledAeTitle } }: Server): Promise<boolean> {
    const target = `${upstream} ${server}`;
    const known = this.#probeByTarget.get(target);
    const probe = known ?? { isUp: false, knownAtMs: Number.NEGATIVE_INFINITY, running: undefined };
    this.#probeByTarget.set(target, probe);
    if (performance.now() - probe.knownAtMs < REMEMBERED_MS) return probe.isUp;
    const deadlineMs = Math.min(this.#configuration.timeouts.upstreamConnectSeconds * 1000, MAX_WAIT_MS);
    probe.running ??= this.#ask(probe, {
      server,
      calledAeTitle: calledAeTitle ?? upstream,
      check: 'echo',
      deadlineMs,
    });
    const wasDown = !probe.isUp && Number.isFinite(probe.knownAtMs);
    await (wasDown
      ? Promise.race([probe.running, delay(MAX_WAIT_FOR_DOWN_MS, undefined, { ref: false })])
      : probe.running);
    return probe.isUp;
  }

  async #ask(probe: Probe, question: ServerQuestion): Promise<void> {
    probe.isUp = (await checkServer(question, this.#verify)).isUp;
    probe.knownAtMs = performance.now();
    probe.running = undefined;
  }
}

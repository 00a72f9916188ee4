/**
 * Whether the servers of the upstreams answer: asked with a C-ECHO when somebody wants to know, remembered for a
 * while. Decides nothing about traffic: an association tries its servers itself.
 */
import type { Configuration, UpstreamConfiguration } from '../config/schema';
import {
  type VerificationFailure,
  type VerificationOptions,
  type VerificationReport,
  verify,
} from '../gateway/verification';
import { parseHostAndPort } from '../net/hostAndPort';

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
/** Archives know who asks by this. */
const CALLING_AE_TITLE = 'AEGIS';

/** A peer that says one of these speaks DICOM: it is up, whatever it thinks of us. */
const answers: ReadonlySet<VerificationFailure> = new Set([
  'rejected',
  'aborted',
  'contextRefused',
  'status',
]);

interface Probe {
  isUp: boolean;
  /** When `isUp` became known, on the clock of performance.now(). */
  knownAtMs: number;
  /** Until the conversation has ended, also where nobody waits for it any more. */
  running: Promise<void> | undefined;
}

type Verify = (options: VerificationOptions) => Promise<VerificationReport>;

export class UpstreamProbes {
  readonly #verify: Verify;
  #configuration: Configuration;
  #probeByTarget = new Map<string, Probe>();

  constructor(configuration: Configuration, verifyServer: Verify = verify) {
    this.#configuration = configuration;
    this.#verify = verifyServer;
  }

  /** Takes the servers of another configuration; what is known of all servers is forgotten. */
  replace(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#probeByTarget = new Map();
  }

  /** Resolves within 5 s, or `timeouts.upstreamConnectSeconds` where that is less; never rejects. */
  async states(): Promise<ServerState[]> {
    const servers = Object.entries(this.#configuration.upstreams).flatMap(([upstream, settings]) =>
      settings.servers.map((server) => ({ upstream, server, settings })),
    );
    return await Promise.all(
      servers.map(async ({ upstream, server, settings }) => ({
        upstream,
        server,
        isUp: await this.#isUp(upstream, server, settings),
      })),
    );
  }

  async #isUp(upstream: string, server: string, { calledAeTitle }: UpstreamConfiguration): Promise<boolean> {
    const target = `${upstream} ${server}`;
    const probe = this.#probeByTarget.get(target) ?? {
      isUp: false,
      knownAtMs: Number.NEGATIVE_INFINITY,
      running: undefined,
    };
    this.#probeByTarget.set(target, probe);
    if (performance.now() - probe.knownAtMs < REMEMBERED_MS) return probe.isUp;
    const timeoutMs = Math.min(this.#configuration.timeouts.upstreamConnectSeconds * 1000, MAX_WAIT_MS);
    probe.running ??= this.#ask(probe, {
      ...parseHostAndPort(server),
      callingAeTitle: CALLING_AE_TITLE,
      calledAeTitle: calledAeTitle ?? upstream,
      timeoutMs,
    });
    const isInTime = await settlesWithin(probe.running, timeoutMs);
    return isInTime && probe.isUp;
  }

  async #ask(probe: Probe, options: VerificationOptions): Promise<void> {
    try {
      const startedMs = performance.now();
      const { steps } = await this.#verify(options);
      const isInTime = performance.now() - startedMs <= options.timeoutMs;
      // An archive that answered the echo is up, also where it does not know how to release.
      probe.isUp =
        isInTime &&
        steps.every(
          ({ name, failure }) => failure === undefined || name === 'release' || answers.has(failure),
        );
    } catch {
      // Out of file descriptors, for example: nobody could reach the server then.
      probe.isUp = false;
    } finally {
      probe.knownAtMs = performance.now();
      probe.running = undefined;
    }
  }
}

async function settlesWithin(promise: Promise<void>, forMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), forMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

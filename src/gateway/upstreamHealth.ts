/**
 * Watches the servers of upstreams: asks those that are to be asked every few seconds, and tells the audit log when one
 * goes down or comes back, whoever noticed. Modalities are never asked: a scanner that is asked in the middle of an
 * examination can lose it. Run by one process for all workers.
 */
import type { AuditSink } from '../audit/events';
import type { Configuration, UpstreamConfiguration } from '../config/schema';
import { checkServer, type ServerQuestion } from '../verification/serverCheck';
import type { ServerName, ServerStates } from './serverStates';

type Health = NonNullable<UpstreamConfiguration['health']>;

/** What `health` stands for where it is left out and there are several servers to choose from. */
export const HEALTH_BY_DEFAULT: Health = { check: 'echo', intervalSeconds: 10, deadlineSeconds: 5 };

export class UpstreamHealth {
  readonly #states: ServerStates;
  #watches: readonly Watch[] = [];

  constructor(configuration: Configuration, states: ServerStates, audit: AuditSink) {
    this.#states = states;
    states.changed = ({ upstream, server }, isUp, detail) => {
      audit.record({
        event: isUp ? 'upstream.up' : 'upstream.down',
        outcome: isUp ? 'info' : 'failed',
        ...(isUp ? {} : { reason: 'upstream-unavailable' }),
        ...(detail === undefined || isUp ? {} : { detail }),
        calledAeTitle: upstream,
        upstream: server,
      });
    };
    this.replace(configuration);
  }

  /** Watches the servers of this configuration from now on; what is known of those that stay is kept. */
  replace({ upstreams }: Configuration): void {
    this.stop();
    const watched: Watch[] = [];
    const names: ServerName[] = [];
    for (const [upstream, { servers, calledAeTitle = upstream, health }] of Object.entries(upstreams)) {
      const { check, ...times } =
        health ?? (servers.length > 1 ? HEALTH_BY_DEFAULT : { ...HEALTH_BY_DEFAULT, check: 'off' });
      for (const server of servers) {
        const name = { upstream, server };
        names.push(name);
        if (check !== 'off')
          watched.push(new Watch(name, { server, calledAeTitle, check }, times, this.#states));
      }
    }
    this.#states.retain(names);
    this.#watches = watched;
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }
}

/** Asks one server at once, and again after each answer. */
class Watch {
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    name: ServerName,
    question: Omit<ServerQuestion, 'deadlineMs'>,
    { intervalSeconds, deadlineSeconds }: Omit<Health, 'check'>,
    states: ServerStates,
  ) {
    const ask = async () => {
      const { isUp, detail } = await checkServer({ ...question, deadlineMs: deadlineSeconds * 1000 });
      if (this.#isStopped) return;
      states.learn(name, isUp, detail);
      this.#timer = setTimeout(() => void ask(), intervalSeconds * 1000);
    };
    void ask();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}

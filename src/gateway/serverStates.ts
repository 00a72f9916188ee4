/**
 * Keeps what is known of the servers of every upstream: which ones are up, and how many associations each has. Says in
 * which order to try them. One process keeps this for all workers. Knows no sockets and no configuration: what an
 * upstream looks like comes with each question, so that a reload counts at once.
 */
import type { UpstreamConfiguration } from '../config/schema';

export interface ServerName {
  /** The key of the upstream. */
  readonly upstream: string;
  /** `host:port` as the configuration writes it. */
  readonly server: string;
}

/** The servers of an upstream and how to choose among them. */
export interface ServerList {
  readonly names: readonly string[];
  readonly balance: UpstreamConfiguration['balance'];
  /** A server that has been down for so long is worth a try; left out where its health is checked. */
  readonly retryMs?: number | undefined;
}

/** Called when a server goes down or comes back. */
export type ServerChanged = (name: ServerName, isUp: boolean, detail: string | undefined) => void;

/** What a server showed, for people who look on. */
export interface ShownState {
  /** In ISO 8601. */
  readonly since: string;
  readonly detail?: string;
}

/** A server is up until it shows that it is not. */
interface ServerState {
  isUp: boolean;
  /** When it was last found to be down, on the clock of performance.now(). */
  downAtMs: number;
  /** When it first showed what it is now, and why it is down. */
  shown: ShownState | undefined;
  associations: number;
}

export class ServerStates {
  readonly #stateByName = new Map<string, ServerState>();
  /** Set by the one who reports changes. */
  changed: ServerChanged = () => {};

  /**
   * All servers, in the order to try them: those that are up first, by their place in the list or by the number of
   * their associations. One that is down comes last instead of never: what is known of it may be old, and where
   * none is up there is nothing to lose.
   */
  order(upstream: string, { names, balance, retryMs }: ServerList): readonly string[] {
    if (names.length < 2) return names;
    return names
      .map((server) => {
        const name = { upstream, server };
        const associations = this.#stateByName.get(keyOf(name))?.associations ?? 0;
        return { server, isWanted: this.isUp(name, retryMs), associations };
      })
      .sort(
        (one, other) =>
          Number(other.isWanted) - Number(one.isWanted) ||
          (balance === 'leastAssociations' ? one.associations - other.associations : 0),
      )
      .map(({ server }) => server);
  }

  /** Counts an association that goes to this server, or no longer does. */
  count(name: ServerName, change: 1 | -1): void {
    this.#state(name).associations += change;
  }

  /** One that has been down for `retryMs` counts as up again: that is for servers that nobody asks. */
  isUp(name: ServerName, retryMs = Number.POSITIVE_INFINITY): boolean {
    const state = this.#stateByName.get(keyOf(name));
    return state === undefined || state.isUp || performance.now() - state.downAtMs >= retryMs;
  }

  /** Since when it has shown that it is up or down; nothing where it has shown something else, or nothing yet. */
  shown(name: ServerName, isUp: boolean): ShownState | undefined {
    const state = this.#stateByName.get(keyOf(name));
    return state?.isUp === isUp ? state.shown : undefined;
  }

  /** Something was learnt about the server; only a change is reported. */
  learn(name: ServerName, isUp: boolean, detail?: string): void {
    const state = this.#state(name);
    if (!isUp) state.downAtMs = performance.now();
    if (state.shown === undefined || state.isUp !== isUp) {
      const since = new Date().toISOString();
      state.shown = isUp || detail === undefined ? { since } : { since, detail };
    }
    if (state.isUp === isUp) return;
    state.isUp = isUp;
    this.changed(name, isUp, detail);
  }

  /** Forgets the servers that are not among these and have no association left. */
  retain(names: readonly ServerName[]): void {
    const kept = new Set(names.map(keyOf));
    for (const [key, { associations }] of this.#stateByName) {
      if (!kept.has(key) && associations === 0) this.#stateByName.delete(key);
    }
  }

  #state(name: ServerName): ServerState {
    const key = keyOf(name);
    const known = this.#stateByName.get(key);
    if (known !== undefined) return known;
    const state = { isUp: true, downAtMs: 0, shown: undefined, associations: 0 };
    this.#stateByName.set(key, state);
    return state;
  }
}

/** One association among the servers of its upstream: counted at one of them from the choice to the end. */
export class ServerUse {
  readonly #states: ServerStates;
  readonly #upstream: string;
  readonly #list: ServerList;
  #server: string | undefined;
  #isOver = false;

  constructor(states: ServerStates, upstream: string, list: ServerList) {
    this.#states = states;
    this.#upstream = upstream;
    this.#list = list;
  }

  /** The order to try them. The first counts at once, or a burst would all go to the one that has the fewest. */
  choose(): readonly string[] {
    const servers = this.#states.order(this.#upstream, this.#list);
    this.#goTo(servers[0]);
    return servers;
  }

  /** The server answered and has the association, unless that is over. */
  arrived(server: string): void {
    if (!this.#isOver) this.#goTo(server);
    this.#states.learn({ upstream: this.#upstream, server }, true);
  }

  failed(server: string, detail: string): void {
    this.#states.learn({ upstream: this.#upstream, server }, false, detail);
  }

  end(): void {
    this.#isOver = true;
    this.#goTo(undefined);
  }

  #goTo(server: string | undefined): void {
    if (server === this.#server) return;
    const upstream = this.#upstream;
    if (this.#server !== undefined) this.#states.count({ upstream, server: this.#server }, -1);
    if (server !== undefined) this.#states.count({ upstream, server }, 1);
    this.#server = server;
  }
}

function keyOf({ upstream, server }: ServerName): string {
  return `${upstream}\0${server}`;
}

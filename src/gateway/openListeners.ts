/**
 * The ports that the gateway listens on, for modalities and for the archive: which ones a configuration wants, and how
 * to get from those that are open to those, all or nothing. What comes in is handed on; nothing of it is known here.
 */
import type { Configuration, ListenerConfiguration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import type { InheritedSockets } from '../net/inheritedSockets';
import { type Listener, type ListenerHandlers, type ListenerOptions, openListener } from '../net/listener';
import { loadTlsContext } from '../net/tlsContext';
import { EGRESS_LISTENER, type Policy } from '../policy/policy';
import { formatHostAndPort } from '../text/hostAndPort';
import type { Route } from './route';

/** What to do with the connections of a listener. */
export type HandlersOf = (direction: Route['direction']) => ListenerHandlers;

/** A change that is ready to be made, or to be forgotten. Neither can fail. */
export interface Prepared {
  commit(): void;
  abandon(): void;
}

interface Wanted {
  readonly direction: Route['direction'];
  readonly configuration: ListenerConfiguration;
  readonly options: ListenerOptions;
}

export class OpenListeners {
  readonly #handlersOf: HandlersOf;
  readonly #sockets: InheritedSockets;
  /** By address and port as configured, in the order of the configuration; egress comes last. */
  #listenerByKey: ReadonlyMap<string, Listener> = new Map();
  /** Those whose ports systemd keeps for the next process, once this one stops. */
  #left: readonly Listener[] = [];

  constructor(handlersOf: HandlersOf, sockets: InheritedSockets) {
    this.#handlersOf = handlersOf;
    this.#sockets = sockets;
  }

  get all(): readonly Listener[] {
    return [...this.#listenerByKey.values()];
  }

  /**
   * Opens what the configuration wants and is not open yet. One that stays on its address and port takes over its new
   * settings at the commit, without a moment in which nobody listens.
   *
   * @throws OperatorError where a port cannot be had or a file cannot be used; what was open stays as it was
   */
  async prepare(configuration: Configuration, policy: Policy): Promise<Prepared> {
    const next = new Map<string, Listener>();
    const opened: Listener[] = [];
    const kept: { readonly listener: Listener; readonly wanted: Wanted }[] = [];
    const close = (listeners: readonly Listener[]) => {
      for (const listener of listeners) void listener.close();
    };
    try {
      for (const wanted of wantedBy(configuration, policy)) {
        const key = keyOf(wanted);
        const known = this.#listenerByKey.get(key);
        if (known !== undefined) kept.push({ listener: known, wanted });
        const listener =
          known ?? (await this.#open(wanted, next).catch((error) => this.#refuse(wanted, error)));
        if (known === undefined) opened.push(listener);
        next.set(key, listener);
      }
    } catch (error) {
      close(opened);
      throw error;
    }
    return {
      commit: () => {
        for (const { listener, wanted } of kept) listener.reconfigure(wanted.configuration, wanted.options);
        close(this.all.filter((listener) => ![...next.values()].includes(listener)));
        this.#listenerByKey = next;
      },
      abandon: () => close(opened),
    };
  }

  retire(): void {
    for (const listener of this.all) listener.retire();
  }

  /** Connections that are neither connected nor refused. */
  get pendingCount(): number {
    return pendingOf(this.all);
  }

  /**
   * This process stops. Modalities that dial a port of systemd from now on wait for the next one. The archive does not: what
   * it sends may be what an open association waits for.
   */
  leave(): void {
    this.#left = [...this.#listenerByKey]
      .filter(([key, { address }]) => !key.startsWith('egress') && this.#sockets.keeps(address))
      .map(([, listener]) => listener);
    for (const listener of this.#left) listener.retire();
  }

  /** Whether connections of this listener came before the stop, and are served. */
  hasLeft(name: string): boolean {
    return this.#left.some((listener) => listener.name === name);
  }

  /** Whether some of these are on their way through the first gates. */
  get isAwaited(): boolean {
    return pendingOf(this.#left) > 0;
  }

  async close(): Promise<void> {
    this.#sockets.close();
    await Promise.all(this.all.map((listener) => listener.close()));
  }

  /** The way from 127.0.0.1 to 0.0.0.0, for example: no system has both at once, and a reload leaves no moment without one. */
  #refuse({ configuration: { host, port } }: Wanted, error: unknown): never {
    const own = this.all.find(({ address }) => port !== 0 && address.port === port);
    if (own === undefined || !(error instanceof OperatorError) || !error.message.includes('EADDRINUSE'))
      throw error;
    throw new OperatorError(
      `cannot listen on ${formatHostAndPort({ host, port })}: the gateway itself listens on ${formatHostAndPort(own.address)}, and a reload closes nothing before the new port is open; restart the gateway, or choose another port`,
      ExitCode.Failed,
    );
  }

  async #open(
    { direction, configuration, options }: Wanted,
    next: ReadonlyMap<string, Listener>,
  ): Promise<Listener> {
    // Egress has one port, also where the system chose it.
    const first = direction === 'egress' ? [...next].find(([key]) => key.startsWith(direction)) : undefined;
    const port = first?.[1].address.port ?? configuration.port;
    const where = { host: configuration.host, port };
    return await openListener(
      { ...configuration, port },
      options,
      this.#handlersOf(direction),
      this.#sockets.takePort(configuration.name, where),
    );
  }
}

function pendingOf(listeners: readonly Listener[]): number {
  return listeners.reduce((sum, { pending }) => sum + pending.size, 0);
}

function wantedBy(configuration: Configuration, policy: Policy): Wanted[] {
  const { listeners, egress, timeouts, limits } = configuration;
  const { maxPendingConnectionsPerAddress, connectionsPerSecondPerAddress, connectionsPerSecond } = limits;
  const common = { timeouts, maxPendingConnectionsPerAddress };
  const ofModalities = { ...common, connectionsPerSecondPerAddress, connectionsPerSecond };
  const ingress = listeners.map((listener): Wanted => {
    const tls = listener.tls === undefined ? {} : { tls: loadTlsContext(listener.tls) };
    return { direction: 'ingress', configuration: listener, options: { ...ofModalities, ...tls } };
  });
  if (egress === undefined) return ingress;
  const { host, port } = egress;
  return [
    ...ingress,
    ...[host, ...localAddressesOf(configuration, policy)].map(
      (address): Wanted => ({
        direction: 'egress',
        configuration: { name: EGRESS_LISTENER, host: address, port },
        options: common,
      }),
    ),
  ];
}

/**
 * Where modalities reach the archive from addresses of their own, the archive knows them by these, and sends to them
 * there: each one leads to egress, too.
 */
function localAddressesOf({ egress, modalities }: Configuration, policy: Policy): string[] {
  if (egress?.host === '0.0.0.0') return [];
  return [...policy.localAddressByModality]
    .filter(([name]) => modalities[name]?.address !== undefined)
    .map(([, address]) => address);
}

/** Where the system chooses the port, the name tells the listeners apart. */
function keyOf({ direction, configuration: { name, host, port } }: Wanted): string {
  return `${direction} ${host} ${port === 0 ? name : port}`;
}

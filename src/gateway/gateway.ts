/**
 * The composition root: listeners, policy, limits and audit put together, started, reloaded and stopped.
 */
import type { AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { type InboundConnection, type Listener, openListener, type RefusedConnection } from '../net/listener';
import { loadQuickAck, type QuickAck } from '../net/quickAck';
import { loadTlsContext } from '../net/tlsContext';
import { compilePolicy } from '../policy/compile';
import { decideAddress } from '../policy/decide';
import type { Policy } from '../policy/policy';
import { type AssociationPlaces, LocalPlaces } from './associationPlaces';
import { InboundAssociation, type InboundContext } from './inbound';
import { startedEvent, stoppedEvent } from './lifeEvents';

/** An address that the gateway listens on; the port is the real one where 0 was configured. */
export interface ListeningAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** How a stop ended. */
export interface StopResult {
  /** Associations that had not ended by themselves at the deadline and were aborted. */
  readonly aborted: number;
}

/** A gateway that runs, in this process or in several. */
export interface RunningGateway {
  readonly addresses: readonly ListeningAddress[];
  readonly timeouts: Configuration['timeouts'];
  /** Connections, or at least those with an association, that a drain would wait for. */
  readonly connectionCount: number;
  /** Takes over a new configuration, all or nothing. Rejects with OperatorError where it cannot be used. */
  reload(configuration: Configuration): Promise<void>;
  /** Drains and stops; called again, stops at once. */
  stop(): Promise<StopResult>;
}

/**
 * @example
 * const gateway = await Gateway.start(configuration, audit);
 * process.once('SIGTERM', () => void gateway.stop());
 */
export class Gateway implements InboundContext, RunningGateway {
  readonly audit: AuditSink;
  readonly places: AssociationPlaces;
  #configuration: Configuration;
  #policy: Policy;
  #quickAck: QuickAck = loadQuickAck('off');
  #listeners: Listener[] = [];
  readonly #associations = new Set<InboundAssociation>();
  #isDraining = false;
  #stopWaiting: () => void = () => {};
  #connectionClosed: () => void = () => {};

  private constructor(configuration: Configuration, audit: AuditSink, places: AssociationPlaces) {
    this.places = places;
    this.#configuration = configuration;
    this.#policy = policyOf(configuration);
    this.audit = audit;
  }

  /** Throws OperatorError where the configuration cannot be used or a port cannot be had; nothing listens then. */
  static async start(
    configuration: Configuration,
    audit: AuditSink,
    places: AssociationPlaces = new LocalPlaces(),
  ): Promise<Gateway> {
    const gateway = new Gateway(configuration, audit, places);
    try {
      for (const listener of configuration.listeners) await gateway.#open(listener);
    } catch (error) {
      await gateway.#closeListeners();
      throw error;
    }
    // After the ports are open: loading koffi takes longer than opening them.
    gateway.#quickAck = loadQuickAck(configuration.tcp.quickAck);
    audit.record(startedEvent(gateway.addresses, gateway.#quickAck.description));
    return gateway;
  }

  get policy(): Policy {
    return this.#policy;
  }

  get timeouts(): Configuration['timeouts'] {
    return this.#configuration.timeouts;
  }

  get limits(): Configuration['limits'] {
    return this.#configuration.limits;
  }

  get quickAck(): QuickAck {
    return this.#quickAck;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get addresses(): readonly ListeningAddress[] {
    return this.#listeners.map(({ name, address }) => ({ name, ...address }));
  }

  /** Connections that are open, with an association or not yet. */
  get connectionCount(): number {
    return this.#associations.size;
  }

  /**
   * Makes a new configuration ready for what comes from now on: modalities, upstreams, limits, timeouts,
   * certificates and revocation lists. Nothing changes before the function that comes back is called, and that
   * cannot fail; running associations keep what they were allowed.
   *
   * @throws OperatorError where something is wrong with it, or where it needs listeners opened or closed
   */
  prepareReload(configuration: Configuration): () => void {
    const changed = changesOfProcess(this.#configuration, configuration);
    if (changed.length > 0) {
      throw new OperatorError(`${changed.join(', ')} changed: that takes a restart of the gateway`);
    }
    const policy = policyOf(configuration);
    const tlsByName = new Map(
      configuration.listeners.flatMap(({ name, tls }) => (tls ? [[name, loadTlsContext(tls)] as const] : [])),
    );
    return () => {
      for (const listener of this.#listeners) {
        const material = tlsByName.get(listener.name);
        if (material !== undefined) listener.replaceTls(material);
      }
      this.#policy = policy;
      this.#configuration = configuration;
    };
  }

  async reload(configuration: Configuration): Promise<void> {
    this.prepareReload(configuration)();
  }

  /**
   * Rejects new associations (2/3/1, `draining`), lets the running ones end, aborts at the deadline what is left,
   * and stops listening. A second call during the drain ends it at once.
   */
  async stop(): Promise<StopResult> {
    if (this.#isDraining) {
      this.#stopWaiting();
      return { aborted: 0 };
    }
    this.#isDraining = true;
    await this.#waitFor(() => this.#busyCount === 0, this.timeouts.drainSeconds * 1000);
    const aborted = this.#busyCount;
    await this.#closeListeners();
    for (const association of this.#associations) association.stop();
    await this.#waitFor(() => this.#associations.size === 0, this.timeouts.closeSeconds * 1000);
    this.audit.record(stoppedEvent(aborted));
    return { aborted };
  }

  get #busyCount(): number {
    let count = 0;
    for (const association of this.#associations) if (association.isBusy) count += 1;
    return count;
  }

  async #open(configuration: Configuration['listeners'][number]): Promise<void> {
    const { timeouts, limits } = this;
    const listener = await openListener(
      configuration,
      {
        timeouts,
        maxPendingConnectionsPerAddress: limits.maxPendingConnectionsPerAddress,
        ...(configuration.tls === undefined ? {} : { tls: loadTlsContext(configuration.tls) }),
      },
      {
        admitAddress: (address) => decideAddress(this.#policy, address),
        connected: (connection) => this.#connected(connection),
        refused: (refusal) => this.#refused(refusal),
      },
    );
    this.#listeners.push(listener);
  }

  #connected(connection: InboundConnection): void {
    const association = new InboundAssociation(this, connection, () => {
      this.#associations.delete(association);
      this.#connectionClosed();
    });
    this.#associations.add(association);
  }

  #refused(refusal: RefusedConnection): void {
    // A port check by a load balancer connects and closes: nothing was refused then.
    const outcome = refusal.reason === 'tls-closed' ? 'info' : 'denied';
    this.audit.record({ event: 'connection.refused', outcome, direction: 'ingress', ...refusal });
  }

  async #closeListeners(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /** Looks after every connection that closes; gives up at the deadline or when stop() is called again. */
  async #waitFor(isDone: () => boolean, forMs: number): Promise<void> {
    if (isDone()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, forMs);
      this.#stopWaiting = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#connectionClosed = () => {
        if (isDone()) this.#stopWaiting();
      };
    });
  }
}

function policyOf(configuration: Configuration): Policy {
  const { policy, problems } = compilePolicy(configuration);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new OperatorError(errors.map(({ message }) => message).join('\n'));
  return policy;
}

/** What a running process can't change, by path. */
function changesOfProcess(running: Configuration, wanted: Configuration): string[] {
  const parts = ({ listeners, timeouts, limits, workers, tcp, audit, admin, pending }: Configuration) =>
    new Map<string, unknown>([
      ...listeners.map(({ name, host, port, proxyProtocol, tls }): [string, unknown] => [
        `listener ${name}`,
        { host, port, proxyProtocol, isTls: tls !== undefined },
      ]),
      ['timeouts.tlsHandshakeSeconds', timeouts.tlsHandshakeSeconds],
      ['limits.maxPendingConnectionsPerAddress', limits.maxPendingConnectionsPerAddress],
      ['workers', workers],
      ['tcp', tcp],
      ['audit.file', audit.file],
      ['admin', admin],
      ['pending', pending],
    ]);
  const before = parts(running);
  const after = parts(wanted);
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => JSON.stringify(before.get(name)) !== JSON.stringify(after.get(name)),
  );
}

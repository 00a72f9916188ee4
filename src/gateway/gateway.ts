/**
 * The composition root: listeners, policy, limits and audit put together, started, reloaded and stopped.
 */
import type { AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import type { InboundConnection, RefusedConnection } from '../net/listener';
import { loadQuickAck, type QuickAck } from '../net/quickAck';
import type { ReasonCode } from '../policy/reasons';
import { type AssociationPlaces, LocalPlaces } from './associationPlaces';
import { type CommandPace, CommandPaces } from './commandPace';
import { ConnectionRoom } from './connectionRoom';
import { egressRoute } from './egressRoute';
import { InboundAssociation } from './inbound';
import type { InboundContext } from './inboundContext';
import { ingressRoute } from './ingressRoute';
import { startedEvent, stoppedEvent } from './lifeEvents';
import { OpenListeners, type Prepared } from './openListeners';
import { type Identified, type Penalty, PenaltyBox } from './penaltyBox';
import type { AssociationProgress } from './relay';
import type { Destination, Route } from './route';
import { policyOf, type Rules, rulesOf } from './rules';
import type {
  ListeningAddress,
  ReloadOptions,
  ReloadResult,
  RunningGateway,
  StopResult,
} from './runningGateway';
import { UpstreamHealth } from './upstreamHealth';

/**
 * @example
 * const gateway = await Gateway.start(configuration, audit);
 * process.once('SIGTERM', () => void gateway.stop());
 */
export class Gateway implements InboundContext, RunningGateway {
  readonly audit: AuditSink;
  readonly places: AssociationPlaces;
  readonly penalties: PenaltyBox;
  #configuration: Configuration;
  /** What decides, all of one configuration. */
  #rules: Rules;
  #quickAck: QuickAck = loadQuickAck('off');
  /** Absent in a worker: the primary watches for all. */
  #health: UpstreamHealth | undefined;
  readonly #listeners: OpenListeners;
  readonly #associations = new Set<InboundAssociation>();
  readonly #paces = new CommandPaces();
  #room: ConnectionRoom | undefined;
  #isDraining = false;
  #isListening = true;
  #stopWaiting: () => void = () => {};
  #connectionClosed: () => void = () => {};

  private constructor(
    configuration: Configuration,
    audit: AuditSink,
    places: AssociationPlaces,
    imposed: (penalty: Penalty) => void,
  ) {
    this.places = places;
    this.#configuration = configuration;
    this.#rules = rulesOf(configuration);
    this.penalties = new PenaltyBox(configuration, audit, (penalty, isOwn) => {
      this.#closePenalised();
      if (isOwn) imposed(penalty);
    });
    this.audit = this.penalties;
    const routes = {
      ingress: ingressRoute(() => this.#currentRules.policy),
      egress: egressRoute(() => this.#currentRules),
    };
    this.#listeners = new OpenListeners((direction) => ({
      accepting: () => this.#makeRoom(),
      admitAddress: (address, listener) =>
        this.penalties.decideAddress(address, listener, this.#currentRules.policy) ??
        routes[direction].decideAddress(address),
      connected: (connection) => this.#connected(routes[direction], connection),
      refused: (refusal) => this.#refused(direction, refusal),
    }));
  }

  /** Throws OperatorError where the configuration cannot be used or a port cannot be had; nothing listens then. */
  static async start(
    configuration: Configuration,
    audit: AuditSink,
    places: AssociationPlaces = new LocalPlaces(),
    imposed: (penalty: Penalty) => void = () => {},
  ): Promise<Gateway> {
    const gateway = new Gateway(configuration, audit, places, imposed);
    (await gateway.#listeners.prepare(configuration, gateway.#rules.policy)).commit();
    gateway.#room = new ConnectionRoom();
    // After the ports are open: loading koffi takes longer than opening them.
    gateway.#quickAck = loadQuickAck(configuration.tcp.quickAck);
    audit.record(startedEvent(gateway.addresses, gateway.#quickAck.description));
    gateway.#health = places.servers && new UpstreamHealth(configuration, places.servers, audit);
    return gateway;
  }

  get timeouts(): Configuration['timeouts'] {
    return this.#configuration.timeouts;
  }

  get keepAliveSeconds(): number {
    return this.#configuration.tcp.keepAliveSeconds;
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

  /** The archive may send as fast as it can. */
  paceOf(
    { modality, commandsPerSecond }: Destination,
    direction: Route['direction'],
  ): CommandPace | undefined {
    if (direction === 'egress') return undefined;
    return this.#paces.begin(modality, commandsPerSecond ?? this.limits.commandsPerSecond);
  }

  /**
   * In a drain modalities get no new association. The archive does, as long as others are open: they may be what it is
   * sending for, a C-MOVE for example.
   */
  isRefusing(association: InboundAssociation, direction: Route['direction']): boolean {
    if (!this.#isDraining || direction === 'ingress') return this.#isDraining;
    for (const other of this.#associations) if (other !== association && other.isBusy) return false;
    return true;
  }

  get addresses(): readonly ListeningAddress[] {
    return this.#listeners.all.map(({ name, address }) => ({ name, ...address }));
  }

  /** Connections that are open, with an association or not yet. */
  get connectionCount(): number {
    return this.#associations.size;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  get health(): UpstreamHealth | undefined {
    return this.#health;
  }

  /**
   * Makes a new configuration ready for what comes from now on: modalities, upstreams, listeners, limits, timeouts,
   * certificates and revocation lists. Nothing that is running changes before the commit; running associations keep
   * what they were allowed.
   *
   * @throws OperatorError where something is wrong with it, or where it needs a restart
   */
  async prepareReload(configuration: Configuration): Promise<Prepared> {
    const changed = changesOfProcess(this.#configuration, configuration);
    if (changed.length > 0) {
      throw new OperatorError(`${changed.join(', ')} changed: that takes a restart of the gateway`);
    }
    const rules = rulesOf(configuration);
    const listeners = await this.#listeners.prepare(configuration, rules.policy);
    return {
      commit: () => {
        listeners.commit();
        this.#rules = rules;
        this.#configuration = configuration;
        this.penalties.replace(configuration);
        this.#health?.replace(configuration);
      },
      abandon: () => listeners.abandon(),
    };
  }

  async reload(configuration: Configuration, { enforce }: ReloadOptions = {}): Promise<ReloadResult> {
    (await this.prepareReload(configuration)).commit();
    return { ended: enforce === true ? this.enforce() : 0 };
  }

  /** Judges every running association by the rules in force; returns how many it ended. */
  enforce(): number {
    return [...this.#associations].filter((association) => association.enforce()).length;
  }

  async progress(): Promise<readonly AssociationProgress[]> {
    return [...this.#associations].flatMap(({ progress }) => progress ?? []);
  }

  certificateRefusal({ listener, socket }: InboundConnection): ReasonCode | undefined {
    return this.#listeners.all.find(({ name }) => name === listener)?.certificateRefusal(socket);
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
    this.#health?.stop();
    this.#isListening = false;
    await this.#listeners.close();
    const aborted = [...this.#associations].filter((association) => association.stop()).length;
    await this.#waitFor(() => this.#associations.size === 0, this.timeouts.closeSeconds * 1000);
    this.audit.record(stoppedEvent(aborted));
    return { aborted };
  }

  /**
   * The rules in force: compiled again when the observe mode of an entry has ended. Checked at each decision and not
   * with a timer, so that a clock that is set, or a machine that slept, makes none of them late. Running
   * associations keep what they were allowed, as with a reload.
   */
  get #currentRules(): Rules {
    if (Date.now() >= this.#rules.policy.validUntilMs) {
      this.#rules = { ...this.#rules, policy: policyOf(this.#configuration) };
    }
    return this.#rules;
  }

  get #busyCount(): number {
    let count = 0;
    for (const association of this.#associations) if (association.isBusy) count += 1;
    return count;
  }

  #makeRoom(): boolean {
    const pending = this.#listeners.all.map((listener) => listener.pending);
    const count = pending.reduce((sum, { size }) => sum + size, this.#associations.size);
    return this.#room?.make(count, () => [...pending, this.#associations].flatMap((all) => [...all])) ?? true;
  }

  /** Also those who came before: a thousand connections that were opened ahead get no answer each. */
  #closePenalised(): void {
    for (const association of this.#associations) {
      if (!association.isBusy && this.#isPenalised(association.connection)) association.stop('penalty');
    }
  }

  #isPenalised(connection: Identified): boolean {
    return this.penalties.refuses(connection, this.#currentRules.policy);
  }

  #connected(route: Route, connection: InboundConnection): void {
    const association = new InboundAssociation(this, route, connection, () => {
      this.#associations.delete(association);
      this.#connectionClosed();
    });
    this.#associations.add(association);
    if (this.#isPenalised(connection)) association.stop('penalty');
  }

  #refused(direction: Route['direction'], { isProbe, ...refusal }: RefusedConnection): void {
    // Who closes by itself was not refused.
    const outcome = isProbe === true ? 'debug' : refusal.reason === 'tls-closed' ? 'info' : 'denied';
    // What somebody in the box tries is no longer of interest: not to the log, and not to the pending callers.
    const isPenalised = outcome === 'denied' && direction === 'ingress' && this.#isPenalised(refusal);
    const reason = isPenalised ? 'penalty' : refusal.reason;
    this.audit.record({ event: 'connection.refused', outcome, direction, ...refusal, reason });
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

/** What a running process can't change, by path. */
function changesOfProcess(running: Configuration, wanted: Configuration): string[] {
  const parts = ({ workers, tcp, audit, admin, pending }: Configuration) =>
    Object.entries({ workers, 'tcp.quickAck': tcp.quickAck, 'audit.file': audit.file, admin, pending });
  const before = new Map(parts(running));
  return parts(wanted)
    .filter(([name, value]) => JSON.stringify(before.get(name)) !== JSON.stringify(value))
    .map(([name]) => name);
}

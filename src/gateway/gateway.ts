/** The composition root: listeners, policy, limits and audit put together, started, reloaded and stopped. */
import type { AuditSink } from '../audit/events';
import { changesOfProcess } from '../config/changes';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { InheritedSockets } from '../net/inheritedSockets';
import type { InboundConnection, RefusedConnection } from '../net/listener';
import { loadQuickAck, type QuickAck } from '../net/quickAck';
import { decideUntrusted } from '../policy/decide';
import type { ModalityLock } from '../policy/locks';
import type { ReasonCode } from '../policy/reasons';
import { type AssociationPlaces, LocalPlaces } from './associationPlaces';
import type { AssociationProgress } from './associationProgress';
import { type CommandPace, CommandPaces } from './commandPace';
import { ConnectionRoom } from './connectionRoom';
import { egressRoute } from './egressRoute';
import { Closing, untilIdle } from './idle';
import { InboundAssociation } from './inbound';
import type { InboundContext } from './inboundContext';
import { ingressRoute } from './ingressRoute';
import { resumedEvent, startedEvent, stoppedEvent } from './lifeEvents';
import { OpenListeners, type Prepared } from './openListeners';
import { type Identified, PenaltyBox } from './penaltyBox';
import type { Destination, Route } from './route';
import { rulesOf } from './rules';
import { RulesInForce } from './rulesInForce';
import type {
  GatewayOptions,
  ListeningAddress,
  LockResult,
  ReloadOptions,
  ReloadResult,
  RunningGateway,
  StopResult,
} from './runningGateway';
import { Taps } from './taps';
import { UpstreamHealth } from './upstreamHealth';

export class Gateway implements InboundContext, RunningGateway {
  readonly audit: AuditSink;
  readonly places: AssociationPlaces;
  readonly disclosures: GatewayOptions['disclosures'];
  readonly penalties: PenaltyBox;
  readonly taps: Taps;
  readonly #rules: RulesInForce;
  #quickAck: QuickAck = loadQuickAck('off');
  /** Absent in a worker. */
  #health: UpstreamHealth | undefined;
  readonly #listeners: OpenListeners;
  readonly #associations = new Set<InboundAssociation>();
  readonly #paces = new CommandPaces();
  #room: ConnectionRoom | undefined;
  #isDraining = false;
  #isListening = true;
  readonly #closing = new Closing();

  private constructor(
    configuration: Configuration,
    audit: AuditSink,
    places: AssociationPlaces,
    { locks = [], imposed = () => {}, disclosures, sockets = new InheritedSockets() }: GatewayOptions,
  ) {
    this.places = places;
    this.disclosures = disclosures;
    this.#rules = new RulesInForce(configuration, locks, () => this.#endSuspended());
    this.taps = new Taps(audit, this.#associations);
    this.penalties = new PenaltyBox(configuration, this.taps, (penalty, isOwn) => {
      this.#closePenalised();
      if (isOwn) imposed(penalty);
    });
    this.audit = this.penalties;
    const routes = {
      ingress: ingressRoute(() => this.#rules.current),
      egress: egressRoute(() => this.#rules.current),
    };
    this.#listeners = new OpenListeners(
      (direction) => ({
        accepting: () => this.#makeRoom(),
        admitAddress: (address, listener) =>
          this.penalties.decideAddress(address, listener, this.#rules.current.policy) ??
          routes[direction].decideAddress(address),
        admitUntrusted: (certificate) => decideUntrusted(this.#rules.current.policy, certificate).allowed,
        connected: (connection) => this.#connected(routes[direction], connection),
        refused: (refusal) => this.#refused(direction, refusal),
      }),
      sockets,
    );
  }

  /** Throws OperatorError where the configuration cannot be used or a port cannot be had; nothing listens then. */
  static async start(
    configuration: Configuration,
    audit: AuditSink,
    places: AssociationPlaces = new LocalPlaces(),
    options: GatewayOptions = {},
  ): Promise<Gateway> {
    const gateway = new Gateway(configuration, audit, places, options);
    (await gateway.#listeners.prepare(configuration, gateway.#rules.current.policy)).commit();
    gateway.#room = new ConnectionRoom((shortage) => audit.record(resumedEvent(shortage)));
    // After the ports are open: loading koffi takes longer than opening them.
    gateway.#quickAck = loadQuickAck(configuration.tcp.quickAck);
    audit.record(startedEvent(gateway.addresses, gateway.#quickAck.description));
    gateway.#health =
      places.servers &&
      new UpstreamHealth(configuration, gateway.#rules.current.upstreamTls, places.servers, audit);
    return gateway;
  }

  get timeouts(): Configuration['timeouts'] {
    return this.#rules.configuration.timeouts;
  }

  get keepAliveSeconds(): number {
    return this.#rules.configuration.tcp.keepAliveSeconds;
  }

  get limits(): Configuration['limits'] {
    return this.#rules.configuration.limits;
  }

  get quickAck(): QuickAck {
    return this.#quickAck;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** The archive may send as fast as it can. */
  associationsPerSecond({ associationsPerSecond }: Destination, direction: Route['direction']): number {
    if (direction === 'egress') return 0;
    return associationsPerSecond ?? this.limits.associationsPerSecond;
  }

  paceOf(
    { modality, commandsPerSecond }: Destination,
    direction: Route['direction'],
  ): CommandPace | undefined {
    if (direction === 'egress') return undefined;
    return this.#paces.begin(modality, commandsPerSecond ?? this.limits.commandsPerSecond);
  }

  /**
   * In a drain modalities get no new association, unless they came before it to a port of systemd. The archive does, as long
   * as others are open: they may be what it is sending for, a C-MOVE for example.
   */
  isRefusing(association: InboundAssociation, direction: Route['direction']): boolean {
    if (!this.#isDraining || this.#listeners.hasLeft(association.connection.listener)) return false;
    if (direction === 'ingress') return true;
    return ![...this.#associations].some((other) => other !== association && other.isBusy);
  }

  get addresses(): readonly ListeningAddress[] {
    return this.#listeners.all.map(({ name, address }) => ({ name, ...address }));
  }

  get connectionCount(): number {
    return this.#associations.size;
  }

  get associationCount(): number {
    return [...this.#associations].filter(({ isBusy }) => isBusy).length;
  }

  async heartbeat(): Promise<void> {}

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
    const changed = changesOfProcess(this.#rules.configuration, configuration);
    if (changed.length > 0) {
      throw new OperatorError(`${changed.join(', ')} changed: that takes a restart of the gateway`);
    }
    const rules = rulesOf(configuration);
    const listeners = await this.#listeners.prepare(configuration, rules.policy);
    return {
      commit: () => {
        listeners.commit();
        this.#rules.replace(rules);
        this.#health?.replace(configuration, rules.upstreamTls);
        this.penalties.replace(configuration);
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

  async lock(locks: readonly ModalityLock[]): Promise<LockResult> {
    this.#rules.lock(locks);
    return { ended: this.#endSuspended() };
  }

  async progress(wanted?: string): Promise<readonly AssociationProgress[]> {
    return [...this.#associations].flatMap((association) => association.progress(wanted) ?? []);
  }

  certificateRefusal(connection: InboundConnection): ReasonCode | undefined {
    const listener = this.#listeners.all.find(({ name }) => name === connection.listener);
    return listener?.certificateRefusal(connection);
  }

  async retire(): Promise<void> {
    this.#health?.stop();
    this.#listeners.retire();
    await untilIdle(() => this.#associations.size + this.#listeners.pendingCount);
  }

  /**
   * Rejects new associations (2/3/1, `draining`), lets the running ones end, aborts at the deadline what is left,
   * and stops listening. A second call during the drain ends it at once.
   */
  async stop(): Promise<StopResult> {
    if (this.#isDraining) {
      this.#closing.skip();
      return { aborted: 0 };
    }
    this.#isDraining = true;
    this.#listeners.leave();
    await this.#closing.until(() => !this.#isAnyoneServed, this.timeouts.drainSeconds * 1000);
    this.#health?.stop();
    this.#room?.dispose();
    this.#rules.close();
    this.#isListening = false;
    await this.#listeners.close();
    const aborted = [...this.#associations].filter((association) => association.stop()).length;
    await this.#closing.until(() => this.#associations.size === 0, this.timeouts.closeSeconds * 1000);
    this.audit.record(stoppedEvent(aborted));
    return { aborted };
  }

  get #isAnyoneServed(): boolean {
    const isServed = ({ isBusy, connection }: InboundAssociation) =>
      isBusy || this.#listeners.hasLeft(connection.listener);
    return this.#listeners.isAwaited || [...this.#associations].some(isServed);
  }

  /** Ends the associations of entries that are locked or whose time is over; returns how many. */
  #endSuspended(): number {
    const suspension = (modality: string) => this.#rules.suspension(modality);
    return [...this.#associations].filter((association) => association.endIfSuspended(suspension)).length;
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
    return this.penalties.refuses(connection, this.#rules.current.policy);
  }

  #connected(route: Route, connection: InboundConnection): void {
    const association = new InboundAssociation(this, route, connection, () => {
      this.#associations.delete(association);
      this.#closing.closed();
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
    this.#closing.closed();
  }
}

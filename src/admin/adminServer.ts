/**
 * The admin HTTP: what answers at its port. Puts together `/readyz` and `/api/v1/status`; others keep what they show.
 * Learns what happens from audit events, like the audit log. Loaded only where `admin` is configured. Knows nothing of
 * who may ask.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { version } from '../../package.json';
import type { SyslogStatus } from '../atna/runningExport';
import type { AuditEvent, AuditSink, ReloadRequester } from '../audit/events';
import type { Configuration } from '../config/schema';
import type { ReloadOptions, RunningGateway } from '../gateway/runningGateway';
import type { ServerHealth } from '../gateway/upstreamHealth';
import { addPendingRoute, addReloadRoute } from './actionRoutes';
import { addApproveRoute } from './approveRoute';
import { addCaptureRoutes, type CaptureControl } from './captureRoutes';
import type { CertificateExpiries } from './certificateExpiries';
import type { EventStream } from './eventStream';
import { addExplainRoute } from './explainRoutes';
import { type AdminDoor, createHttpServer } from './httpServer';
import { addInventoryRoute, type ShownInventory } from './inventoryRoutes';
import { LastErrors } from './lastErrors';
import { LiveView } from './liveView';
import { addLockRoutes, type LockControl } from './lockRoutes';
import type { MetricSources } from './metricLookups';
import { Metrics } from './metrics';
import { addPageRoutes } from './pageRoutes';
import { PageView } from './pageView';
import type { PendingCallers } from './pendingCallers';
import type {
  ListenerStatus,
  Readiness,
  ReloadReport,
  RevocationListStatus,
  SharedStatus,
  StatusReport,
} from './statusReport';
import { addViewRoutes } from './viewRoutes';

/** From one rendering of the metrics to the next: of hundreds of series it takes some milliseconds. */
const RENDER_MS = 1000;

/** What the admin HTTP may ask of the gateway that it belongs to. */
export interface GatewayControl {
  /** Asked each time: a reload may change where it listens. */
  readonly gateway: Pick<RunningGateway, 'addresses' | 'isListening' | 'health' | 'progress'> & {
    readonly penalties: Pick<RunningGateway['penalties'], 'list'>;
  };
  readonly workers: number;
  /** The configuration file as an absolute path, and the SHA-256 of the text that the gateway started from. */
  readonly source: { readonly file: string; readonly sha256: string };
  /** Of the revocation lists that are fetched. */
  lists?(): readonly RevocationListStatus[];
  /** Where audit lines go, and whether they can be written there. */
  auditSinks?(): Readonly<Record<string, boolean>>;
  /** Undefined where the audit log goes to none. */
  syslog?(): SyslogStatus | undefined;
  /** Of what several gateways share; undefined where nothing is. */
  shared?(): SharedStatus | undefined;
  readonly locks: LockControl;
  readonly captures?: CaptureControl;
  /** The reload of SIGHUP, in turn with others. Never rejects. */
  reload(options: ReloadOptions, requestedBy: ReloadRequester): Promise<ReloadReport>;
}

/** What others keep and this server shows. */
interface AdminSources {
  readonly expiries: CertificateExpiries;
  readonly pending: PendingCallers;
  /** For the operator, on stderr. */
  warn(message: string): void;
  readonly inventory: ShownInventory;
}

/** What a running gateway lends. */
interface AdminGateway extends AdminSources {
  readonly configuration: Configuration;
  readonly control: GatewayControl;
}

export class AdminServer implements AuditSink {
  readonly #door: AdminDoor;
  readonly #server: FastifyInstance;
  readonly #metrics: Metrics;
  readonly #live = new LiveView();
  readonly #view: PageView;
  readonly #stream: EventStream;
  readonly #errors = new LastErrors();
  readonly #sources: AdminSources;
  readonly #startedAt = new Date();
  readonly #control: GatewayControl;
  #configuration: Configuration;
  #isDraining = false;
  #renderedMs = Number.NEGATIVE_INFINITY;
  /** What scrapes wait for. */
  #nextExposition: Promise<string> | undefined;

  constructor(door: AdminDoor, { configuration, control, ...sources }: AdminGateway) {
    this.#configuration = configuration;
    this.#control = control;
    this.#sources = sources;
    const auditSinks = () => control.auditSinks?.() ?? {};
    const syslog = () => control.syslog?.();
    const looked: MetricSources = {
      servers: () => this.#servers(),
      certificateExpiries: () => sources.expiries.list,
      revocationLists: () => control.lists?.() ?? [],
      penalties: () => control.gateway.penalties.list.length,
      locks: () => control.locks.list,
      lastSeen: () => sources.inventory.lastSeen,
      silent: () => sources.inventory.silent,
      auditSinks,
      syslog,
      shared: () => control.shared?.(),
    };
    this.#metrics = new Metrics(looked, { configuration, warn: sources.warn });
    this.#view = new PageView({
      configuration: () => this.#configuration,
      ...control.source,
      startedAt: this.#startedAt,
      live: this.#live,
      ...sources,
      locks: () => control.locks.list,
      auditSinks,
      syslog,
      isDraining: () => this.#isDraining,
      isListening: () => control.gateway.isListening,
    });
    this.#door = door;
    this.#server = createHttpServer(door);
    this.#stream = this.#addRoutes();
  }

  /** Begins to answer at the port; resolves when it does. */
  async start(): Promise<void> {
    await this.#server.ready();
    this.#door.port.answerWith((request, response) => this.#server.routing(request, response));
  }

  record(event: AuditEvent): void {
    this.#errors.record(event);
    // Bytes of a peer are for those with a token. The others keep events, and have no use for them.
    const shown = event.excerpt === undefined ? event : { ...event, excerpt: undefined };
    this.#metrics.record(shown);
    this.#live.record(shown);
    this.#view.record(shown);
  }

  /** From now on the gateway takes no new associations: `/readyz` says so. */
  draining(): void {
    this.#isDraining = true;
  }

  /** A new configuration counts from now on. */
  replace(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#view.replace(configuration);
    this.#metrics.replace(configuration);
  }

  /** Ends what would go on for ever; resolves when what is kept is written. */
  async close(): Promise<void> {
    this.#stream.close();
    await this.#view.close();
    await this.#metrics.close();
  }

  async #readiness(): Promise<Readiness> {
    return this.#readinessOf((await this.#control.gateway.health?.isAnyUp()) ?? false);
  }

  async #servers(): Promise<readonly ServerHealth[]> {
    return (await this.#control.gateway.health?.servers()) ?? [];
  }

  #readinessOf(upstreamUp: boolean): Readiness {
    const shared = this.#control.shared?.();
    const checks = {
      listening: this.#control.gateway.isListening,
      notDraining: !this.#isDraining,
      upstreamUp,
      certificatesValid: this.#sources.expiries.endedListeners(new Date()).length === 0,
      // Where the gateway goes on alone, it is ready.
      ...(shared?.whileAway === 'closed' ? { sharedUp: shared.isUp } : {}),
    };
    return { isReady: Object.values(checks).every((isPassed) => isPassed), checks };
  }

  async #status(): Promise<StatusReport> {
    const { inventory, pending } = this.#sources;
    const upstreams = await this.#servers();
    return {
      version,
      startedAt: this.#startedAt.toISOString(),
      uptimeSeconds: Math.floor((Date.now() - this.#startedAt.getTime()) / 1000),
      ...this.#readinessOf(upstreams.some(({ isUp }) => isUp)),
      workers: this.#control.workers,
      listeners: this.#listeners(),
      upstreams,
      ...present({ shared: this.#control.shared?.() }),
      locks: this.#control.locks.list,
      ...present({ silent: inventory.silent }),
      ...this.#live.report(await this.#control.gateway.progress()),
      certificates: this.#view.certificates,
      ...present({
        revocationLists: this.#control.lists?.(),
        penalties: this.#penalties(),
        syslog: this.#control.syslog?.(),
      }),
      pendingCallers: pending.size,
    };
  }

  #penalties(): NonNullable<StatusReport['penalties']> {
    const { list } = this.#control.gateway.penalties;
    return list.map(({ key, untilMs }) => ({ key, until: new Date(untilMs).toISOString() }));
  }

  /** At most once a second for all. Who asks sooner waits and shares, so that no answer is older than its question. */
  #exposition(): Promise<string> {
    this.#nextExposition ??= delay(this.#renderedMs + RENDER_MS - performance.now(), undefined, {
      ref: false,
    }).then(() => {
      this.#nextExposition = undefined;
      this.#renderedMs = performance.now();
      return this.#metrics.exposition();
    });
    return this.#nextExposition;
  }

  #listeners(): ListenerStatus[] {
    const tlsByName = new Map(this.#configuration.listeners.map(({ name, tls }) => [name, tls]));
    return this.#control.gateway.addresses.map(({ name, host, port }) => ({
      name,
      host,
      port,
      isTls: tlsByName.get(name) !== undefined,
    }));
  }

  #addRoutes(): EventStream {
    // Probes of Kubernetes and of load balancers have no token.
    const isPublic = { config: { isPublic: true } };
    this.#server.get('/healthz', isPublic, async (_request, reply) => reply.type('text/plain').send('ok\n'));
    this.#server.get('/readyz', isPublic, async (_request, reply) => {
      const readiness = await this.#readiness();
      return reply.code(readiness.isReady ? 200 : 503).send(readiness);
    });
    this.#server.get('/metrics', async (_request, reply) =>
      reply.type(this.#metrics.contentType).send(await this.#exposition()),
    );
    this.#server.get('/api/v1/status', async () => await this.#status());
    addPendingRoute(this.#server, this.#sources.pending);
    addPageRoutes(this.#server);
    addInventoryRoute(this.#server, this.#sources.inventory);
    // Beyond what everybody on this machine may see: bytes that came from a peer.
    this.#server.get('/api/v1/errors', { config: { wantsToken: true } }, async () => ({
      errors: this.#errors.list,
    }));
    addLockRoutes(this.#server, this.#control.locks, (modality) =>
      Object.hasOwn(this.#configuration.modalities, modality),
    );
    if (this.#control.captures !== undefined) {
      addCaptureRoutes(this.#server, this.#control.captures, () => this.#configuration);
    }
    addReloadRoute(this.#server, this.#control, () => this.#configuration.admin);
    const { pending } = this.#sources;
    addExplainRoute(this.#server, () => ({
      configuration: this.#configuration,
      locks: this.#control.locks.list,
      pending: (id) => pending.find(id),
      accepted: (name) => this.#view.modalities.accepted(name),
    }));
    addApproveRoute(this.#server, () => ({
      pending,
      configuration: this.#configuration,
      file: this.#control.source.file,
      sha256: this.#view.reloads.sha256,
      reload: (requestedBy) => this.#control.reload({}, requestedBy),
    }));
    return addViewRoutes(this.#server, {
      view: this.#view,
      live: this.#live,
      pending,
      maxStreams: this.#door.port.maxStreams,
      configuration: () => this.#configuration,
      servers: () => this.#servers(),
      progress: (wanted) => this.#control.gateway.progress(wanted),
    });
  }
}

/** Nothing of what is not there, and of lists that are empty. */
function present<T extends object>(part: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(
    Object.entries(part).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  ) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}

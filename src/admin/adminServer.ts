/**
 * The admin HTTP: what answers at its port, `/healthz`, `/readyz`, `/metrics`, and what `/api/v1/status` puts together.
 * Learns what happens from audit events, like the audit log. Loaded only where `admin` is configured.
 */
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { version } from '../../package.json';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import type { AdminAccess } from './adminAccess';
import type { AdminPort } from './adminPort';
import { addApiRoutes } from './apiRoutes';
import type { CertificateExpiries } from './certificateExpiries';
import type { GatewayControl } from './gatewayControl';
import { LiveView } from './liveView';
import { Metrics } from './metrics';
import type { PendingCallers } from './pendingCallers';
import type { ListenerStatus, Readiness, StatusReport } from './statusReport';
import { UpstreamProbes } from './upstreamProbes';

/** Nobody sends anything but a request line and headers. */
const BODY_LIMIT_BYTES = 1024;

/** Where requests come in, and who may ask what; open before this server is loaded. */
export interface AdminDoor {
  readonly access: AdminAccess;
  readonly port: AdminPort;
}

/** What others keep and this server shows. */
interface AdminSources {
  readonly expiries: CertificateExpiries;
  readonly pending: PendingCallers;
}

/** What a running gateway lends. */
interface AdminGateway extends AdminSources {
  readonly configuration: Configuration;
  readonly control: GatewayControl;
}

export class AdminServer implements AuditSink {
  readonly #port: AdminPort;
  readonly #server: FastifyInstance;
  readonly #metrics: Metrics;
  readonly #probes: UpstreamProbes;
  readonly #live = new LiveView();
  readonly #sources: AdminSources;
  readonly #startedAt = new Date();
  readonly #control: GatewayControl;
  #configuration: Configuration;
  #isDraining = false;

  constructor({ access, port }: AdminDoor, { configuration, control, ...sources }: AdminGateway) {
    this.#configuration = configuration;
    this.#control = control;
    this.#sources = sources;
    this.#probes = new UpstreamProbes(configuration);
    this.#metrics = new Metrics({
      serverStates: () => this.#probes.states(),
      certificateExpiries: () => sources.expiries.list,
    });
    this.#port = port;
    this.#server = createServer(access, port);
    this.#addRoutes();
  }

  /** Begins to answer at the port; resolves when it does. */
  async start(): Promise<void> {
    await this.#server.ready();
    this.#port.answerWith((request, response) => this.#server.routing(request, response));
  }

  record(event: AuditEvent): void {
    // The gateway has learnt something that the last answer of a server does not say yet.
    if (event.event === 'upstream.up' || event.event === 'upstream.down') this.#probes.forget();
    this.#metrics.record(event);
    this.#live.record(event);
  }

  /** From now on the gateway takes no new associations: `/readyz` says so. */
  draining(): void {
    this.#isDraining = true;
  }

  /** A new configuration counts from now on. */
  replace(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#probes.replace(configuration);
  }

  async #readiness(): Promise<Readiness> {
    return this.#readinessOf(await this.#probes.isAnyUp());
  }

  #readinessOf(upstreamUp: boolean): Readiness {
    const now = Date.now();
    const checks = {
      listening: this.#control.gateway.isListening,
      notDraining: !this.#isDraining,
      upstreamUp,
      certificatesValid: this.#sources.expiries.list.every(
        ({ kind, notAfter }) => kind !== 'listener' || notAfter.getTime() > now,
      ),
    };
    return { isReady: Object.values(checks).every((isPassed) => isPassed), checks };
  }

  async #status(): Promise<StatusReport> {
    const upstreams = await this.#probes.states();
    return {
      version,
      startedAt: this.#startedAt.toISOString(),
      uptimeSeconds: Math.floor((Date.now() - this.#startedAt.getTime()) / 1000),
      ...this.#readinessOf(upstreams.some(({ isUp }) => isUp)),
      workers: this.#control.workers,
      listeners: this.#listeners(),
      upstreams,
      ...this.#live.report,
      certificates: this.#sources.expiries.list.map(({ kind, name, notAfter }) => ({
        kind,
        name,
        notAfter: notAfter.toISOString(),
      })),
      pendingCallers: this.#sources.pending.size,
    };
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

  #addRoutes(): void {
    this.#server.get('/healthz', async (_request, reply) => reply.type('text/plain').send('ok\n'));
    this.#server.get('/readyz', async (_request, reply) => {
      const readiness = await this.#readiness();
      return reply.code(readiness.isReady ? 200 : 503).send(readiness);
    });
    this.#server.get('/metrics', async (_request, reply) =>
      reply.type(this.#metrics.contentType).send(await this.#metrics.exposition()),
    );
    addApiRoutes(this.#server, {
      status: () => this.#status(),
      pending: this.#sources.pending,
      control: this.#control,
    });
  }
}

/** Answers of errors say their status and nothing else: no stack, no version, nothing of what was sent. */
function createServer(access: AdminAccess, port: AdminPort): FastifyInstance {
  const server = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory: () => port.server,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    // Of the router, before there is a route whose handler could be asked.
    frameworkErrors: answerError,
  });
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  server.addHook('onRequest', access.check);
  server.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ error: 'not found' }));
  server.setErrorHandler(answerError);
  return server;
}

/** Of the libraries that compile the schemas of routes, which are larger than the rest, none is loaded. */
function noSchemas(): never {
  throw new TypeError('no route of the admin HTTP has a schema');
}

function answerError(
  { statusCode = 500 }: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  const isOfClient = statusCode >= 400 && statusCode < 500;
  reply.code(isOfClient ? statusCode : 500).send({ error: isOfClient ? 'bad request' : 'internal error' });
}

/**
 * The admin HTTP: its server, its limits, `/healthz`, `/readyz`, `/metrics`, and what `/api/v1/status` puts together.
 * Learns what happens from audit events, like the audit log. Loaded only where `admin` is configured.
 */
import type { AddressInfo } from 'node:net';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { formatHostAndPort, type HostAndPort } from '../net/hostAndPort';
import { AdminAccess } from './adminAccess';
import { addApiRoutes } from './apiRoutes';
import type { CertificateExpiries } from './certificateExpiries';
import { limitConnections } from './connectionLimit';
import type { GatewayControl } from './gatewayControl';
import { LiveView } from './liveView';
import { Metrics } from './metrics';
import type { PendingCallers } from './pendingCallers';
import { productVersion } from './productVersion';
import type { ListenerStatus, Readiness, StatusReport } from './statusReport';
import { UpstreamProbes } from './upstreamProbes';

type AdminConfiguration = NonNullable<Configuration['admin']>;

/** Nobody sends anything but a request line and headers. */
const BODY_LIMIT_BYTES = 1024;
/** From the first byte of a connection to the whole request. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Longer than the longest wait for upstreams, which is 5 s. */
const CONNECTION_TIMEOUT_MS = 15_000;
/** A monitor needs one or two; the file descriptors are for modalities. */
const MAX_CONNECTIONS = 32;

/** What others keep and this server shows. */
export interface AdminSources {
  readonly expiries: CertificateExpiries;
  readonly pending: PendingCallers;
}

/**
 * @example
 * const admin = await AdminServer.start(configuration.admin, configuration, { expiries, pending });
 * const gateway = await startGateway(configuration, teeOf(audit, expiries, pending, admin), say);
 * admin.attach({ gateway, workers: 1, reload });
 */
export class AdminServer implements AuditSink {
  readonly #server: FastifyInstance;
  readonly #metrics: Metrics;
  readonly #probes: UpstreamProbes;
  readonly #live = new LiveView();
  readonly #sources: AdminSources;
  readonly #version = productVersion();
  readonly #startedAt = new Date();
  #configuration: Configuration;
  #control: GatewayControl | undefined;
  #isListening = false;
  #isDraining = false;

  private constructor(where: AdminConfiguration, configuration: Configuration, sources: AdminSources) {
    this.#configuration = configuration;
    this.#sources = sources;
    this.#probes = new UpstreamProbes(configuration);
    this.#metrics = new Metrics({
      serverStates: () => this.#probes.states(),
      certificateExpiries: () => sources.expiries.list,
    });
    this.#server = createServer(new AdminAccess(where));
    this.#addRoutes();
  }

  /** Throws OperatorError where the port cannot be had, or the token cannot be read. */
  static async start(
    where: AdminConfiguration,
    configuration: Configuration,
    sources: AdminSources,
  ): Promise<AdminServer> {
    const admin = new AdminServer(where, configuration, sources);
    try {
      await admin.#server.listen({ host: where.host, port: where.port });
    } catch (error) {
      await admin.close();
      throw cannotListen(where, error as NodeJS.ErrnoException);
    }
    return admin;
  }

  /** While it listens; the port is the real one where 0 was configured. */
  get address(): HostAndPort {
    const { address, port } = this.#server.server.address() as AddressInfo;
    return { host: address, port };
  }

  /** The gateway has started: from now on its addresses are known, and it can be told to reload. */
  attach(control: GatewayControl): void {
    this.#control = control;
  }

  record(event: AuditEvent): void {
    if (event.event === 'gateway.started') this.#isListening = true;
    if (event.event === 'gateway.stopped') this.#isListening = false;
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

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  async #readiness(): Promise<Readiness> {
    return this.#readinessOf(await this.#probes.states());
  }

  #readinessOf(states: readonly { readonly isUp: boolean }[]): Readiness {
    const now = Date.now();
    const checks = {
      listening: this.#isListening,
      notDraining: !this.#isDraining,
      upstreamUp: states.some(({ isUp }) => isUp),
      certificatesValid: this.#sources.expiries.list.every(
        ({ kind, notAfter }) => kind !== 'listener' || notAfter.getTime() > now,
      ),
    };
    return { isReady: Object.values(checks).every((isPassed) => isPassed), checks };
  }

  async #status(): Promise<StatusReport> {
    const upstreams = await this.#probes.states();
    return {
      version: this.#version,
      startedAt: this.#startedAt.toISOString(),
      uptimeSeconds: Math.floor((Date.now() - this.#startedAt.getTime()) / 1000),
      ...this.#readinessOf(upstreams),
      workers: this.#control?.workers ?? 0,
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
    return (this.#control?.gateway.addresses ?? []).map(({ name, host, port }) => ({
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
      control: () => this.#control,
    });
  }
}

/** Answers of errors say their status and nothing else: no stack, no version, nothing of what was sent. */
function createServer(access: AdminAccess): FastifyInstance {
  const server = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS },
    // A monitor that keeps its connection must not keep the process.
    forceCloseConnections: true,
    // Of the router, before there is a route whose handler could be asked.
    frameworkErrors: answerError,
  });
  limitConnections(server.server, MAX_CONNECTIONS);
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  server.addHook('onRequest', access.check);
  server.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ error: 'not found' }));
  server.setErrorHandler(answerError);
  return server;
}

function answerError(
  { statusCode = 500 }: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  const isOfClient = statusCode >= 400 && statusCode < 500;
  reply.code(isOfClient ? statusCode : 500).send({ error: isOfClient ? 'bad request' : 'internal error' });
}

function cannotListen(where: AdminConfiguration, error: NodeJS.ErrnoException): OperatorError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is in use (EADDRINUSE); stop the other program or choose another admin.port',
    EADDRNOTAVAIL: 'this machine has no such address (EADDRNOTAVAIL); use 127.0.0.1 or ::1',
    EACCES: 'ports below 1024 need a right of their own (EACCES); choose another admin.port',
  };
  const text = why[error.code ?? ''] ?? error.message;
  return new OperatorError(
    `cannot listen on ${formatHostAndPort(where)} for the admin HTTP: ${text}`,
    ExitCode.Failed,
  );
}

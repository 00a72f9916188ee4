/**
 * The HTTP for monitoring: `/healthz`, `/readyz`, `/metrics`. Answers questions and changes nothing; learns what
 * happens from audit events, like the audit log. Loaded only where `admin` is configured.
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
import { type CertificateExpiry, readCertificateExpiries } from './certificateExpiries';
import { Metrics } from './metrics';
import { UpstreamProbes } from './upstreamProbes';

export type AdminConfiguration = NonNullable<Configuration['admin']>;

/** Nobody sends anything but a request line and headers. */
const BODY_LIMIT_BYTES = 1024;
/** From the first byte of a connection to the whole request. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Longer than the longest wait for upstreams, which is 5 s. */
const CONNECTION_TIMEOUT_MS = 15_000;
/** A monitor needs one or two; the file descriptors are for modalities. */
const MAX_CONNECTIONS = 32;

/** The answer of `/readyz`: every check by its name, true where nothing is wrong. */
export interface Readiness {
  readonly isReady: boolean;
  readonly checks: {
    readonly listening: boolean;
    readonly notDraining: boolean;
    readonly upstreamUp: boolean;
    readonly certificatesValid: boolean;
  };
}

/**
 * @example
 * const admin = await AdminServer.start(configuration.admin, configuration);
 * await startGateway(configuration, teeOf(audit, admin), say);
 */
export class AdminServer implements AuditSink {
  readonly #server: FastifyInstance;
  readonly #metrics: Metrics;
  readonly #probes: UpstreamProbes;
  #expiries: readonly CertificateExpiry[];
  #isListening = false;
  #isDraining = false;

  private constructor(configuration: Configuration) {
    this.#probes = new UpstreamProbes(configuration);
    this.#expiries = readCertificateExpiries(configuration);
    this.#metrics = new Metrics({
      serverStates: () => this.#probes.states(),
      certificateExpiries: () => this.#expiries,
    });
    this.#server = createServer();
    this.#addRoutes();
  }

  /** Throws OperatorError where the port cannot be had, or a file of the configuration cannot be read. */
  static async start(where: AdminConfiguration, configuration: Configuration): Promise<AdminServer> {
    const admin = new AdminServer(configuration);
    try {
      await admin.#server.listen(where);
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

  record(event: AuditEvent): void {
    if (event.event === 'gateway.started') this.#isListening = true;
    if (event.event === 'gateway.stopped') this.#isListening = false;
    this.#metrics.record(event);
  }

  /** From now on the gateway takes no new associations: `/readyz` says so. */
  draining(): void {
    this.#isDraining = true;
  }

  /** Reads what a new configuration names; nothing changes before the function that comes back is called. Throws OperatorError. */
  prepareReload(configuration: Configuration): () => void {
    const expiries = readCertificateExpiries(configuration);
    return () => {
      this.#expiries = expiries;
      this.#probes.replace(configuration);
    };
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  async #readiness(): Promise<Readiness> {
    const now = Date.now();
    const states = await this.#probes.states();
    const checks = {
      listening: this.#isListening,
      notDraining: !this.#isDraining,
      upstreamUp: states.some(({ isUp }) => isUp),
      certificatesValid: this.#expiries.every(
        ({ kind, notAfter }) => kind !== 'listener' || notAfter.getTime() > now,
      ),
    };
    return { isReady: Object.values(checks).every((isPassed) => isPassed), checks };
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
  }
}

/** Answers of errors say their status and nothing else: no stack, no version, nothing of what was sent. */
function createServer(): FastifyInstance {
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
  server.server.maxConnections = MAX_CONNECTIONS;
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
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

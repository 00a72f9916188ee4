/**
 * The port of the admin HTTP and its limits. Open before the gateway is, so that a port that is taken is told before a
 * modality can connect; what answers is loaded after, and requests wait for it.
 */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { formatHostAndPort, type HostAndPort } from '../text/hostAndPort';
import { limitConnections } from './connectionLimit';

type AdminConfiguration = NonNullable<Configuration['admin']>;

/** From the first byte of a connection to the whole request. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Longer than the longest wait for upstreams, which is 5 s. */
const CONNECTION_TIMEOUT_MS = 15_000;
/** Longer than the minute that monitors let pass between two questions. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** A monitor needs one or two; the file descriptors are for modalities. */
const MAX_CONNECTIONS = 32;

export class AdminPort {
  readonly server: Server;
  /** Answers all requests, those that are waiting included; to be called once. */
  readonly answerWith: (answer: RequestListener) => void;

  private constructor() {
    let loaded: (answer: RequestListener) => void = () => {};
    const answering = new Promise<RequestListener>((resolve) => {
      loaded = resolve;
    });
    this.answerWith = loaded;
    this.server = createServer(
      {
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      },
      (request, response) => void answering.then((answer) => answer(request, response)),
    );
    this.server.setTimeout(CONNECTION_TIMEOUT_MS);
    limitConnections(this.server, MAX_CONNECTIONS);
  }

  /** Throws OperatorError where the port cannot be had. */
  static async open(where: AdminConfiguration): Promise<AdminPort> {
    const port = new AdminPort();
    try {
      port.server.listen({ host: where.host, port: where.port });
      await once(port.server, 'listening');
    } catch (error) {
      throw cannotListen(where, error as NodeJS.ErrnoException);
    }
    return port;
  }

  /** While it listens; the port is the real one where 0 was configured. */
  get address(): HostAndPort {
    const { address, port } = this.server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Stops listening and ends every connection: a monitor that keeps its own must not keep the process. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
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

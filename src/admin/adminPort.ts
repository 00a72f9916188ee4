/**
 * The port of the admin HTTP and its limits. It opens before the gateway does: a port that is in use is then reported
 * before a modality can connect. What answers is loaded later, and requests wait for it. Knows no routes.
 */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { openFileLimit } from '../gateway/connectionRoom';
import { formatHostAndPort, type HostAndPort } from '../text/hostAndPort';

type AdminConfiguration = NonNullable<Configuration['admin']>;

/** From the first byte of a connection to the whole request. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Longer than the wait for the health of upstreams, which is 5 s at most. */
const CONNECTION_TIMEOUT_MS = 15_000;
/** Longer than the minute between two questions of a monitor. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** A monitor needs one or two. The file descriptors are for modalities: of few, no more than a sixteenth is taken. */
const MAX_CONNECTIONS = 32;
const MIN_CONNECTIONS = 4;
/** Streams of events, each of which keeps a connection: no more than a quarter of all. */
const MAX_STREAMS = 8;
/** Beyond them, for liveness probes while all others wait for answers; the oldest of these goes first. */
const MAX_SPARE = 2;
const SPARE_MS = 1000;
/** Enough for a browser with cookies of other programs on this machine. */
const MAX_HEADER_BYTES = 8192;

export class AdminPort {
  readonly server: Server;
  /** Answers all requests, also those that are waiting; to be called once. */
  readonly answerWith: (answer: RequestListener) => void;
  /** How many answers may go on for as long as their reader likes. */
  readonly maxStreams: number;

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
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      (request, response) =>
        void answering.then((answer) => {
          if (!request.socket.destroyed) answer(request, response);
        }),
    );
    this.server.setTimeout(CONNECTION_TIMEOUT_MS);
    const ofFiles = Math.floor((openFileLimit() ?? Number.POSITIVE_INFINITY) / 16);
    const maxConnections = Math.max(MIN_CONNECTIONS, Math.min(MAX_CONNECTIONS, ofFiles));
    limitConnections(this.server, maxConnections);
    this.maxStreams = Math.min(MAX_STREAMS, Math.floor(maxConnections / 4));
  }

  /** `fd` is a socket that listens there already. Throws OperatorError where the port cannot be had. */
  static async open(where: AdminConfiguration, fd?: number): Promise<AdminPort> {
    const port = new AdminPort();
    try {
      port.server.listen(fd === undefined ? { host: where.host, port: where.port } : { fd });
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

  /** Stops listening and ends every connection: a monitor that keeps one open must not keep the process. */
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
    EACCES: 'this account may not open ports below 1024 (EACCES); choose another admin.port',
  };
  const text = why[error.code ?? ''] ?? error.message;
  return new OperatorError(
    `cannot listen on ${formatHostAndPort(where)} for the admin HTTP: ${text}`,
    ExitCode.Failed,
  );
}

/**
 * At `maxConnections`, the oldest idle connection of the address that has most of them is closed, not the newest one:
 * a peer that opens many and asks nothing must not keep a liveness probe out. Where all of them wait for answers, the
 * newest may ask whether the gateway is alive, at once, and nothing else. A connection that sends a request before its
 * last one is answered is closed: no monitor does, and without reading it could fill the memory with answers.
 */
export function limitConnections(server: Server, maxConnections: number): void {
  /** In the order in which they came. */
  const requestsBySocket = new Map<Socket, number>();
  const spare = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    const isFull = requestsBySocket.size - spare.size >= maxConnections;
    const victim = isFull ? idlestOf(requestsBySocket, spare) : undefined;
    if (victim !== undefined) {
      victim.destroy();
      requestsBySocket.delete(victim);
    } else if (isFull) {
      spare.add(socket);
      const timer = setTimeout(() => socket.destroy(), SPARE_MS);
      socket.once('close', () => clearTimeout(timer));
      const [oldest] = spare;
      if (spare.size > MAX_SPARE) oldest?.destroy();
    }
    requestsBySocket.set(socket, 0);
    socket.once('close', () => {
      requestsBySocket.delete(socket);
      spare.delete(socket);
    });
  });
  server.on('request', ({ socket, url }, response: ServerResponse) => {
    const isAnother = (requestsBySocket.get(socket) ?? 0) > 0;
    count(requestsBySocket, socket, 1);
    response.once('close', () => count(requestsBySocket, socket, -1));
    if (isAnother || (spare.has(socket) && url !== '/healthz')) drop(socket);
  });
}

/** Node would go on with all requests that were read: two thousand in one read. Its parser can stop, but has no public name. */
function drop(socket: Socket): void {
  (socket as Socket & { readonly parser?: { pause?(): void } | null }).parser?.pause?.();
  socket.destroy();
}

function count(requestsBySocket: Map<Socket, number>, socket: Socket, change: 1 | -1): void {
  const requests = requestsBySocket.get(socket);
  if (requests !== undefined) requestsBySocket.set(socket, requests + change);
}

function idlestOf(
  requestsBySocket: ReadonlyMap<Socket, number>,
  spare: ReadonlySet<Socket>,
): Socket | undefined {
  const idleByAddress = new Map<string, Socket[]>();
  for (const [socket, requests] of requestsBySocket) {
    if (requests > 0 || spare.has(socket)) continue;
    const { remoteAddress = '' } = socket;
    const idle = idleByAddress.get(remoteAddress) ?? [];
    idle.push(socket);
    idleByAddress.set(remoteAddress, idle);
  }
  const [most] = [...idleByAddress.values()].sort((one, other) => other.length - one.length);
  return most?.[0];
}

/**
 * Listens on one port and hands on each connection that passed gates 1 and 2. Owns the TCP server, the TLS engine behind
 * it and its renewal. Does not know how one connection passes the
 * gates: arrival.ts does.
 */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls';
import type { ListenerConfiguration, Timeouts } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import type { ReasonCode } from '../policy/reasons';
import { AddressSet } from '../text/addresses';
import { formatHostAndPort } from '../text/hostAndPort';
import { certificateRefusal, ownRefusal } from '../x509/certificateTrust';
import { type AddressClaim, type AddressLimit, AddressLimits } from './addressLimits';
import { Arrival, type ArrivalHost } from './arrival';
import type { InboundConnection, ListenerHandlers } from './inboundConnection';
import { type InheritedPort, SERVER_OPTIONS } from './inheritedSockets';
import { PeerCertificates, shownChain } from './peerCertificates';
import type { TlsMaterial } from './tlsContext';

export type { InboundConnection, ListenerHandlers, RefusedConnection } from './inboundConnection';

/**
 * Connections that the kernel completes while the event loop is busy. With a short queue, modalities that dial at the
 * same moment wait for TCP's retransmission, a second or more. The kernel caps it at net.core.somaxconn.
 */
const BACKLOG = 4096;

export interface ListenerOptions {
  readonly timeouts: Pick<Timeouts, 'tlsHandshakeSeconds'>;
  readonly maxPendingConnectionsPerAddress: number;
  /** 0 or left out: as fast as they come. */
  readonly connectionsPerSecondPerAddress?: number;
  /** Of all addresses together. 0 or left out: as fast as they come. */
  readonly connectionsPerSecond?: number;
  /** Given exactly where the configuration says `tls`. */
  readonly tls?: TlsMaterial | undefined;
}

export interface Listener {
  readonly name: string;
  /** Where it listens, with the port that the system chose where the configuration says 0. */
  readonly address: { readonly host: string; readonly port: number };
  /**
   * Takes over everything but address and port, from the next connection on. Connections and handshakes that began
   * before keep their settings.
   */
  reconfigure(configuration: ListenerConfiguration, options: ListenerOptions): void;
  /** Checks the certificate of a connected peer against the current trust and CRLs; undefined if it would pass. */
  certificateRefusal(connection: Pick<InboundConnection, 'socket' | 'certificate'>): ReasonCode | undefined;
  /** Connections that are neither connected nor refused. */
  readonly pending: ReadonlySet<Arrival>;
  /** Stops listening. Everybody who came before is served: another process has the socket from now on. */
  retire(): void;
  /** Stops listening and refuses what is not connected yet (`draining`). Connected peers stay. */
  close(): Promise<void>;
}

/** Resolves once the port is open, or is the `inherited` one. Rejects with OperatorError if it cannot be opened. */
export async function openListener(
  configuration: ListenerConfiguration,
  options: ListenerOptions,
  handlers: ListenerHandlers,
  inherited?: InheritedPort,
): Promise<Listener> {
  const listener = new GatewayListener(configuration, options, handlers, inherited);
  await listener.open();
  return listener;
}

/** What a reload may change. */
interface Settings {
  readonly name: string;
  readonly trustedProxies: AddressSet | undefined;
  readonly handshakeMs: number;
  readonly addressLimit: AddressLimit;
  readonly tls: TlsMaterial | undefined;
  readonly tlsServer: TlsServer | undefined;
}

class GatewayListener implements Listener, ArrivalHost {
  readonly handlers: ListenerHandlers;
  readonly #server: Server;
  readonly #inherited: InheritedPort | undefined;
  #address: Listener['address'];
  #settings: Settings;
  readonly #arrivals = new Set<Arrival>();
  readonly #arrivalByRawSocket = new WeakMap<Socket, Arrival>();
  readonly #addresses = new AddressLimits();

  constructor(
    configuration: ListenerConfiguration,
    options: ListenerOptions,
    handlers: ListenerHandlers,
    inherited: InheritedPort | undefined,
  ) {
    this.handlers = handlers;
    this.#inherited = inherited;
    this.#address = { host: configuration.host, port: configuration.port };
    this.#settings = this.#settingsOf(configuration, options);
    const connected = (raw: Socket) => this.#connected(raw);
    inherited?.serve(connected);
    this.#server = inherited?.server ?? createServer(SERVER_OPTIONS, connected);
  }

  open(): Promise<void> {
    const { host, port } = this.#address;
    // It was another listener's until a reload.
    if (this.#server.listening) {
      this.#opened();
      return Promise.resolve();
    }
    const where = this.#inherited === undefined ? { host, port } : { fd: this.#inherited.fd };
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(cannotListen(host, port, error));
      this.#server.once('error', onError);
      this.#server.listen({ ...where, backlog: BACKLOG }, () => {
        this.#server.off('error', onError);
        // Without a listener, a lack of file descriptors (EMFILE) would end the process.
        this.#server.on('error', (error) => this.handlers.acceptFailed?.(error));
        this.#opened();
        resolve();
      });
    });
  }

  #opened(): void {
    const { address, port } = this.#server.address() as AddressInfo;
    this.#address = { host: address, port };
  }

  #connected(raw: Socket): void {
    const arrival = new Arrival(raw, this);
    const hasRoom = this.handlers.accepting?.() !== false;
    this.#arrivals.add(arrival);
    this.#arrivalByRawSocket.set(raw, arrival);
    if (hasRoom) arrival.begin();
    else arrival.giveWay();
  }

  get address(): Listener['address'] {
    return this.#address;
  }

  get pending(): ReadonlySet<Arrival> {
    return this.#arrivals;
  }

  get name(): string {
    return this.#settings.name;
  }

  get trustedProxies(): AddressSet | undefined {
    return this.#settings.trustedProxies;
  }

  get handshakeMs(): number {
    return this.#settings.handshakeMs;
  }

  tlsServer(): TlsServer | undefined {
    return this.#settings.tlsServer;
  }

  reconfigure(configuration: ListenerConfiguration, options: ListenerOptions): void {
    this.#settings = this.#settingsOf(configuration, options);
  }

  certificateRefusal({
    socket,
    certificate,
  }: Pick<InboundConnection, 'socket' | 'certificate'>): ReasonCode | undefined {
    const { tls } = this.#settings;
    if (tls?.options.requestCert !== true) return undefined;
    const chain = socket instanceof TLSSocket ? shownChain(socket) : undefined;
    if (chain === undefined) return 'certificate-missing';
    const now = new Date();
    const refusal = certificateRefusal(chain, tls, now);
    // One that was trusted, and is no longer, was judged as such: it has to come again to be taken for its pin.
    const wasUntrusted = certificate?.untrusted !== undefined;
    if (refusal !== 'certificate-untrusted' || !wasUntrusted) return refusal;
    if (this.handlers.admitUntrusted?.(certificate) !== true) return refusal;
    return ownRefusal(chain[0], tls, now)?.reason;
  }

  retire(): void {
    this.#server.close();
  }

  async close(): Promise<void> {
    // Not awaited: its callback waits for every association, but the port is free at once.
    if (this.#inherited === undefined) this.#server.close();
    else this.#inherited.release();
    for (const arrival of this.#arrivals) arrival.refuse('draining');
  }

  claim(address: string): AddressClaim | undefined {
    return this.#addresses.claim(address, this.#settings.addressLimit);
  }

  settled(arrival: Arrival): void {
    this.#arrivals.delete(arrival);
  }

  #settingsOf(configuration: ListenerConfiguration, options: ListenerOptions): Settings {
    const { name, tls, proxyProtocol } = configuration;
    if ((tls === undefined) !== (options.tls === undefined)) {
      throw new Error(`listener ${name}: TLS configuration and TLS material do not go together`);
    }
    const handshakeMs = options.timeouts.tlsHandshakeSeconds * 1000;
    return {
      name,
      handshakeMs,
      addressLimit: {
        maxPending: options.maxPendingConnectionsPerAddress,
        connectionsPerSecond: options.connectionsPerSecondPerAddress ?? 0,
        connectionsPerSecondOfAll: options.connectionsPerSecond ?? 0,
      },
      trustedProxies: proxyProtocol && new AddressSet(proxyProtocol.trustedProxies),
      tls: options.tls,
      tlsServer: options.tls && this.#createTlsServer(options.tls, handshakeMs),
    };
  }

  /**
   * A TLS server that never listens: sockets are handed to it. Each renewal makes a new one, because Node can replace the
   * certificates of a server, but not what it demands of peers.
   */
  #createTlsServer(material: TlsMaterial, handshakeMs: number): TlsServer {
    const server = createTlsServer({ ...material.options, handshakeTimeout: handshakeMs });
    const certificates =
      material.options.requestCert === true
        ? new PeerCertificates(
            material,
            (certificate) => this.handlers.admitUntrusted?.(certificate) === true,
          )
        : undefined;
    server.on('secureConnection', (socket) => {
      const arrival = this.#arrivalOf(socket);
      if (arrival === undefined) socket.destroy();
      else arrival.secured(socket, certificates);
    });
    // Answers that there is no session to resume, as the context does. With this listener Node reads TLS into 16 KB,
    // without it into 1 KB and 16 KB in turn: twice the reads, and a tenth more CPU for a bulk transfer.
    server.on('resumeSession', (_sessionId, resume) => resume(null, null));
    server.on('tlsClientError', (error, socket) => {
      this.#arrivalOf(socket)?.tlsFailed(error);
      socket.destroy();
    });
    return server;
  }

  /**
   * Node has no public name for the socket under a TLS socket, and no longer knows the address after a failed handshake.
   * If a later Node drops `_parent`, connections are closed, never let in (test: "connects a client with a good
   * certificate").
   */
  #arrivalOf(socket: TLSSocket): Arrival | undefined {
    const raw = (socket as TLSSocket & { readonly _parent?: Socket })._parent;
    return raw && this.#arrivalByRawSocket.get(raw);
  }
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): OperatorError {
  return new OperatorError(
    `cannot listen on ${formatHostAndPort({ host, port })}: ${describeListenError(error)}`,
    ExitCode.Failed,
  );
}

/** Why a port cannot be opened, and what to do. */
export function describeListenError(error: NodeJS.ErrnoException): string {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is in use (EADDRINUSE); stop the other program or choose another port',
    EADDRNOTAVAIL:
      'this machine does not have this address (EADDRNOTAVAIL); use one that it has, or 0.0.0.0 for all',
    EACCES:
      'ports below 1024 need a special permission (EACCES); grant CAP_NET_BIND_SERVICE, or use 2762 or 11112',
    ENOTFOUND: 'the host name cannot be resolved (ENOTFOUND); use an IP address',
  };
  return why[error.code ?? ''] ?? error.message;
}

/**
 * One accepted TCP connection on its way through the PROXY header, gate 1 and the TLS handshake. It ends exactly once,
 * connected or refused, whatever happens to the socket meanwhile. Knows neither the listening port nor DICOM.
 */
import type { Socket } from 'node:net';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import type { PeerCertificate } from '../policy/certificate';
import type { ReasonCode } from '../policy/reasons';
import { type AddressSet, canonicalAddress } from '../text/addresses';
import type { AddressClaim } from './addressLimits';
import { nextConnectionId } from './connectionId';
import type { InboundConnection, ListenerHandlers, RefusedConnection, TlsFacts } from './inboundConnection';
import { type PeerCertificates, withCertificate } from './peerCertificates';
import { decodeProxyHeader } from './proxyProtocol';
import { handshakeFailure, NO_CERTIFICATE, type TlsFailure } from './tlsFailures';
import { describeFirstBytes, looksLikeTls } from './wrongProtocol';

/** What an arrival needs of its listener. */
export interface ArrivalHost {
  readonly name: string;
  readonly handlers: ListenerHandlers;
  /** Absent: no PROXY header is taken. */
  readonly trustedProxies: AddressSet | undefined;
  /** From accept to the end of the handshake, PROXY header included. */
  readonly handshakeMs: number;
  /** The TLS engine for new connections; absent on a plain listener. */
  tlsServer(): TlsServer | undefined;
  /** Counts a pending connection; undefined if the address has too many. */
  claim(address: string): AddressClaim | undefined;
  settled(arrival: Arrival): void;
}

type Stage =
  | 'accepted'
  | 'awaitingProxyHeader'
  | 'awaitingTurn'
  | 'awaitingFirstByte'
  | 'handshaking'
  | 'settled';

type RefusalFacts = Pick<RefusedConnection, 'detail' | 'tls' | 'isProbe'>;

export class Arrival {
  readonly #connectionId = nextConnectionId();
  readonly #raw: Socket;
  readonly #host: ArrivalHost;
  #stage: Stage = 'accepted';
  // Read at once: a closed socket no longer knows its peer.
  sourceAddress: string;
  #sourcePort: number;
  #claim: AddressClaim | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** The proxy's header names no client: the connection is its own. */
  #isOfProxy = false;
  /** Why gate 1 refuses the proxy itself. */
  #refusalOfProxy: ReasonCode | undefined;

  /** Takes a paused socket of which nothing was read. */
  constructor(raw: Socket, host: ArrivalHost) {
    this.#raw = raw;
    this.#host = host;
    this.sourceAddress = canonicalAddress(raw.remoteAddress ?? '') ?? 'unknown';
    this.#sourcePort = raw.remotePort ?? 0;
    // A close follows every error. This listener stays for ever: an error without a listener would end the process.
    raw.on('error', ignored);
    raw.once('close', this.#closed);
  }

  begin(): void {
    if (this.sourceAddress === 'unknown') this.#closedSilently('source-address-unknown');
    else if (this.#host.trustedProxies === undefined) this.#admit();
    else this.#awaitProxyHeader(this.#host.trustedProxies);
  }

  #awaitProxyHeader(trustedProxies: AddressSet): void {
    if (!trustedProxies.has(this.sourceAddress)) {
      this.refuse('proxy-protocol-untrusted');
      return;
    }
    this.#stage = 'awaitingProxyHeader';
    this.#startDeadline();
    this.#receive((received) => {
      const header = decodeProxyHeader(received);
      if (header.kind === 'invalid') this.refuse('proxy-protocol-invalid', header.detail);
      if (header.kind !== 'complete') return undefined;
      this.#isOfProxy = header.source === undefined;
      if (header.source !== undefined) {
        this.sourceAddress = canonicalAddress(header.source.address) ?? 'unknown';
        this.#sourcePort = header.source.port;
      }
      return header.headerBytes;
    }, this.#admit);
  }

  /** Gate 1. A refused peer gets no byte: it must not even learn that this port speaks TLS. */
  readonly #admit = (): void => {
    const decision = this.#host.handlers.admitAddress(this.sourceAddress, this.#host.name);
    if (!decision.allowed && this.#isOfProxy) this.#awaitByteOfProxy(decision.reason);
    else if (!decision.allowed) this.refuse(decision.reason);
    else this.#takeTurn(this.#host.claim(this.sourceAddress));
  };

  #takeTurn(claim: AddressClaim | undefined): void {
    this.#claim = claim;
    if (claim === undefined) this.refuse('connection-limit');
    else if (!claim.enter(this.#enter)) this.refuse('connection-rate');
    else if (claim.isWaiting) {
      this.#stage = 'awaitingTurn';
      this.#startDeadline();
    }
  }

  readonly #enter = (): void => {
    const tlsServer = this.#host.tlsServer();
    if (tlsServer === undefined) this.#connect(this.#raw);
    else this.#awaitFirstByte(tlsServer);
  };

  /** A proxy that checks whether the port is open has no business of its own here: it closes. */
  #awaitByteOfProxy(reason: ReasonCode): void {
    this.#stage = 'awaitingFirstByte';
    this.#refusalOfProxy = reason;
    this.#receive(() => void this.refuse(reason), ignored);
  }

  /**
   * Looks at the first byte before TLS does. So the log can name what is not TLS, and a peer that sends nothing costs a
   * socket but no TLS state.
   */
  #awaitFirstByte(tlsServer: TlsServer): void {
    this.#stage = 'awaitingFirstByte';
    this.#startDeadline();
    this.#receive(
      (received) => {
        if (looksLikeTls(received)) return 0;
        this.refuse('plain-on-tls-port', describeFirstBytes(received));
        return undefined;
      },
      () => {
        this.#stage = 'handshaking';
        // The TLS server has no port of its own: it wraps the socket, and first reads what was put back into it.
        tlsServer.emit('connection', this.#raw);
      },
    );
  }

  /**
   * Gate 2: called by the listener on `secureConnection`, in the turn in which the handshake ends. Node has let in every
   * peer up to here, so that the log can say which certificate was refused. Without `certificates` none is asked for.
   */
  secured(socket: TLSSocket, certificates: PeerCertificates | undefined): void {
    if (this.#stage !== 'handshaking') {
      socket.destroy();
      return;
    }
    const facts = { protocol: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().standardName };
    // A second line of defence: the context offers no session, and Node counts one that is resumed as authorized.
    if (socket.isSessionReused()) {
      const detail = 'the peer resumed a session, which is never offered';
      this.#refuseSecured(socket, 'tls-handshake-failed', detail, facts);
      return;
    }
    const { failure, refused, certificate } = certificates?.judge(socket) ?? {};
    // Whatever went wrong above: without a certificate nobody passes who has to show one.
    if (failure !== undefined || (certificates !== undefined && certificate === undefined)) {
      const { reason, detail }: TlsFailure = failure ?? { reason: 'certificate-missing' };
      if (reason === 'certificate-missing' && facts.protocol !== 'TLSv1.3') this.#raw.write(NO_CERTIFICATE);
      this.#refuseSecured(socket, reason, detail, { ...facts, ...refused });
      return;
    }
    this.#connect(socket, withCertificate(facts, certificate), certificate);
  }

  /** Called by the listener on `tlsClientError`. */
  tlsFailed(error: Error): void {
    const { reason, detail } = handshakeFailure(error);
    this.refuse(reason, detail);
  }

  /** Closes the connection: another one needs its descriptor. */
  giveWay(): void {
    this.refuse('descriptors-exhausted');
  }

  /** Closes the connection, unless it was connected or refused before. */
  refuse(reason: ReasonCode, detail?: string): void {
    this.#end(reason, detail === undefined ? {} : { detail });
  }

  #closedSilently(reason: ReasonCode): void {
    this.#end(reason, { detail: 'no byte came', isProbe: true });
  }

  #end(reason: ReasonCode, facts: RefusalFacts): void {
    if (!this.#settle()) return;
    this.#raw.destroy();
    this.#reportRefusal(reason, facts);
  }

  /**
   * The TLS socket closes the raw one. To destroy both here, inside of the handshake, ends the process (Node 20.20; test
   * "names the reason for one expired").
   */
  #refuseSecured(socket: TLSSocket, reason: ReasonCode, detail: string | undefined, tls: TlsFacts): void {
    if (!this.#settle()) return;
    socket.destroy();
    this.#reportRefusal(reason, detail === undefined ? { tls } : { detail, tls });
  }

  #reportRefusal(reason: ReasonCode, facts: RefusalFacts): void {
    this.#host.handlers.refused({
      connectionId: this.#connectionId,
      listener: this.#host.name,
      sourceAddress: this.sourceAddress,
      sourcePort: this.#sourcePort,
      reason,
      ...facts,
    });
  }

  #connect(socket: Socket, tls?: TlsFacts, certificate?: PeerCertificate): void {
    if (!this.#settle()) return;
    socket.pause();
    const connection: { -readonly [K in keyof InboundConnection]: InboundConnection[K] } = {
      connectionId: this.#connectionId,
      listener: this.#host.name,
      sourceAddress: this.sourceAddress,
      sourcePort: this.#sourcePort,
      socket,
      pendingDone: () => this.#claim?.associated(),
    };
    if (tls !== undefined) connection.tls = tls;
    if (certificate !== undefined) connection.certificate = certificate;
    this.#host.handlers.connected(connection);
  }

  /** False if it was settled before. */
  #settle(): boolean {
    if (this.#stage === 'settled') return false;
    if (this.#claim?.isWaiting === true) this.#claim.release();
    this.#stage = 'settled';
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#host.settled(this);
    return true;
  }

  /**
   * Reads until `take` returns how many of the received bytes it used. The others go back into the socket, and
   * `proceed` is called. `take` must refuse in the end, because everything received is kept until then.
   */
  #receive(take: (received: Buffer) => number | undefined, proceed: () => void): void {
    let received: Buffer | undefined;
    const onData = (chunk: Buffer) => {
      received = received === undefined ? chunk : Buffer.concat([received, chunk]);
      const used = take(received);
      if (used === undefined) return;
      this.#raw.off('data', onData);
      this.#raw.pause();
      if (used < received.length) this.#raw.unshift(received.subarray(used));
      proceed();
    };
    this.#raw.on('data', onData);
    this.#raw.resume();
  }

  /**
   * One timer from accept on, which nothing prolongs. Node's own handshake timeout reports but does not close, and with
   * an idle timeout a peer that sends single bytes could hold the connection for ever.
   */
  #startDeadline(): void {
    this.#deadline ??= setTimeout(() => {
      const seconds = `${this.#host.handshakeMs / 1000} s`;
      if (this.#refusalOfProxy !== undefined) this.refuse(this.#refusalOfProxy);
      else if (this.#stage === 'awaitingTurn') this.refuse('connection-rate', `it had waited for ${seconds}`);
      else if (this.#stage === 'awaitingProxyHeader') {
        this.refuse('proxy-protocol-invalid', `the header was not complete after ${seconds}`);
      } else {
        const sent = this.#stage === 'awaitingFirstByte' ? 'no byte came' : 'the handshake was not complete';
        this.refuse('tls-handshake-timeout', `${sent} in ${seconds}`);
      }
    }, this.#host.handshakeMs);
  }

  readonly #closed = (): void => {
    this.#claim?.release();
    if (this.#stage === 'settled') return;
    if (this.#stage === 'awaitingFirstByte' || this.#stage === 'awaitingTurn') {
      this.#closedSilently('tls-closed');
    } else if (this.#stage === 'awaitingProxyHeader') {
      if (this.#raw.bytesRead === 0) this.#closedSilently('proxy-protocol-invalid');
      else this.refuse('proxy-protocol-invalid', 'the connection was closed before the header was complete');
    } else {
      // With a refused certificate, Node closes the socket first and says why later in this turn of the event loop.
      setImmediate(() => this.refuse('tls-closed'));
    }
  };
}

function ignored(): void {}

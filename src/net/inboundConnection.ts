/**
 * What a listener reports about each connection that comes in: types only.
 */
import type { Socket } from 'node:net';
import type { PeerCertificate } from '../policy/certificate';
import type { Decision, ReasonCode } from '../policy/reasons';

/** What the log says of a certificate. Names are cut to a limit, and nobody vouches for those of a refused one. */
export interface CertificateFacts {
  readonly subject?: string;
  readonly issuer?: string;
  readonly serialNumber?: string;
  readonly fingerprint256?: string;
  /** SHA-256 of the public key; of associations that were accepted or rejected, and of refused certificates. */
  readonly spkiSha256?: string;
  /** In ISO 8601; of refused and of untrusted certificates. */
  readonly notBefore?: string;
  /** In ISO 8601; of associations that were accepted or rejected, and of refused certificates. */
  readonly notAfter?: string;
  /** Why no trusted CA stands behind it, in words; absent where one does, or where it was refused for more than that. */
  readonly untrusted?: string;
  /** `RSA 2048`; of untrusted certificates. */
  readonly key?: string;
}

/** The TLS facts of a connection, as they were when the handshake ended. */
export interface TlsFacts extends CertificateFacts {
  readonly protocol: string;
  readonly cipher: string;
  /** How the keys were agreed on, e.g. `X25519MLKEM768`. Node tells it to clients only, of that one from 24 on. */
  readonly group?: string;
}

/** A connection that passed gates 1 and 2. Its receiver owns the socket from now on. */
export interface InboundConnection {
  /** 16 hex digits, the same in every log line of this connection. */
  readonly connectionId: string;
  /** Name of the listener. */
  readonly listener: string;
  /**
   * A plain or TLS socket without Nagle's delay, explicitly paused: call `resume()` once the listeners are attached. An
   * error without a listener of yours closes it and does not reach the process.
   */
  readonly socket: Socket;
  /** The modality's address, behind a proxy too; canonical (IPv4-mapped IPv6 as IPv4). */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** Absent on plain listeners and on those that require no certificate. */
  readonly certificate?: PeerCertificate;
  /** Absent on plain listeners. */
  readonly tls?: TlsFacts;
  /**
   * Call it when the association has its place: another limit counts the connection from then on. Do not call it for a
   * rejected one: that counts as pending until it is closed, or peers that never close would not count at all.
   * Idempotent; the listener calls it when the connection closes.
   */
  pendingDone(): void;
}

/** A connection that did not pass; it is closed already. */
export interface RefusedConnection {
  readonly connectionId: string;
  readonly listener: string;
  /** `unknown` if the peer disconnected before its address was read. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly reason: ReasonCode;
  readonly detail?: string;
  readonly tls?: TlsFacts;
  /** The peer went without a byte of its own, as the health check of a load balancer does: nothing was refused. */
  readonly isProbe?: boolean;
}

/** Every accepted connection ends in exactly one call of `connected` or `refused`. Neither may throw. */
export interface ListenerHandlers {
  /** Gate 1; called before a byte is read (if a PROXY header is required, after that). */
  admitAddress(address: string, listener: string): Decision;
  /**
   * Gate 2, for a certificate that no trusted CA stands behind, and that is good in every other way. Absent: it is refused.
   */
  admitUntrusted?(certificate: PeerCertificate): boolean;
  /** Called at accept. False: there is no room, and the connection is refused. */
  accepting?(): boolean;
  connected(connection: InboundConnection): void;
  refused(refusal: RefusedConnection): void;
  /** The system could not accept a connection, usually because file descriptors ran out; the listener continues. */
  acceptFailed?(error: Error): void;
}

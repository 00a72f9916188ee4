/**
 * What a listener tells about the connections that come in: types only.
 */
import type { Socket } from 'node:net';
import type { PeerCertificate } from '../policy/certificate';
import type { Decision, ReasonCode } from '../policy/reasons';

/** The TLS facts of a connection, as they were when the handshake ended. */
export interface TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
  readonly subject?: string;
  readonly issuer?: string;
  readonly serialNumber?: string;
  readonly fingerprint256?: string;
  /** SHA-256 of the public key; of associations that were accepted or rejected. */
  readonly spkiSha256?: string;
  /** When the certificate ends, in ISO 8601; of associations that were accepted or rejected. */
  readonly notAfter?: string;
}

/** A connection that passed gates 1 and 2. Its socket is the receiver's from now on, to the end. */
export interface InboundConnection {
  /** 16 hex digits, the same in every log line of this connection. */
  readonly connectionId: string;
  /** Name of the listener. */
  readonly listener: string;
  /**
   * A plain or TLS socket without Nagle's delay, explicitly paused: call `resume()` once the listeners are attached. An
   * error that nobody listens for closes it and is otherwise lost; it never reaches the process.
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
   * Tells that the connection no longer counts as pending: its association has a place, so that another limit holds.
   * One that is rejected counts until it is closed, or peers that never close would not count at all. Idempotent;
   * called by the listener itself when the connection closes.
   */
  pendingDone(): void;
}

/** A connection that did not pass; it is closed already. */
export interface RefusedConnection {
  readonly connectionId: string;
  readonly listener: string;
  /** `unknown` where the peer was gone before its address could be asked. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly reason: ReasonCode;
  readonly detail?: string;
  readonly tls?: TlsFacts;
}

/** Every accepted connection ends in exactly one call of `connected` or `refused`. None of them may throw. */
export interface ListenerHandlers {
  /** Gate 1; asked before a byte is read (after the PROXY header where one is required). */
  admitAddress(address: string): Decision;
  connected(connection: InboundConnection): void;
  refused(refusal: RefusedConnection): void;
  /** The system could not accept a connection, mostly for want of file descriptors; the listener goes on. */
  acceptFailed?(error: Error): void;
}

/**
 * Dials a peer: TCP, and TLS on top, within one deadline. Says in words why it failed. Knows no DICOM; certificates come
 * from tlsContext.ts.
 */
import { X509Certificate } from 'node:crypto';
import { connect, isIP, type Socket } from 'node:net';
import { checkServerIdentity, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { matchesCertificate, type PeerCertificate, peerCertificate } from '../policy/certificate';
import { type ReasonCode, reasons } from '../policy/reasons';
import { checksRevocation, pathRefusal, revocationPathOf, type Trust } from '../x509/certificateTrust';
import type { RevocationRefusal } from '../x509/revocationTrust';
import type { TlsFacts } from './inboundConnection';
import { shownChain } from './peerCertificates';
import type { ClientTlsMaterial } from './tlsContext';
import { alertOf, verificationFailure } from './tlsFailures';

export interface DialOptions {
  /** For everything: name resolution, TCP and TLS. */
  readonly timeoutMs: number;
  /** Local address to dial from; default: the system's choice. Host names are resolved to its family. */
  readonly localAddress?: string | undefined;
  /** Called when TCP is connected, before TLS begins. */
  readonly tcpConnected?: (() => void) | undefined;
}

/** Why there is no connection. The message does not repeat the address that was dialled. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /** The step that failed. */
  readonly step: 'tcp' | 'tls';
  /** From Node, the system or OpenSSL, e.g. `ECONNREFUSED`. */
  readonly code: string;
  /** For the audit log. */
  readonly reason: ReasonCode;
  /** What the peer agreed to and showed, if the handshake reached its certificate. */
  readonly tls: TlsFacts | undefined;

  constructor(step: 'tcp' | 'tls', code: string, message: string, reason: ReasonCode, tls?: TlsFacts) {
    super(message);
    this.step = step;
    this.code = code;
    this.reason = reason;
    this.tls = tls;
  }
}

/**
 * Resolves with a connected socket without Nagle's delay, explicitly paused: call `resume()` once the listeners are
 * attached. Rejects with DialError.
 */
export function dialTcp(host: string, port: number, options: DialOptions): Promise<Socket> {
  const { timeoutMs, localAddress } = options;
  const socket = connect({
    host,
    port,
    noDelay: true,
    allowHalfOpen: false,
    ...(localAddress === undefined ? {} : { localAddress, family: isIP(localAddress) }),
  });
  socket.pause();
  return opened(
    socket,
    'connect',
    timeoutMs,
    () => new DialError('tcp', 'ETIMEDOUT', `no answer within ${timeoutMs / 1000} s`, 'upstream-unavailable'),
    (error) => new DialError('tcp', error.code ?? 'unknown', describeTcpError(error), 'upstream-unavailable'),
  );
}

export interface TlsConnection {
  /** As {@link dialTcp} returns it. */
  readonly socket: TLSSocket;
  readonly tls: TlsFacts;
  readonly certificate: PeerCertificate;
  /** From dialling to the TCP connection. */
  readonly tcpMs: number;
  /** From there to the end of the handshake. */
  readonly tlsMs: number;
}

/**
 * The same with TLS. With TLS 1.3 the peer judges our certificate only after this has resolved. Its refusal is then an
 * error of the socket. Rejects with DialError.
 */
export async function dialTls(
  host: string,
  port: number,
  options: DialOptions & { readonly tls: ClientTlsMaterial },
): Promise<TlsConnection> {
  const started = performance.now();
  const raw = await dialTcp(host, port, options);
  const connected = performance.now();
  options.tcpConnected?.();
  const { pins } = options.tls;
  const expectedName = options.tls.serverName ?? host;
  const isNameChecked = pins === undefined || options.tls.serverName !== undefined;
  const socket = tlsConnect({
    ...options.tls.options,
    socket: raw,
    // RFC 6066 §3: an address is not a server name. It is still checked against the certificate.
    ...(isIP(expectedName) === 0 ? { servername: expectedName } : {}),
    checkServerIdentity: (_, certificate) =>
      (isNameChecked ? checkServerIdentity(expectedName, certificate) : undefined) ??
      (pins === undefined || matchesCertificate(pins, peerCertificate(new X509Certificate(certificate.raw)))
        ? undefined
        : new PinMismatch(pins.texts)),
  });
  socket.pause();
  let shown: Shown | undefined;
  // Node verifies after this event, and then forgets a certificate that it refused. The event is internal: if a later Node
  // drops it, refusals lose these facts and nothing else (test: "reports the certificate of a peer that it refuses").
  socket.prependOnceListener('secure', () => {
    shown = whatIsShown(socket);
  });
  await opened(
    socket,
    'secureConnect',
    options.timeoutMs - (connected - started),
    () => {
      const words = `the TLS handshake was not complete within ${options.timeoutMs / 1000} s`;
      return new DialError('tls', 'ETIMEDOUT', words, 'tls-handshake-timeout');
    },
    (error) => {
      const { code = 'unknown' } = error;
      return new DialError('tls', code, describeTlsError(error), tlsReason(error), shown?.tls);
    },
  );
  // Verified, so there is one.
  const verified = shown ?? whatIsShown(socket);
  if (verified === undefined) throw new Error('a verified peer has no certificate');
  const refusal = revocationOf(socket, options.tls.trust);
  if (refusal !== undefined) {
    socket.destroy();
    const { reason, detail } = refusal;
    const code = revocationCodes[reason];
    const words = `${reasons[reason].text}${detail === undefined ? '' : `: ${detail}`} (${code})`;
    throw new DialError('tls', code, words, reason, verified.tls);
  }
  return {
    socket,
    ...verified,
    tcpMs: connected - started,
    tlsMs: performance.now() - connected,
  };
}

/** As OpenSSL calls these faults. */
const revocationCodes: Readonly<Record<RevocationRefusal['reason'], string>> = {
  'certificate-revoked': 'CERT_REVOKED',
  'crl-missing': 'UNABLE_TO_GET_CRL',
  'crl-expired': 'CRL_HAS_EXPIRED',
  'crl-scope': 'DIFFERENT_CRL_SCOPE',
  'crl-invalid': 'CRL_NOT_YET_VALID',
};

/** OpenSSL has judged all else. Where we find no way to a trusted CA, no list can be of it. */
function revocationOf(socket: TLSSocket, trust: Trust): RevocationRefusal | undefined {
  if (!checksRevocation(trust)) return undefined;
  const chain = shownChain(socket);
  const path = chain && revocationPathOf(chain, trust, new Date());
  return path === undefined ? { reason: 'crl-missing' } : pathRefusal(path, trust, new Date());
}

type Shown = Pick<TlsConnection, 'tls' | 'certificate'>;

/** Undefined without a certificate, or for one that node:crypto cannot read: then the error itself is reported. */
function whatIsShown(socket: TLSSocket): Shown | undefined {
  try {
    // Not getPeerX509Certificate(): called before Node has verified, it makes that verification lose the names of the
    // certificate (Node 20.20; test "takes the expected name for the host").
    const { raw } = socket.getPeerCertificate();
    if (raw === undefined) return undefined;
    const certificate = peerCertificate(new X509Certificate(raw));
    const { subject, issuer, serialNumber, fingerprint256, spkiSha256, validTo } = certificate;
    const tls = {
      protocol: socket.getProtocol() ?? 'unknown',
      cipher: socket.getCipher().standardName,
      ...groupOf(socket),
      subject,
      issuer,
      serialNumber,
      fingerprint256,
      spkiSha256,
      notAfter: new Date(validTo).toISOString(),
    };
    return { tls, certificate };
  } catch {
    return undefined;
  }
}

/** Node 22 knows no name for a group of ML-KEM. The types do not know the answer of TLS 1.3. */
function groupOf(socket: TLSSocket): Pick<TlsFacts, 'group'> {
  const { name } = (socket.getEphemeralKeyInfo() ?? {}) as { readonly name?: string };
  return name === undefined ? {} : { group: name };
}

/** The code of a DialError for a certificate that is trusted, but not pinned. */
export const PIN_MISMATCH = 'AEGIS_PIN_MISMATCH';

class PinMismatch extends Error {
  readonly code = PIN_MISMATCH;
  constructor(pins: readonly string[]) {
    super(`the certificate is not one of those that are pinned (${pins.join(', ')})`);
  }
}

function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  timedOut: () => DialError,
  failed: (error: NodeJS.ErrnoException) => DialError,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(timedOut()), Math.max(0, timeoutMs));
    const fail = (error: DialError) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const onError = (error: NodeJS.ErrnoException) => fail(failed(error));
    socket.on('error', onError);
    // Stays for ever: an error between two owners of the socket must not end the process.
    socket.on('error', ignored);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

function ignored(): void {}

/** For a person, with the code of the system behind it. */
export function describeTcpError(error: NodeJS.ErrnoException): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nobody listens on this port, or a firewall rejects the connection',
    ECONNRESET: 'the peer closed the connection at once',
    EHOSTUNREACH: 'there is no route to this host',
    ENETUNREACH: 'there is no route to this network',
    ETIMEDOUT: 'the host does not answer',
    ENOTFOUND: 'the host name cannot be resolved',
    EAI_AGAIN: 'the host name cannot be resolved at the moment',
    EADDRNOTAVAIL: 'this machine does not have this local address, or has no free port',
    EMFILE: 'the limit of open files is reached',
  };
  return describe(words[error.code ?? ''], error);
}

/** The same of a handshake, and of a TLS connection that the peer ends with an alert. */
export function describeTlsError(error: NodeJS.ErrnoException): string {
  const { code = '' } = error;
  const verification = verificationFailure(code);
  if (verification !== undefined) return describe(reasons[verification].text, error);
  const alert = alertOf(code);
  if (alert !== undefined) return describe(`the peer refused with the TLS alert "${alert}"`, error);
  const words: Readonly<Record<string, string>> = {
    // Node's sentence contains both names.
    ERR_TLS_CERT_ALTNAME_INVALID: `${error.message}; set serverName to a name that is in the certificate`,
    [PIN_MISMATCH]: error.message,
    ERR_SSL_WRONG_VERSION_NUMBER: 'the peer does not speak TLS on this port',
    ERR_SSL_UNSUPPORTED_PROTOCOL: 'the peer offers no TLS version that the profile accepts',
    ECONNRESET: 'the peer closed the connection during the TLS handshake',
  };
  return describe(words[code], error);
}

function tlsReason({ code = '' }: NodeJS.ErrnoException): ReasonCode {
  if (code === PIN_MISMATCH || code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'certificate-mismatch';
  return verificationFailure(code) ?? 'tls-handshake-failed';
}

function describe(words: string | undefined, error: NodeJS.ErrnoException): string {
  return words === undefined || error.code === undefined ? error.message : `${words} (${error.code})`;
}

/**
 * What a failed handshake was about: from the codes of Node and OpenSSL to one reason. Both sides of the table are
 * measured in test/unit/net/tlsFailures.test.ts with TLS 1.2 and 1.3. Knows no sockets.
 */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ReasonCode } from '../policy/reasons';
import { purposeProblem } from '../x509/certificate';

/**
 * The alert handshake_failure (RFC 5246 §7.2), as OpenSSL sends it to a peer without a certificate. Up to TLS 1.2 our side
 * is not encrypted yet: what ends our handshake leaves only after the verdict. TLS 1.3 has no way left, and closes.
 */
export const NO_CERTIFICATE = Buffer.from('15030300020228', 'hex');

export interface TlsFailure {
  readonly reason: ReasonCode;
  readonly detail?: string;
}

/** Results of OpenSSL's verification, as `authorizationError` names them (openssl-verification-options). */
const reasonByVerification: ReadonlyMap<string, ReasonCode> = new Map<string, ReasonCode>([
  ['UNABLE_TO_GET_ISSUER_CERT', 'certificate-untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate-untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate-untrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate-untrusted'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate-untrusted'],
  ['CERT_UNTRUSTED', 'certificate-untrusted'],
  ['CERT_REJECTED', 'certificate-untrusted'],
  ['CERT_HAS_EXPIRED', 'certificate-expired'],
  ['CERT_NOT_YET_VALID', 'certificate-not-yet-valid'],
  ['CERT_REVOKED', 'certificate-revoked'],
  ['INVALID_PURPOSE', 'certificate-purpose'],
  ['CRL_HAS_EXPIRED', 'crl-expired'],
  ['UNABLE_TO_GET_CRL', 'crl-missing'],
  ['CRL_NOT_YET_VALID', 'crl-invalid'],
  ['CRL_SIGNATURE_FAILURE', 'crl-invalid'],
  ['UNABLE_TO_DECRYPT_CRL_SIGNATURE', 'crl-invalid'],
  ['ERROR_IN_CRL_LAST_UPDATE_FIELD', 'crl-invalid'],
  ['ERROR_IN_CRL_NEXT_UPDATE_FIELD', 'crl-invalid'],
]);

/** Errors of the handshake itself. */
const reasonByErrorCode: ReadonlyMap<string, ReasonCode> = new Map<string, ReasonCode>([
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tls-version'],
  ['ERR_SSL_VERSION_TOO_LOW', 'tls-version'],
  ['ERR_SSL_INAPPROPRIATE_FALLBACK', 'tls-version'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'tls-cipher'],
  ['ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS', 'tls-cipher'],
  ['ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', 'tls-cipher'],
  ['ERR_SSL_NO_SUITABLE_KEY_SHARE', 'tls-cipher'],
  ['ERR_SSL_NO_SUITABLE_GROUPS', 'tls-cipher'],
  ['ERR_SSL_NO_APPLICATION_PROTOCOL', 'tls-application-protocol'],
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'tls-handshake-timeout'],
  ['ECONNRESET', 'tls-closed'],
  ['EPIPE', 'tls-closed'],
  ['ETIMEDOUT', 'tls-closed'],
  ['EHOSTUNREACH', 'tls-closed'],
]);

/** Reasons that say all there is to say; with the others goes what OpenSSL said. */
const needsNoDetail: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'tls-application-protocol',
  'tls-handshake-timeout',
  'tls-closed',
]);

/** The reason of a server's `tlsClientError`. */
export function handshakeFailure(error: Error): TlsFailure {
  const { code = '', reason: words = error.message } = error as Error & { code?: string; reason?: string };
  const alert = alertOf(code);
  if (alert !== undefined) {
    return {
      reason: 'tls-handshake-failed',
      detail: `the peer ended the handshake with the alert "${alert}"`,
    };
  }
  const reason = reasonByErrorCode.get(code);
  if (reason === undefined) return { reason: 'tls-handshake-failed', detail: words };
  return needsNoDetail.has(reason) ? { reason } : { reason, detail: words };
}

/** What of a socket says why OpenSSL does not take the certificate: its name for the fault, and its words. */
export type Unauthorized = Pick<TLSSocket, 'authorizationError'> & {
  /** Not public. Should a later Node drop it, the detail is less exact. Safe only while the handshake ends. */
  readonly ssl?: { verifyError?(): Error | null } | null;
};

/** Why OpenSSL refused this certificate (DER), right after the handshake. */
export function certificateFailure(socket: Unauthorized, raw: Buffer): TlsFailure {
  // A text, although its type says Error.
  const code = String(socket.authorizationError ?? 'UNSPECIFIED');
  const reason = verificationFailure(code);
  if (reason === 'certificate-purpose') return { reason, detail: purposeDetail(raw) };
  if (reason !== undefined) return { reason };
  if (code !== 'UNSPECIFIED') return { reason: 'certificate-invalid', detail: code };
  const words = socket.ssl?.verifyError?.()?.message;
  return { reason: 'certificate-invalid', detail: faultWords.get(words ?? '') ?? words ?? UNKNOWN_FAULT };
}

const UNKNOWN_FAULT = 'too weak for the profile, or malformed';

/** Faults that Node has no name for, by the words of OpenSSL. */
const faultWords: ReadonlyMap<string, string> = new Map([
  ['EE certificate key too weak', 'its key is too weak for the profile'],
  ['CA certificate key too weak', 'the key of a CA above it is too weak for the profile'],
  ['CA signature digest algorithm too weak', 'a signature in its chain is too weak for the profile'],
  ['unhandled critical extension', 'it has a critical extension that OpenSSL does not know'],
  ['unspecified certificate verification error', UNKNOWN_FAULT],
]);

/** Which extension it was. Where the certificate itself is good for clients, it was one of a CA above it. */
function purposeDetail(raw: Buffer): string {
  const problem = purposeProblem(new X509Certificate(raw), 'clientAuth');
  if (problem === undefined) return 'a CA above it is not meant for client certificates';
  const advice = problem.includes('extended')
    ? '; public CAs issue no certificates for clients since 2026, so use a CA of your own, e.g. "aegis pki client"'
    : '';
  return problem + advice;
}

/** The reason for a certificate that OpenSSL did not verify, e.g. `CERT_HAS_EXPIRED`; undefined for other codes. */
export function verificationFailure(code: string): ReasonCode | undefined {
  return reasonByVerification.get(code);
}

/** The alert that the peer sent, e.g. `unknown ca`; undefined where the error is none. */
export function alertOf(code: string): string | undefined {
  // SSLV3_ALERT_… and TLSV1_ALERT_… before OpenSSL 3.3, SSL/TLS_ALERT_… since.
  const [, alert] = /^ERR_SSL_.*_ALERT_(.+)$/.exec(code) ?? [];
  return alert?.toLowerCase().replaceAll('_', ' ');
}

/**
 * What a failed handshake was about: from the codes of Node and OpenSSL to one reason. Both sides of the table are
 * measured in test/unit/net/tlsFailures.test.ts with TLS 1.2 and 1.3. Knows no sockets.
 */
import type { ReasonCode } from '../policy/reasons';
import type { TlsMaterial } from './tlsContext';

export interface TlsFailure {
  readonly reason: ReasonCode;
  readonly detail?: string;
}

type ListsOfTls = Pick<TlsMaterial, 'hasListForEveryCa' | 'revocationLists'>;

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
  ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'certificate-missing'],
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
  'certificate-missing',
  'tls-application-protocol',
  'tls-handshake-timeout',
  'tls-closed',
]);

/**
 * The reason of a server's `tlsClientError`. With a refused certificate Node reports ECONNRESET and leaves the truth in
 * `authorizationError` of the socket; give it here.
 *
 * OpenSSL reports the last thing that it misses. Of a stranger's certificate that is a revocation list: where every
 * trusted CA has one (`hasListForEveryCa`), a missing list means a CA that is not trusted. OpenSSL does not report which
 * list has ended, so the detail does.
 */
export function tlsFailure(
  error: Error,
  authorizationError: unknown,
  { hasListForEveryCa, revocationLists }: ListsOfTls = { hasListForEveryCa: false, revocationLists: [] },
  now = new Date(),
): TlsFailure {
  // A text, although its type says Error.
  if (typeof authorizationError === 'string') {
    const reason = verificationFailure(authorizationError);
    if (reason === 'crl-missing' && hasListForEveryCa) return { reason: 'certificate-untrusted' };
    if (reason === 'crl-expired') return { reason, detail: endedLists(revocationLists, now) };
    if (reason !== undefined) return { reason };
    // Node has no name for a key or a digest below the profile's level of security.
    const detail =
      authorizationError === 'UNSPECIFIED' ? 'too weak for the profile, or malformed' : undefined;
    return { reason: 'certificate-invalid', detail: detail ?? authorizationError };
  }
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

function endedLists(lists: ListsOfTls['revocationLists'], now: Date): string {
  return lists
    .flatMap(({ file, nextUpdate }) =>
      nextUpdate === undefined || nextUpdate > now ? [] : [`${file} ended at ${nextUpdate.toISOString()}`],
    )
    .join(', ');
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

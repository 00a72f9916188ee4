/**
 * What a TLS listener would say to a certificate, without a handshake: for `aegis explain`, and for associations that
 * are open when trust changes. Whoever connects is judged by OpenSSL alone.
 */
import type { X509Certificate } from 'node:crypto';
import { certificateIssuer, revokedSerialNumbers } from './revocationListReader';
import type { RevocationList } from './tlsFiles';

/** Extended key usage id-kp-clientAuth (RFC 5280 §4.2.1.12). */
const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2';
/** Longer chains do not occur; the bound ends a circle of cross-signed CAs. */
const MAX_CHAIN_LENGTH = 10;

/** Each is a reason of policy/reasons.ts. */
export type TrustRefusal =
  | 'certificate-untrusted'
  | 'certificate-purpose'
  | 'certificate-not-yet-valid'
  | 'certificate-expired'
  | 'certificate-revoked'
  | 'crl-missing'
  | 'crl-expired';

export interface Trust {
  readonly trustedCertificates: readonly X509Certificate[];
  /** Without any, nothing is revoked. */
  readonly revocationLists: readonly RevocationList[];
}

/**
 * The reason why a listener with this trust would refuse the first certificate of the chain, the one of several that
 * OpenSSL tells; undefined where nothing speaks against it. The rest of the chain are intermediate CAs.
 */
export function certificateRefusal(
  chain: readonly [X509Certificate, ...X509Certificate[]],
  { trustedCertificates: trusted, revocationLists }: Trust,
  now: Date,
): TrustRefusal | undefined {
  const [leaf, ...intermediates] = chain;
  const isTrustedItself = leaf.subject === leaf.issuer && trusted.some(({ raw }) => raw.equals(leaf.raw));
  const path = isTrustedItself ? [leaf] : pathToRoot(leaf, intermediates, trusted);
  if (path === undefined) return 'certificate-untrusted';
  const purposes: readonly string[] | undefined = leaf.keyUsage;
  if (purposes !== undefined && !purposes.includes(CLIENT_AUTHENTICATION)) return 'certificate-purpose';
  if (path.some(({ validFrom }) => now < new Date(validFrom))) return 'certificate-not-yet-valid';
  if (path.some(({ validTo }) => now > new Date(validTo))) return 'certificate-expired';
  for (const certificate of revocationLists.length === 0 ? [] : path) {
    const refusal = revocation(certificate, revocationLists, now);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Where there are lists at all, each certificate of the path needs a current one of its issuer. */
function revocation(
  { raw, serialNumber }: X509Certificate,
  lists: readonly RevocationList[],
  now: Date,
): TrustRefusal | undefined {
  const issuer = certificateIssuer(raw);
  const ofIssuer = lists.filter((list) => list.issuer.equals(issuer));
  if (ofIssuer.length === 0) return 'crl-missing';
  const current = ofIssuer.filter(({ nextUpdate }) => nextUpdate === undefined || nextUpdate > now);
  if (current.length === 0) return 'crl-expired';
  return current.some(({ der }) => revokedSerialNumbers(der).has(serialNumber))
    ? 'certificate-revoked'
    : undefined;
}

/** From the leaf to a trusted self-signed certificate, as node:tls asks for; undefined where none is reached. */
function pathToRoot(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  const path = [leaf];
  let last = leaf;
  while (path.length <= MAX_CHAIN_LENGTH) {
    const certificate = last;
    const isIssuer = (candidate: X509Certificate) =>
      certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey);
    const trustedIssuer = trusted.find(isIssuer);
    if (trustedIssuer?.checkIssued(trustedIssuer)) return [...path, trustedIssuer];
    const issuer = trustedIssuer ?? intermediates.find(isIssuer);
    if (issuer === undefined) return undefined;
    path.push(issuer);
    last = issuer;
  }
  return undefined;
}

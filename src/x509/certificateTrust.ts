/**
 * Whether a TLS listener would refuse a certificate, without a handshake: for `aegis explain`, and to check connected peers
 * again when trust changes. OpenSSL alone judges who connects.
 */
import type { X509Certificate } from 'node:crypto';
import { decodeCertificate, isMeantFor, validityOf } from './certificate';
import { isRevoked, type RevocationListParts } from './revocationList';

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
  readonly revocationLists: readonly RevocationListParts[];
}

/**
 * Why a listener with this trust would refuse the first certificate of the chain; undefined where it would not. Of several
 * reasons it is the one that OpenSSL reports. The rest of the chain are intermediate CAs.
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
  if (!isMeantFor(leaf, 'clientAuth')) return 'certificate-purpose';
  const validities = path.map(validityOf);
  if (validities.some(({ notBefore }) => now < notBefore)) return 'certificate-not-yet-valid';
  if (validities.some(({ notAfter }) => now > notAfter)) return 'certificate-expired';
  for (const certificate of revocationLists.length === 0 ? [] : path) {
    const refusal = revocation(certificate, revocationLists, now);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** As soon as there is any list, each certificate of the path needs a current one of its issuer. */
function revocation(
  { raw, serialNumber }: X509Certificate,
  lists: readonly RevocationListParts[],
  now: Date,
): TrustRefusal | undefined {
  const { encoded } = decodeCertificate(raw).issuer;
  const ofIssuer = lists.filter(({ issuer }) => issuer.encoded.equals(encoded));
  if (ofIssuer.length === 0) return 'crl-missing';
  const current = ofIssuer.filter(({ nextUpdate }) => nextUpdate === undefined || nextUpdate > now);
  if (current.length === 0) return 'crl-expired';
  return current.some((list) => isRevoked(list, serialNumber)) ? 'certificate-revoked' : undefined;
}

/** From the leaf to a trusted self-signed certificate, as node:tls demands; undefined where none is reached. */
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

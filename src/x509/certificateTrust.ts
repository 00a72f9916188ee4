/**
 * Whether a TLS listener would refuse a certificate, without a handshake: for `aegis explain`, and to check connected peers
 * again when trust changes. Of those who connect, OpenSSL judges all but revocation.
 */
import type { X509Certificate } from 'node:crypto';
import { keyProblem } from './algorithms';
import {
  decodeCertificate,
  purposeProblem,
  type RevocationSubject,
  revocationSubjectOf,
  validityOf,
} from './certificate';
import { keyUsagesOf } from './extensions';
import { type NamedList, type RevocationRefusal, revocationRefusal } from './revocationTrust';

/** Longer chains do not occur; the bound ends a circle of cross-signed CAs. */
export const MAX_CHAIN_LENGTH = 10;

/** Each is a reason of policy/reasons.ts. */
export type TrustRefusal =
  | 'certificate-untrusted'
  | 'certificate-purpose'
  | 'certificate-not-yet-valid'
  | 'certificate-expired'
  | RevocationRefusal['reason'];

export interface Trust {
  readonly trustedCertificates: readonly X509Certificate[];
  /** Without any, nothing is revoked, unless lists are needed. */
  readonly revocationLists: readonly NamedList[];
  /** Lists are configured: also where none could be fetched so far, no certificate passes without one. */
  readonly needsLists?: boolean;
}

/** Whether revocation is judged at all. */
export function checksRevocation({ revocationLists, needsLists = false }: Trust): boolean {
  return needsLists || revocationLists.length > 0;
}

/** The first is the certificate itself; the others are intermediate CAs. */
export type Chain = readonly [X509Certificate, ...X509Certificate[]];

/**
 * Why a listener with this trust would refuse the first certificate of the chain; undefined where it would not. Of several
 * reasons it is the one that OpenSSL reports.
 */
export function certificateRefusal(chain: Chain, trust: Trust, now: Date): TrustRefusal | undefined {
  const path = pathOf(chain, trust, now);
  if (path === undefined) return 'certificate-untrusted';
  if (purposeProblem(chain[0], 'clientAuth') !== undefined) return 'certificate-purpose';
  const validities = path.map(validityOf);
  if (validities.some(({ notBefore }) => now < notBefore)) return 'certificate-not-yet-valid';
  if (validities.some(({ notAfter }) => now > notAfter)) return 'certificate-expired';
  return pathRefusal(path.map(revocationSubjectOf), trust, now)?.reason;
}

/**
 * Why a certificate is refused that somebody named, so that no chain has to lead to a CA: everything about it that is not
 * the chain still counts. A list of its issuer counts where there is one; a stranger's name has none.
 */
export function ownRefusal(
  certificate: X509Certificate,
  { revocationLists }: Pick<Trust, 'revocationLists'>,
  now: Date,
): { readonly reason: TrustRefusal | 'certificate-invalid'; readonly detail?: string } | undefined {
  const { notBefore, notAfter } = validityOf(certificate);
  // Also for a date that cannot be read.
  if (!(now >= notBefore)) return { reason: 'certificate-not-yet-valid' };
  if (!(now <= notAfter)) return { reason: 'certificate-expired' };
  const purpose = purposeProblem(certificate, 'clientAuth');
  if (purpose !== undefined) return { reason: 'certificate-purpose', detail: purpose };
  const key = keyProblem(certificate.publicKey);
  if (key !== undefined) return { reason: 'certificate-invalid', detail: key };
  const subject = revocationSubjectOf(certificate);
  const isListed = revocationLists.some(({ issuer }) => issuer.encoded.equals(subject.issuer));
  return isListed ? revocationRefusal(subject, revocationLists, now, true) : undefined;
}

/** What revocation needs of a chain that leads to a trusted certificate; undefined where it does not. */
export function revocationPathOf(
  chain: Chain,
  trust: Trust,
  now: Date,
): readonly RevocationSubject[] | undefined {
  return pathOf(chain, trust, now)?.map(revocationSubjectOf);
}

/** As soon as there is any list, each certificate of the path needs a current one of its issuer. */
export function pathRefusal(
  path: readonly RevocationSubject[],
  trust: Trust,
  now: Date,
): RevocationRefusal | undefined {
  if (!checksRevocation(trust)) return undefined;
  for (const [index, subject] of path.entries()) {
    const refusal = revocationRefusal(subject, trust.revocationLists, now, index === path.length - 1);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function pathOf(
  [leaf, ...intermediates]: Chain,
  { trustedCertificates: trusted }: Trust,
  now: Date,
): readonly X509Certificate[] | undefined {
  const isTrustedItself = leaf.subject === leaf.issuer && trusted.some(({ raw }) => raw.equals(leaf.raw));
  return isTrustedItself ? [leaf] : pathToRoot(leaf, intermediates, trusted, now);
}

/** From the leaf to a trusted self-signed certificate, as node:tls demands; undefined where none is reached. */
function pathToRoot(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  now: Date,
): readonly X509Certificate[] | undefined {
  const path = [leaf];
  let last = leaf;
  while (path.length <= MAX_CHAIN_LENGTH) {
    const trustedIssuer = issuerOf(last, trusted, now);
    if (trustedIssuer !== undefined && isSelfSigned(trustedIssuer)) return [...path, trustedIssuer];
    const issuer = trustedIssuer ?? issuerOf(last, intermediates, now);
    if (issuer === undefined) return undefined;
    path.push(issuer);
    last = issuer;
  }
  return undefined;
}

/** Of a CA that was renewed with its key, the certificate that is valid now. */
export function issuerOf(
  certificate: X509Certificate,
  candidates: readonly X509Certificate[],
  now: Date,
): X509Certificate | undefined {
  const issuers = candidates.filter(
    (candidate) => certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey),
  );
  const isCurrent = (issuer: X509Certificate) => {
    const { notBefore, notAfter } = validityOf(issuer);
    return notBefore <= now && now <= notAfter;
  };
  return issuers.find(isCurrent) ?? issuers[0];
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}

/**
 * Whether a trusted certificate looks like that of a device, and may sign others: OpenSSL makes such ones unless it is
 * asked otherwise, without a key usage. A CA that was made as one has its key usage. `isDevice`: it is known to be one.
 */
export function signsAsDevice(certificate: X509Certificate, isDevice = false): boolean {
  if (!certificate.ca || !isSelfSigned(certificate)) return false;
  return isDevice || keyUsagesOf(decodeCertificate(certificate.raw).extensions) === undefined;
}

/** Those of a bundle with which nobody can pass: no chain from them ends at a self-signed certificate of the bundle. */
export function withoutAnchor(trusted: readonly X509Certificate[], now: Date): readonly X509Certificate[] {
  return trusted.filter(
    (certificate) => !isSelfSigned(certificate) && pathToRoot(certificate, [], trusted, now) === undefined,
  );
}

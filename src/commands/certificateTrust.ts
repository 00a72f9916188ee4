/**
 * What a TLS listener would say to a certificate that lies in a file, as far as files tell. Live traffic is judged
 * by OpenSSL during the handshake; this is a forecast for `aegis explain`, and revocation is no part of it.
 */
import type { X509Certificate } from 'node:crypto';
import type { ReasonCode } from '../policy/reasons';

/** Extended key usage id-kp-clientAuth (RFC 5280 §4.2.1.12). */
const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2';
/** Longer chains do not occur; the bound ends a circle of cross-signed CAs. */
const MAX_CHAIN_LENGTH = 10;

/**
 * The reason why a listener with these trusted CAs would refuse the first certificate of the chain, in the order
 * in which OpenSSL looks; undefined where nothing speaks against it. The rest of the chain are intermediate CAs.
 */
export function certificateRefusal(
  chain: readonly [X509Certificate, ...X509Certificate[]],
  trusted: readonly X509Certificate[],
  now: Date,
): ReasonCode | undefined {
  const [leaf, ...intermediates] = chain;
  const isTrustedItself = leaf.subject === leaf.issuer && trusted.some(({ raw }) => raw.equals(leaf.raw));
  const path = isTrustedItself ? [leaf] : pathToRoot(leaf, intermediates, trusted);
  if (path === undefined) return 'certificate-untrusted';
  const purposes: readonly string[] | undefined = leaf.keyUsage;
  if (purposes !== undefined && !purposes.includes(CLIENT_AUTHENTICATION)) return 'certificate-purpose';
  if (path.some(({ validFrom }) => now < new Date(validFrom))) return 'certificate-not-yet-valid';
  return path.some(({ validTo }) => now > new Date(validTo)) ? 'certificate-expired' : undefined;
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

/**
 * Fingerprints in the form in which `modalities.*.certificate` of the configuration takes them. Knows nothing of who
 * is allowed what.
 */
import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';

/** `sha256:…` of the certificate; another one after each renewal. */
export const certificateFingerprint = (certificate: X509Certificate): string =>
  `sha256:${certificate.fingerprint256}`;

/** Equal for pins that mean the same: colons and case do not matter in the configuration. */
export const canonicalPin = (pin: string): string => pin.toLowerCase().replaceAll(':', '');

/** `spki-sha256:…` of a public key, which stays when a certificate is renewed for the same key. */
export function publicKeyFingerprint(publicKey: KeyObject): string {
  const hash = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  return `spki-sha256:${hash.toUpperCase().match(/../g)?.join(':')}`;
}

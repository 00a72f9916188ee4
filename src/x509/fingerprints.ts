/**
 * Fingerprints of certificates and keys, in the forms of node:crypto and of the configuration. Knows nothing of who is
 * allowed what.
 */
import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';

/** `3a41…` or `3A:41…` as `3A:41:…`, as node:crypto prints fingerprints. */
export function withColons(hex: string): string {
  return hex.replaceAll(':', '').toUpperCase().match(/../g)?.join(':') ?? '';
}

/** SHA-256 of a public key (SubjectPublicKeyInfo), which stays when a certificate is renewed for the same key. */
export function spkiSha256(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return withColons(createHash('sha256').update(spki).digest('hex'));
}

/** `sha256:…` of the certificate, as `modalities.*.certificate` takes it; another one after each renewal. */
export function certificateFingerprint(certificate: X509Certificate): string {
  return `sha256:${certificate.fingerprint256}`;
}

/** `spki-sha256:…` of a public key, as `modalities.*.certificate` takes it. */
export function publicKeyFingerprint(publicKey: KeyObject): string {
  return `spki-sha256:${spkiSha256(publicKey)}`;
}

/** Equal for pins that mean the same: colons and case do not matter in the configuration. */
export function canonicalPin(pin: string): string {
  return pin.toLowerCase().replaceAll(':', '');
}

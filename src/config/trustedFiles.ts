/**
 * Looks into trusted certificates for trust that cannot work, and for trust that reaches further than was meant. How a file
 * is read belongs to x509/; dates are for files.ts.
 */
import type { X509Certificate } from 'node:crypto';
import type { ConfigurationPath, Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import { signsAsDevice, withoutAnchor } from '../x509/certificateTrust';
import { canonicalPin, certificateFingerprint, publicKeyFingerprint } from '../x509/fingerprints';
import { oneLine } from '../x509/names';
import { describeScope, scopeOf } from '../x509/revocationTrust';
import { type CertificateFile, type RevocationList, readCertificates } from '../x509/tlsFiles';
import type { Configuration } from './schema';

export interface TrustedFile {
  readonly path: ConfigurationPath;
  readonly content: CertificateFile;
}

/** Certificates with which nobody can pass: OpenSSL follows a chain to a self-signed certificate, and finds none. */
export function* inspectAnchors(files: readonly TrustedFile[], now: Date): Generator<Finding> {
  const all = files.flatMap(({ content }) => content.certificates);
  const useless = new Set(withoutAnchor(all, now));
  const severity = useless.size === all.length ? 'error' : 'warning';
  for (const { path, content } of files) {
    for (const certificate of content.certificates.filter((each) => useless.has(each))) {
      const issuer = oneLine(certificate.issuer, 'a CA without a name');
      const pin = publicKeyFingerprint(certificate.publicKey);
      const device = certificate.ca ? '' : `; to let in this device only, also name "${pin}" in its entry`;
      const message = escapeUnsafe(
        `${content.file} (${oneLine(certificate.subject, 'no subject')}) is signed by ${issuer}, which trustedCertificates ` +
          `does not name, so nobody can pass with it; add the certificate of that CA, up to its root${device}`,
      );
      yield { path, message, severity, kind: 'file' };
    }
  }
}

/**
 * A device's own certificate that is CA:TRUE, as "openssl req -x509" makes them: its key can sign a certificate in the name
 * of any other device. Entries that pin a key or a certificate do not fall for it.
 */
export function* inspectDeviceSigners(
  files: readonly TrustedFile[],
  { modalities }: Configuration,
): Generator<Finding> {
  const entries = Object.entries(modalities);
  const pins = new Set(entries.flatMap(([, { certificate = [] }]) => certificate.map(canonicalPin)));
  const isPinned = (certificate: X509Certificate) =>
    [certificateFingerprint(certificate), publicKeyFingerprint(certificate.publicKey)].some((pin) =>
      pins.has(canonicalPin(pin)),
    );
  const exposed = entries.filter(([, { certificate }]) => certificate?.every(isFingerprint) !== true);
  if (exposed.length === 0) return;
  for (const { path, content } of files) {
    for (const certificate of content.certificates) {
      if (!signsAsDevice(certificate, isPinned(certificate))) continue;
      const names = exposed.map(([name]) => name);
      const others = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
      const message = `${describeDeviceSigner(content.file, certificate)} can pass as ${names.slice(0, MAX_NAMES).join(', ')}${others}; ${SIGNER_ADVICE}`;
      yield { path, message: escapeUnsafe(message), severity: 'warning', kind: 'file' };
    }
  }
}

/** Enough to see which entries are meant. */
const MAX_NAMES = 3;

export const SIGNER_ADVICE =
  'if it is the certificate of a device and not of a CA, name the spki-sha256: of each device in its entry, ' +
  'or make it again with "-addext basicConstraints=critical,CA:FALSE"';

/** The beginning of a sentence about what its key can do. */
function describeDeviceSigner(file: string, certificate: X509Certificate): string {
  const subject = oneLine(certificate.subject, 'no subject');
  const pin = publicKeyFingerprint(certificate.publicKey);
  return `${file} (${subject}, ${pin}) is self-signed and may sign other certificates (CA:TRUE): who has its key`;
}

/** Of each such certificate of a file; of none where it cannot be read here, which `aegis check` reports. */
export function deviceSignersIn(file: string): string[] {
  try {
    const { certificates } = readCertificates(file);
    return certificates
      .filter((certificate) => signsAsDevice(certificate))
      .map((certificate) => describeDeviceSigner(file, certificate));
  } catch {
    return [];
  }
}

function isFingerprint(pin: string): boolean {
  return pin.startsWith('sha256:') || pin.startsWith('spki-sha256:');
}

/** Undefined for a complete list, and for a malformed one, which loading refuses. */
export function scopeWarning(list: RevocationList): string | undefined {
  try {
    const { only, names } = scopeOf(list);
    if (only === undefined && names === undefined) return undefined;
    return `${describeScope(list)}; a device whose certificate no list is for is refused (crl-scope), so name every part of the list`;
  } catch {
    return undefined;
  }
}

/**
 * A refused certificate in words: which one it was, and what to do. One text for the log, `aegis status` and
 * `aegis modality`. Names in it come from strangers: escape them before they are shown.
 */
import type { ReasonCode } from './reasons';

const remedies = {
  'certificate-missing': 'install one on the device, e.g. of "aegis pki client NAME"',
  'certificate-untrusted': 'install one of a trusted CA, or add its CA to trustedCertificates',
  'certificate-expired': 'renew it, e.g. with "aegis pki renew NAME", and install it on the device',
  'certificate-not-yet-valid': 'check the clocks of this machine and of the one that issued it',
  'certificate-revoked': 'if the device should get in, install its new certificate',
  'certificate-purpose': 'issue one for clients, e.g. with "aegis pki client NAME"',
  'certificate-invalid': 'issue a new one, e.g. with "aegis pki client NAME"',
  'crl-expired': 'get the new list of the CA, e.g. with "aegis pki renew crl", and reload',
  'crl-missing': 'add the list of its issuer to crl',
  'crl-scope': 'add the list of its issuer that is for it to crl',
  'crl-invalid': 'check the clock of this machine and the list of its issuer',
} as const satisfies Partial<Record<ReasonCode, string>>;

export type CertificateReason = keyof typeof remedies;

export const certificateReasons = Object.keys(remedies) as [CertificateReason, ...CertificateReason[]];

const ALL: ReadonlySet<string | undefined> = new Set(certificateReasons);

export function isCertificateReason(reason: ReasonCode | undefined): reason is CertificateReason {
  return ALL.has(reason);
}

/** What to do about it. */
export function certificateRemedy(reason: CertificateReason): string {
  return remedies[reason];
}

/** `CN=ct1, issued by CN=CA, serial number 0A, until 2026-12-31`; undefined where it showed none. */
export function describeRefused(
  certificate:
    | {
        readonly subject?: string;
        readonly issuer?: string;
        readonly serialNumber?: string;
        readonly notAfter?: string;
      }
    | undefined,
): string | undefined {
  if (certificate?.subject === undefined) return undefined;
  const { subject, issuer, serialNumber, notAfter } = certificate;
  return [
    subject || 'no subject',
    ...(issuer === undefined ? [] : [`issued by ${issuer}`]),
    ...(serialNumber === undefined ? [] : [`serial number ${serialNumber}`]),
    ...(notAfter === undefined ? [] : [`until ${notAfter.slice(0, 10)}`]),
  ].join(', ');
}

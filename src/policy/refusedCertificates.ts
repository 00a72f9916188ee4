/**
 * A refused certificate in words: which one it was, and what to do. One text for the log, `aegis status` and
 * `aegis modality`. Names in it come from strangers: escape them before they are shown.
 */
import type { ReasonCode } from './reasons';

export const certificateReasons = [
  'certificate-missing',
  'certificate-untrusted',
  'certificate-expired',
  'certificate-not-yet-valid',
  'certificate-revoked',
  'certificate-purpose',
  'certificate-invalid',
  'crl-expired',
  'crl-missing',
  'crl-scope',
  'crl-invalid',
] as const satisfies readonly ReasonCode[];

export type CertificateReason = (typeof certificateReasons)[number];

const ALL: ReadonlySet<string | undefined> = new Set(certificateReasons);

export function isCertificateReason(reason: ReasonCode | undefined): reason is CertificateReason {
  return ALL.has(reason);
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

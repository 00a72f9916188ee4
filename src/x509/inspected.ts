/**
 * Describes certificates, keys, requests and CRLs as plain values for JSON. Texts are as they came and may hold any
 * character: the caller escapes them before it shows them.
 */
import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { daysUntil } from '../text/moments';
import { describeKey, signatureAlgorithmOf } from './algorithms';
import { decodeCertificate, validityOf } from './certificate';
import type { CertificationRequest } from './certificationRequest';
import { extendedKeyUsagesOf, keyUsagesOf, subjectNamesOf } from './extensions';
import { certificateFingerprint, publicKeyFingerprint } from './fingerprints';
import { formatName } from './names';
import {
  type Revocation,
  type RevocationListParts,
  revocationListNumber,
  revocationsOf,
} from './revocationList';

/** What a file holds, before it is put into words. */
export type Recognised =
  | RecognisedPart
  | { readonly kind: 'public-key'; readonly key: KeyObject }
  | { readonly kind: 'certification-request'; readonly request: CertificationRequest }
  | { readonly kind: 'revocation-list'; readonly list: RevocationListParts }
  | {
      readonly kind: 'pkcs12';
      readonly ciphers: readonly string[];
      readonly contents: readonly RecognisedPart[];
    };

/** What a PKCS#12 file holds. */
export type RecognisedPart =
  | { readonly kind: 'certificate'; readonly certificate: X509Certificate }
  /** Without `key`, it could not be opened. */
  | { readonly kind: 'private-key'; readonly isEncrypted: boolean; readonly key?: KeyObject };

export type Inspected =
  | InspectedCertificate
  | InspectedPrivateKey
  | InspectedPublicKey
  | InspectedRequest
  | InspectedRevocationList
  | InspectedPkcs12;

/** `current`, or why peers refuse it today. */
export type Currency = 'current' | 'not-yet-valid' | 'expired';

export interface InspectedCertificate {
  readonly kind: 'certificate';
  readonly subject: string;
  readonly names: readonly string[];
  readonly issuer: string;
  readonly isSelfSigned: boolean;
  readonly isAuthority: boolean;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly daysLeft: number;
  readonly currency: Currency;
  readonly key: string;
  readonly signatureAlgorithm: string;
  /** Absent where the certificate limits nothing. */
  readonly keyUsage?: readonly string[];
  /** Absent where the certificate limits nothing. */
  readonly extendedKeyUsage?: readonly string[];
  /** `sha256:…`, as `modalities.*.certificate` takes it. */
  readonly fingerprint: string;
  /** `spki-sha256:…`, as `modalities.*.certificate` takes it. */
  readonly spkiFingerprint: string;
}

export interface InspectedPrivateKey {
  readonly kind: 'private-key';
  readonly isEncrypted: boolean;
  /** Absent where the key could not be opened. */
  readonly key?: string;
  /** That of the public key, as certificates for it have it. */
  readonly spkiFingerprint?: string;
}

export interface InspectedPublicKey {
  readonly kind: 'public-key';
  readonly key: string;
  readonly spkiFingerprint: string;
}

export interface InspectedRequest extends Omit<CertificationRequest, 'commonNames' | 'publicKey'> {
  readonly kind: 'certification-request';
  readonly key: string;
  readonly spkiFingerprint: string;
}

export interface InspectedRevocationList {
  readonly kind: 'revocation-list';
  readonly issuer: string;
  /** Hexadecimal. */
  readonly number?: string;
  readonly signatureAlgorithm: string;
  readonly thisUpdate: string;
  readonly nextUpdate?: string;
  readonly daysLeft?: number;
  readonly currency: Currency;
  readonly revoked: readonly Revocation[];
}

export interface InspectedPkcs12 {
  readonly kind: 'pkcs12';
  readonly ciphers: readonly string[];
  readonly contents: readonly (InspectedPrivateKey | InspectedCertificate)[];
}

export function describeRecognised(recognised: Recognised): Inspected {
  switch (recognised.kind) {
    case 'certificate':
    case 'private-key':
      return describePart(recognised);
    case 'public-key':
      return describePublicKey(recognised.key);
    case 'certification-request':
      return describeRequest(recognised.request);
    case 'revocation-list':
      return describeRevocationList(recognised.list);
    case 'pkcs12':
      return { ...recognised, contents: recognised.contents.map(describePart) };
  }
}

function describePart(part: RecognisedPart): InspectedCertificate | InspectedPrivateKey {
  if (part.kind === 'certificate') return describeCertificate(part.certificate);
  const { isEncrypted, key } = part;
  const publicKey = key === undefined ? {} : describePublicKey(createPublicKey(key));
  return { ...publicKey, kind: 'private-key', isEncrypted };
}

function describeCertificate(certificate: X509Certificate): InspectedCertificate {
  const { subject, issuer, signatureAlgorithm, extensions } = decodeCertificate(certificate.raw);
  const { notBefore, notAfter } = validityOf(certificate);
  const keyUsage = keyUsagesOf(extensions);
  const extendedKeyUsage = extendedKeyUsagesOf(extensions);
  return {
    kind: 'certificate',
    subject: formatName(subject),
    names: subjectNamesOf(extensions).map(({ text }) => text),
    issuer: formatName(issuer),
    isSelfSigned: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
    isAuthority: certificate.ca,
    serialNumber: certificate.serialNumber,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    daysLeft: daysUntil(notAfter),
    currency: currencyOf(notBefore, notAfter),
    key: describeKey(certificate.publicKey),
    signatureAlgorithm: signatureAlgorithmOf(signatureAlgorithm).name,
    ...(keyUsage === undefined ? {} : { keyUsage }),
    ...(extendedKeyUsage === undefined ? {} : { extendedKeyUsage }),
    fingerprint: certificateFingerprint(certificate),
    spkiFingerprint: publicKeyFingerprint(certificate.publicKey),
  };
}

function describePublicKey(key: KeyObject): InspectedPublicKey {
  return { kind: 'public-key', key: describeKey(key), spkiFingerprint: publicKeyFingerprint(key) };
}

function describeRequest(request: CertificationRequest): InspectedRequest {
  const { publicKey, commonNames: _, ...shown } = request;
  return {
    kind: 'certification-request',
    ...shown,
    key: describeKey(publicKey),
    spkiFingerprint: publicKeyFingerprint(publicKey),
  };
}

function describeRevocationList(list: RevocationListParts): InspectedRevocationList {
  const { thisUpdate, nextUpdate } = list;
  const number = revocationListNumber(list);
  return {
    kind: 'revocation-list',
    issuer: formatName(list.issuer),
    ...(number === undefined ? {} : { number }),
    signatureAlgorithm: signatureAlgorithmOf(list.signatureAlgorithm).name,
    thisUpdate: thisUpdate.toISOString(),
    ...(nextUpdate === undefined
      ? {}
      : { nextUpdate: nextUpdate.toISOString(), daysLeft: daysUntil(nextUpdate) }),
    currency: currencyOf(thisUpdate, nextUpdate),
    revoked: revocationsOf(list),
  };
}

function currencyOf(from: Date, to: Date | undefined, now = new Date()): Currency {
  if (from > now) return 'not-yet-valid';
  return to !== undefined && to <= now ? 'expired' : 'current';
}

/**
 * Reads X.509 certificates (RFC 5280 §4.1): what node:crypto does not give, or gives as text only. Judges nothing.
 */
import type { X509Certificate } from 'node:crypto';
import { type DerValue, decodeDer, explicitTag, itemsOf, oidOf } from './der';
import {
  decodeExtensions,
  type ExtendedKeyUsage,
  type Extensions,
  extendedKeyUsagesOf,
  extensionOid,
  keyUsagesOf,
} from './extensions';

export interface CertificateParts {
  /** Identifier of the algorithm. */
  readonly signatureAlgorithm: string;
  readonly issuer: DerValue;
  readonly subject: DerValue;
  /** Read when they are asked for: those of a CA that only has to be found by its name are not. */
  readonly extensions: Extensions;
}

/** Takes DER. Throws RangeError where the bytes are not a certificate; `extensions` throws it for what is in them. */
export function decodeCertificate(certificate: Buffer): CertificateParts {
  const [toBeSigned] = itemsOf(decodeDer(certificate));
  const fields = itemsOf(toBeSigned);
  // Version 1 goes without saying.
  if (fields[0]?.tag === explicitTag(0)) fields.shift();
  const [, signature, issuer, , subject, ...rest] = fields;
  if (issuer === undefined || subject === undefined) throw new RangeError('a certificate lacks its names');
  const extensions = rest.find(({ tag }) => tag === explicitTag(3));
  return {
    signatureAlgorithm: oidOf(itemsOf(signature)[0]),
    issuer,
    subject,
    get extensions() {
      return decodeExtensions(extensions && itemsOf(extensions)[0]);
    },
  };
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export function validityOf({ validFrom, validTo }: X509Certificate): Validity {
  return { notBefore: new Date(validFrom), notAfter: new Date(validTo) };
}

/** Any one of them is enough, as for OpenSSL. */
const KEY_USAGES: Readonly<Record<ExtendedKeyUsage, readonly string[]>> = {
  clientAuth: ['digitalSignature', 'keyAgreement'],
  serverAuth: ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
};

/**
 * Which extension keeps a certificate from this use, with what it names; undefined where none does. One that says nothing
 * of its purpose is good for any (RFC 5280 §4.2.1.3, §4.2.1.12).
 */
export function purposeProblem({ raw }: X509Certificate, usage: ExtendedKeyUsage): string | undefined {
  const { extensions } = decodeCertificate(raw);
  const purposes = extendedKeyUsagesOf(extensions);
  if (purposes !== undefined && !purposes.includes(usage)) {
    return `its extended key usage lacks ${usage}: it is for ${purposes.join(', ') || 'nothing'}`;
  }
  const usages = keyUsagesOf(extensions);
  if (usages === undefined || KEY_USAGES[usage].some((needed) => usages.includes(needed))) return undefined;
  return `its key usage lacks ${KEY_USAGES[usage].join(' or ')}: it is for ${usages.join(', ') || 'nothing'}`;
}

/** What a relying party needs to know to find out whether a certificate is revoked (RFC 5280 §6.3). */
export interface RevocationSubject {
  /** The issuer's name as DER. */
  readonly issuer: Buffer;
  readonly serialNumber: string;
  readonly isCa: boolean;
  /** The names of the places that have its list, as DER (RFC 5280 §4.2.1.13). */
  readonly distributionPoints: readonly Buffer[];
}

/** Throws RangeError where an extension is malformed. */
export function revocationSubjectOf({ raw, serialNumber, ca }: X509Certificate): RevocationSubject {
  const { issuer, extensions } = decodeCertificate(raw);
  const points = extensions.get(extensionOid.crlDistributionPoints);
  return {
    issuer: issuer.encoded,
    serialNumber,
    isCa: ca,
    distributionPoints: points === undefined ? [] : itemsOf(decodeDer(points)).flatMap(namesOfPoint),
  };
}

/** Points for some reasons only, or with the list of somebody else, do not count: such lists are not taken. */
function namesOfPoint(point: DerValue): Buffer[] {
  const fields = itemsOf(point);
  const [name] = fields;
  return name?.tag === explicitTag(0) && fields.length === 1 ? fullNamesOf(name) : [];
}

/** The names of a DistributionPointName; of a name that is relative to its issuer none. */
export function fullNamesOf(distributionPoint: DerValue): Buffer[] {
  const [choice] = itemsOf(distributionPoint);
  return choice?.tag === explicitTag(0) ? itemsOf(choice).map(({ encoded }) => encoded) : [];
}

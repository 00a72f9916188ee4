/**
 * Reads X.509 certificates (RFC 5280 §4.1): what node:crypto does not give, or gives as text only. Judges nothing.
 */
import type { X509Certificate } from 'node:crypto';
import { type DerValue, decodeDer, explicitTag, itemsOf, oidOf } from './der';
import { decodeExtensions, type ExtendedKeyUsage, type Extensions, extendedKeyUsageOid } from './extensions';

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

/** A certificate that says nothing of its purpose is good for any (RFC 5280 §4.2.1.12). */
export function isMeantFor(certificate: X509Certificate, usage: ExtendedKeyUsage): boolean {
  // Undefined where the extension is missing, which the type does not say.
  const usages: readonly string[] | undefined = certificate.keyUsage;
  return usages === undefined || usages.includes(extendedKeyUsageOid[usage]);
}

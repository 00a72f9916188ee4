/**
 * X.509 v3 certificates as bytes (RFC 5280 §4): from plain fields to PEM, and what node:crypto does not tell of one.
 * Builds the structure itself because node-forge issues for RSA keys only. Decides nothing: lifetimes, usages and
 * names come from authority.ts and leafCertificates.ts.
 */
import { createHash, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import {
  contentOf,
  contextSpecific,
  type Der,
  decodeDer,
  integer,
  isContextSpecific,
  itemsOf,
  octetString,
  oidOf,
  sequence,
  time,
  trueValue,
} from './der';
import { encodeCommonName } from './distinguishedName';
import {
  authorityKeyIdentifier,
  decodeExtensions,
  type ExtendedKeyUsage,
  type Extensions,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeSubjectNames,
  extension,
  extensionOid,
} from './extensions';
import { signatureAlgorithm, signToPem } from './signing';

export interface CertificateFields {
  /** Name and key identifier; `subjectIdentity` makes that of a new key, `identityOf` repeats that of a certificate. */
  readonly subject: CertificateIdentity;
  /** That of the issuer's certificate; absent when the certificate signs itself. */
  readonly issuer?: CertificateIdentity;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Sum of KeyUsage bits. */
  readonly keyUsage: number;
  /** A CA that may issue certificates of end entities, but not of further CAs. */
  readonly isAuthority: boolean;
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  /** DNS names and IP addresses, checked. */
  readonly subjectNames: readonly string[];
}

/** How the owner of a key is named by its certificate, and by what it issues. */
export interface CertificateIdentity {
  readonly name: Der;
  readonly keyIdentifier: Buffer;
}

/** Issues one certificate, signed with `issuerKey`, as PEM. */
export function issueCertificate(fields: CertificateFields, issuerKey: KeyObject): string {
  const issuer = fields.issuer ?? fields.subject;
  const toBeSigned = sequence(
    contextSpecific(0, [integer(2)]), // version v3
    integer(newSerialNumber()),
    signatureAlgorithm(),
    issuer.name,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject.name,
    decodeDer(fields.publicKey.export({ type: 'spki', format: 'der' })),
    contextSpecific(3, [sequence(...encodeExtensions(fields, issuer))]),
  );
  return signToPem('CERTIFICATE', toBeSigned, issuerKey);
}

function encodeExtensions(fields: CertificateFields, issuer: CertificateIdentity): Der[] {
  const extensions = [
    // An empty BasicConstraints means: no CA. pathLenConstraint 0: no CA below this one.
    extension(
      extensionOid.basicConstraints,
      fields.isAuthority ? sequence(trueValue(), integer(0)) : sequence(),
      true,
    ),
    extension(extensionOid.keyUsage, encodeKeyUsage(fields.keyUsage), true),
    extension(extensionOid.subjectKeyIdentifier, octetString(fields.subject.keyIdentifier)),
    authorityKeyIdentifier(issuer.keyIdentifier),
  ];
  if (fields.extendedKeyUsage.length > 0) {
    extensions.push(
      extension(extensionOid.extendedKeyUsage, encodeExtendedKeyUsage(fields.extendedKeyUsage)),
    );
  }
  if (fields.subjectNames.length > 0) {
    extensions.push(extension(extensionOid.subjectAltName, encodeSubjectNames(fields.subjectNames)));
  }
  return extensions;
}

/**
 * 16 bytes, always positive and of the same length: 126 random bits, so that nobody can foresee the bytes that
 * will be signed, and two certificates of one CA never share a number (RFC 5280 §4.1.2.2: at most 20 bytes).
 */
function newSerialNumber(): Buffer {
  const serialNumber = randomBytes(16);
  serialNumber[0] = (serialNumber[0]! & 0x7f) | 0x40;
  return serialNumber;
}

/** Names the owner of a key that has no certificate yet. */
export const subjectIdentity = (commonName: string, publicKey: KeyObject): CertificateIdentity => ({
  name: encodeCommonName(commonName),
  keyIdentifier: keyIdentifierOf(publicKey),
});

/**
 * The leftmost 160 bits of SHA-256 over the SubjectPublicKeyInfo: as long as the SHA-1 of RFC 5280 §4.2.1.2 (which
 * leaves the method open) that every peer has room for.
 */
const keyIdentifierOf = (publicKey: KeyObject): Buffer =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);

/** What node:crypto does not tell of a certificate, or tells as text only. */
export interface CertificateParts {
  /** Identifier of the algorithm. */
  readonly signatureAlgorithm: string;
  readonly issuer: Der;
  readonly subject: Der;
  readonly extensions: Extensions;
}

export function decodeCertificate(certificate: X509Certificate): CertificateParts {
  const [toBeSigned] = itemsOf(decodeDer(certificate.raw));
  const fields = [...itemsOf(toBeSigned)];
  // Version 1 goes without saying.
  if (isContextSpecific(fields[0], 0)) fields.shift();
  const [, signature, issuer, , subject] = fields;
  const extensions = fields.find((field) => isContextSpecific(field, 3));
  return {
    signatureAlgorithm: oidOf(itemsOf(signature)[0]),
    issuer: issuer!,
    subject: subject!,
    extensions: decodeExtensions(extensions && itemsOf(extensions)[0]),
  };
}

/**
 * How `certificate` names its owner, byte for byte: chains are built by comparing the issuer's name and key
 * identifier with these.
 */
export function identityOf(certificate: X509Certificate): CertificateIdentity {
  const { subject, extensions } = decodeCertificate(certificate);
  const keyIdentifier = extensions.get(extensionOid.subjectKeyIdentifier);
  return {
    name: subject,
    keyIdentifier:
      keyIdentifier === undefined
        ? keyIdentifierOf(certificate.publicKey)
        : contentOf(decodeDer(keyIdentifier)),
  };
}

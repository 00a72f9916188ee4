/**
 * Issues X.509 v3 certificates and v2 revocation lists (RFC 5280 §4, §5): from plain fields to signed PEM. Builds the
 * structures itself because node-forge issues for RSA keys only. Decides nothing: lifetimes, usages and names come from
 * pki/. The digest is fixed here, so that nothing can be issued with an older one by forgetting to name it.
 */
import { createHash, type KeyObject, randomBytes, sign, type X509Certificate } from 'node:crypto';
import { decodeCertificate } from './certificate';
import {
  bitString,
  contentOf,
  decodeDer,
  encode,
  explicitTag,
  integer,
  objectIdentifier,
  sequence,
  Tag,
  time,
  trueValue,
} from './der';
import {
  authorityKeyIdentifier,
  type ExtendedKeyUsage,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeSubjectNames,
  extension,
  extensionOid,
} from './extensions';
import { encodeCommonName } from './names';
import { encodePem } from './pem';
import { type RevocationReason, revocationReasonCode } from './revocationReasons';

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
  /** As DER. */
  readonly name: Buffer;
  readonly keyIdentifier: Buffer;
}

/** Names the owner of a key that has no certificate yet. */
export function subjectIdentity(commonName: string, publicKey: KeyObject): CertificateIdentity {
  return { name: encodeCommonName(commonName), keyIdentifier: keyIdentifierOf(publicKey) };
}

/**
 * How `certificate` names its owner, byte for byte: chains are built by comparing the issuer's name and key
 * identifier with these.
 */
export function identityOf(certificate: X509Certificate): CertificateIdentity {
  const { subject, extensions } = decodeCertificate(certificate.raw);
  const keyIdentifier = extensions.get(extensionOid.subjectKeyIdentifier);
  return {
    name: subject.encoded,
    keyIdentifier:
      keyIdentifier === undefined
        ? keyIdentifierOf(certificate.publicKey)
        : contentOf(decodeDer(keyIdentifier), Tag.octetString),
  };
}

/**
 * The leftmost 160 bits of SHA-256 over the SubjectPublicKeyInfo. That is as long as the SHA-1 of RFC 5280 §4.2.1.2,
 * which every peer has room for; the clause leaves the method open.
 */
function keyIdentifierOf(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(publicKeyInfo(publicKey)).digest().subarray(0, 20);
}

function publicKeyInfo(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** Issues one certificate, signed with `issuerKey`, as PEM. */
export function issueCertificate(fields: CertificateFields, issuerKey: KeyObject): string {
  const issuer = fields.issuer ?? fields.subject;
  const toBeSigned = sequence(
    encode(explicitTag(0), integer(2)), // version v3
    integer(newSerialNumber()),
    signatureAlgorithm(),
    issuer.name,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject.name,
    publicKeyInfo(fields.publicKey),
    encode(explicitTag(3), sequence(...encodeExtensions(fields, issuer))),
  );
  return signToPem('CERTIFICATE', toBeSigned, issuerKey);
}

function encodeExtensions(fields: CertificateFields, issuer: CertificateIdentity): Buffer[] {
  const { isAuthority, keyUsage, subject, extendedKeyUsage, subjectNames } = fields;
  // An empty BasicConstraints means: not a CA. pathLenConstraint 0: no CA below this one.
  const constraints = isAuthority ? sequence(trueValue(), integer(0)) : sequence();
  const extensions = [
    extension(extensionOid.basicConstraints, constraints, true),
    extension(extensionOid.keyUsage, encodeKeyUsage(keyUsage), true),
    extension(extensionOid.subjectKeyIdentifier, encode(Tag.octetString, subject.keyIdentifier)),
    authorityKeyIdentifier(issuer.keyIdentifier),
  ];
  if (extendedKeyUsage.length > 0) {
    extensions.push(extension(extensionOid.extendedKeyUsage, encodeExtendedKeyUsage(extendedKeyUsage)));
  }
  if (subjectNames.length > 0) {
    extensions.push(extension(extensionOid.subjectAltName, encodeSubjectNames(subjectNames)));
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

export interface RevokedCertificate {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  /** Without one the entry carries no extension. */
  readonly reason?: RevocationReason | undefined;
}

export interface RevocationListFields {
  readonly issuer: CertificateIdentity;
  /** Greater than that of every earlier list of the same CA (RFC 5280 §5.2.3); at most 2^48 - 1. */
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly RevokedCertificate[];
}

/** Issues one list, signed with `issuerKey`, as PEM with the label that OpenSSL accepts. */
export function issueRevocationList(fields: RevocationListFields, issuerKey: KeyObject): string {
  const entries = fields.revoked.map(encodeEntry);
  const extensions = sequence(
    authorityKeyIdentifier(fields.issuer.keyIdentifier),
    extension(extensionOid.crlNumber, integer(fields.number)),
  );
  const toBeSigned = sequence(
    integer(1), // version v2
    signatureAlgorithm(),
    fields.issuer.name,
    time(fields.thisUpdate),
    time(fields.nextUpdate),
    // RFC 5280 §5.1.2.6: absent, not empty, when nothing is revoked.
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    encode(explicitTag(0), extensions),
  );
  return signToPem('X509 CRL', toBeSigned, issuerKey);
}

function encodeEntry({ serialNumber, revokedAt, reason }: RevokedCertificate): Buffer {
  const entry = [integer(Buffer.from(serialNumber, 'hex')), time(revokedAt)];
  if (reason !== undefined) {
    const code = encode(Tag.enumerated, Buffer.of(revocationReasonCode[reason]));
    entry.push(sequence(extension(extensionOid.reasonCode, code)));
  }
  return sequence(...entry);
}

/** sha256WithRSAEncryption, whose parameters are NULL (RFC 4055 §5). CAs have RSA keys: every modality knows RSA. */
function signatureAlgorithm(): Buffer {
  return sequence(objectIdentifier('1.2.840.113549.1.1.11'), encode(Tag.null));
}

/** The SIGNED form that certificates and CRLs share (RFC 5280 §4.1, §5.1), as PEM. */
function signToPem(label: 'CERTIFICATE' | 'X509 CRL', toBeSigned: Buffer, issuerKey: KeyObject): string {
  const signature = sign('sha256', toBeSigned, issuerKey);
  return encodePem(label, sequence(toBeSigned, signatureAlgorithm(), bitString(signature)));
}

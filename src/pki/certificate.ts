/**
 * X.509 v3 certificates as bytes (RFC 5280 §4): from plain fields to PEM. Builds the structure itself because
 * node-forge issues for RSA keys only. Decides nothing: lifetimes, usages and names come from authority.ts.
 */
import { createHash, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  contentOf,
  contextSpecific,
  type Der,
  decodeDer,
  encodeDer,
  integer,
  itemsOf,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  trueValue,
  utf8String,
} from './der';
import { signatureAlgorithm, signToPem } from './signing';
import { addressBytes } from './subjectNames';

/** Bits of the first byte of KeyUsage (RFC 5280 §4.2.1.3). */
export const KeyUsage = {
  digitalSignature: 0x80,
  keyEncipherment: 0x20,
  keyCertSign: 0x04,
  cRLSign: 0x02,
} as const;

/** RFC 5280 §4.2.1.12. */
const extendedKeyUsageOid = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;
export type ExtendedKeyUsage = keyof typeof extendedKeyUsageOid;

const subjectKeyIdentifierOid = '2.5.29.14';

export interface CertificateFields {
  readonly commonName: string;
  /** Subject of the issuer as it stands in its certificate; absent when the certificate signs itself. */
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

/** What a certificate or CRL says about its issuer. */
export interface CertificateIdentity {
  readonly name: Der;
  readonly keyIdentifier: Buffer;
}

/** Issues one certificate, signed with `issuerKey`, as PEM. */
export function issueCertificate(fields: CertificateFields, issuerKey: KeyObject): string {
  const subject: CertificateIdentity = {
    // Name: one attribute, common name (2.5.4.3).
    name: sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(fields.commonName)))),
    keyIdentifier: keyIdentifierOf(fields.publicKey),
  };
  const issuer = fields.issuer ?? subject;
  const toBeSigned = sequence(
    contextSpecific(0, [integer(2)]), // version v3
    integer(newSerialNumber()),
    signatureAlgorithm(),
    issuer.name,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    subject.name,
    decodeDer(fields.publicKey.export({ type: 'spki', format: 'der' })),
    contextSpecific(3, [sequence(...encodeExtensions(fields, subject, issuer))]),
  );
  return signToPem('CERTIFICATE', toBeSigned, issuerKey);
}

function encodeExtensions(
  fields: CertificateFields,
  subject: CertificateIdentity,
  issuer: CertificateIdentity,
): Der[] {
  const extensions = [
    // An empty BasicConstraints means: no CA. pathLenConstraint 0: no CA below this one.
    extension('2.5.29.19', fields.isAuthority ? sequence(trueValue(), integer(0)) : sequence(), true),
    extension('2.5.29.15', encodeKeyUsage(fields.keyUsage), true),
    extension(subjectKeyIdentifierOid, octetString(subject.keyIdentifier)),
    authorityKeyIdentifier(issuer),
  ];
  if (fields.extendedKeyUsage.length > 0) {
    const purposes = fields.extendedKeyUsage.map((usage) => objectIdentifier(extendedKeyUsageOid[usage]));
    extensions.push(extension('2.5.29.37', sequence(...purposes)));
  }
  if (fields.subjectNames.length > 0) {
    extensions.push(extension('2.5.29.17', sequence(...fields.subjectNames.map(encodeGeneralName))));
  }
  return extensions;
}

/** One Extension; `critical` makes a peer that does not know it refuse the certificate. */
export function extension(oid: string, value: Der, critical = false): Der {
  const content = octetString(encodeDer(value));
  return critical
    ? sequence(objectIdentifier(oid), trueValue(), content)
    : sequence(objectIdentifier(oid), content);
}

/** RFC 5280 §4.2.1.1; tells apart CAs that carry the same name. */
export const authorityKeyIdentifier = (issuer: CertificateIdentity): Der =>
  extension('2.5.29.35', sequence(contextSpecific(0, issuer.keyIdentifier)));

function encodeKeyUsage(usage: number): Der {
  // DER: trailing zero bits of a named bit list are not encoded.
  const trailingZeros = 31 - Math.clz32(usage & -usage);
  return bitString(Buffer.of(usage), trailingZeros);
}

/** GeneralName (RFC 5280 §4.2.1.6): [2] dNSName, [7] iPAddress. */
const encodeGeneralName = (name: string): Der =>
  isIP(name) === 0 ? contextSpecific(2, Buffer.from(name, 'ascii')) : contextSpecific(7, addressBytes(name));

/**
 * 16 bytes, always positive and of the same length: 126 random bits, so that nobody can foresee the bytes that
 * will be signed, and two certificates of one CA never share a number (RFC 5280 §4.1.2.2: at most 20 bytes).
 */
function newSerialNumber(): Buffer {
  const serialNumber = randomBytes(16);
  serialNumber[0] = (serialNumber[0]! & 0x7f) | 0x40;
  return serialNumber;
}

/**
 * The leftmost 160 bits of SHA-256 over the SubjectPublicKeyInfo: as long as the SHA-1 of RFC 5280 §4.2.1.2 (which
 * leaves the method open) that every peer has room for.
 */
const keyIdentifierOf = (publicKey: KeyObject): Buffer =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);

/**
 * How `certificate` names itself, byte for byte, for what it issues: chains are built by comparing the issuer's
 * name and key identifier with these. `certificate` is one of a CA, so that it has extensions.
 */
export function identityOf(certificate: X509Certificate): CertificateIdentity {
  const [toBeSigned] = itemsOf(decodeDer(certificate.raw));
  const fields = itemsOf(toBeSigned!);
  const name = fields[5]!;
  const [extensions] = itemsOf(fields.at(-1)!);
  for (const entry of itemsOf(extensions!)) {
    const parts = itemsOf(entry);
    if (encodeDer(parts[0]!).equals(encodeDer(objectIdentifier(subjectKeyIdentifierOid)))) {
      return { name, keyIdentifier: contentOf(decodeDer(contentOf(parts.at(-1)!))) };
    }
  }
  return { name, keyIdentifier: keyIdentifierOf(certificate.publicKey) };
}

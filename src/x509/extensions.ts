/**
 * Extensions of certificates, requests and CRLs (RFC 5280 §4.2, §5.2) as bytes and back. Decides nothing: the caller
 * says which extensions something gets.
 */
import {
  bitString,
  bitsOf,
  contentOf,
  type DerValue,
  decodeDer,
  encode,
  implicitTag,
  isTrue,
  itemsOf,
  objectIdentifier,
  oidOf,
  sequence,
  Tag,
  trueValue,
} from './der';
import { decodeGeneralName, encodeGeneralName, type GeneralName } from './names';

export const extensionOid = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Bits of the first byte of KeyUsage (RFC 5280 §4.2.1.3). */
export const KeyUsage = {
  digitalSignature: 0x80,
  nonRepudiation: 0x40,
  keyEncipherment: 0x20,
  dataEncipherment: 0x10,
  keyAgreement: 0x08,
  keyCertSign: 0x04,
  cRLSign: 0x02,
} as const;

/** RFC 5280 §4.2.1.12. */
export const extendedKeyUsageOid = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;
export type ExtendedKeyUsage = keyof typeof extendedKeyUsageOid;

/** One Extension; `critical` makes a peer that does not know it refuse the certificate. */
export function extension(oid: string, value: Buffer, critical = false): Buffer {
  const content = encode(Tag.octetString, value);
  return critical
    ? sequence(objectIdentifier(oid), trueValue(), content)
    : sequence(objectIdentifier(oid), content);
}

/** RFC 5280 §4.2.1.1; distinguishes CAs that have the same name. */
export function authorityKeyIdentifier(keyIdentifier: Buffer): Buffer {
  return extension(extensionOid.authorityKeyIdentifier, sequence(encode(implicitTag(0), keyIdentifier)));
}

export function encodeKeyUsage(usage: number): Buffer {
  // DER: trailing zero bits of a named bit list are not encoded.
  const trailingZeros = 31 - Math.clz32(usage & -usage);
  return bitString(Buffer.of(usage), trailingZeros);
}

export function encodeExtendedKeyUsage(usages: readonly ExtendedKeyUsage[]): Buffer {
  return sequence(...usages.map((usage) => objectIdentifier(extendedKeyUsageOid[usage])));
}

/** DNS names and IP addresses, checked. */
export function encodeSubjectNames(names: readonly string[]): Buffer {
  return sequence(...names.map(encodeGeneralName));
}

/** By identifier. The value is the DER inside, not looked at yet. */
export type Extensions = ReadonlyMap<string, Buffer>;

/** Reads an Extensions sequence. Of several with one identifier the last counts; strict readers refuse them. */
export function decodeExtensions(extensions: DerValue | undefined): Extensions {
  if (extensions === undefined) return new Map();
  return new Map(
    itemsOf(extensions).map((entry) => {
      const [oid, ...rest] = itemsOf(entry);
      return [oidOf(oid), contentOf(rest.at(-1), Tag.octetString)];
    }),
  );
}

/** Identifiers of the extensions that must be understood: without that, what they are in has to be refused. */
export function criticalExtensionsOf(extensions: DerValue | undefined): string[] {
  return (extensions === undefined ? [] : itemsOf(extensions)).flatMap((entry) => {
    const [oid, critical] = itemsOf(entry);
    return critical?.tag === Tag.boolean && isTrue(critical) ? [oidOf(oid)] : [];
  });
}

/** The names of KeyUsage bits; undefined where there is no such extension, which allows every usage. */
export function keyUsagesOf(extensions: Extensions): string[] | undefined {
  const value = extensions.get(extensionOid.keyUsage);
  if (value === undefined) return undefined;
  const bits = bitsOf(decodeDer(value)).bytes[0] ?? 0;
  return Object.entries(KeyUsage).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]));
}

/** Names of the purposes, or their identifiers where we know no name; undefined allows every purpose. */
export function extendedKeyUsagesOf(extensions: Extensions): string[] | undefined {
  const value = extensions.get(extensionOid.extendedKeyUsage);
  if (value === undefined) return undefined;
  const names = new Map<string, string>(
    Object.entries(extendedKeyUsageOid).map(([name, oid]) => [oid, name]),
  );
  return itemsOf(decodeDer(value)).map((oid) => names.get(oidOf(oid)) ?? oidOf(oid));
}

export function subjectNamesOf(extensions: Extensions): GeneralName[] {
  const value = extensions.get(extensionOid.subjectAltName);
  return value === undefined ? [] : itemsOf(decodeDer(value)).map(decodeGeneralName);
}

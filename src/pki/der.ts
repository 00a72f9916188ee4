/**
 * The few ASN.1 types that certificates and CRLs are made of (X.690 DER), over node-forge's ASN.1 kit.
 * Knows tags and lengths; knows nothing of certificates, keys or files. Reads only what we wrote ourselves
 * or what an operator put into the folder, never bytes from the network.
 */
import forge from 'node-forge';

const { asn1 } = forge;
const { Type } = asn1;

export type Der = forge.asn1.Asn1;

/** node-forge carries bytes in strings, one character per byte. */
const bytes = (buffer: Buffer): string => buffer.toString('latin1');

const primitive = (type: forge.asn1.Type, content: string): Der =>
  asn1.create(asn1.Class.UNIVERSAL, type, false, content);
const constructed = (type: forge.asn1.Type, items: readonly Der[]): Der =>
  asn1.create(asn1.Class.UNIVERSAL, type, true, [...items]);

export const sequence = (...items: readonly Der[]): Der => constructed(Type.SEQUENCE, items);
export const set = (...items: readonly Der[]): Der => constructed(Type.SET, items);
export const octetString = (content: Buffer): Der => primitive(Type.OCTETSTRING, bytes(content));
export const utf8String = (text: string): Der => primitive(Type.UTF8, bytes(Buffer.from(text, 'utf8')));
export const objectIdentifier = (oid: string): Der => primitive(Type.OID, asn1.oidToDer(oid).getBytes());
export const enumerated = (value: number): Der => primitive(Type.ENUMERATED, String.fromCharCode(value));
export const nullValue = (): Der => primitive(Type.NULL, '');
export const trueValue = (): Der => primitive(Type.BOOLEAN, '\xff');

/** A small number, or the big-endian two's complement bytes of a large one. */
export const integer = (value: number | Buffer): Der =>
  primitive(Type.INTEGER, typeof value === 'number' ? asn1.integerToDer(value).getBytes() : bytes(value));

/** `unusedBits` counts the bits of the last byte that mean nothing. */
export const bitString = (content: Buffer, unusedBits = 0): Der =>
  primitive(Type.BITSTRING, bytes(Buffer.concat([Buffer.of(unusedBits), content])));

/** RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050 on, both without fractions of a second. */
export function time(date: Date): Der {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, digits.slice(2))
    : primitive(Type.GENERALIZEDTIME, digits);
}

/** `[tag]` around other values (EXPLICIT, or IMPLICIT of a SEQUENCE), or in place of a string's own tag. */
export const contextSpecific = (tag: number, content: Buffer | readonly Der[]): Der =>
  Buffer.isBuffer(content)
    ? asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, bytes(content))
    : asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [...content]);

export const encodeDer = (value: Der): Buffer => Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
export const decodeDer = (content: Buffer): Der => asn1.fromDer(bytes(content));

/** The values inside a constructed one. Throws when `value` is a primitive. */
export function itemsOf(value: Der): readonly Der[] {
  if (!Array.isArray(value.value)) throw new TypeError('expected a constructed ASN.1 value');
  return value.value;
}

/** The content bytes of a primitive value, without tag and length. Throws when `value` is constructed. */
export function contentOf(value: Der): Buffer {
  if (typeof value.value !== 'string') throw new TypeError('expected a primitive ASN.1 value');
  return Buffer.from(value.value, 'latin1');
}

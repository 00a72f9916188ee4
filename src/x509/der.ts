/**
 * The few ASN.1 types that certificates, requests and CRLs are made of (X.690 DER), over node-forge's ASN.1 kit.
 * Knows tags and lengths; knows nothing of certificates, keys or files. Reads only what we wrote ourselves
 * or what an operator hands over as a file, never bytes from the network.
 */
import forge from 'node-forge';

const { asn1 } = forge;
const { Type } = asn1;

export type Der = forge.asn1.Asn1;

/** TeletexString, which the kit does not name; old requests have it. */
const t61String = 20 as forge.asn1.Type;

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

/** Throws where the bytes are not one value in DER. The types know the options by one boolean only. */
export function decodeDer(content: Buffer): Der {
  // Bit strings stay bytes: whether a signature happens to look like ASN.1 must change nothing.
  const options = { strict: true, parseAllBytes: true, decodeBitStrings: false };
  return asn1.fromDer(bytes(content), options as unknown as boolean);
}

/** The values inside a constructed one. Throws when `value` is a primitive, or missing. */
export function itemsOf(value: Der | undefined): readonly Der[] {
  if (!Array.isArray(value?.value)) throw new TypeError('expected a constructed ASN.1 value');
  return value.value;
}

/** Whether `value` is a SEQUENCE. */
export const isSequence = (value: Der | undefined): value is Der =>
  value?.tagClass === asn1.Class.UNIVERSAL && value.type === Type.SEQUENCE && Array.isArray(value.value);

/** Whether `value` carries the context-specific tag `[tag]`. */
export const isContextSpecific = (value: Der | undefined, tag: number): value is Der =>
  // The types know universal tags only.
  value?.tagClass === asn1.Class.CONTEXT_SPECIFIC && (value.type as number) === tag;

/** Whether `value` is a UTCTime or a GeneralizedTime. */
export const isTime = (value: Der | undefined): value is Der =>
  value?.tagClass === asn1.Class.UNIVERSAL &&
  (value.type === Type.UTCTIME || value.type === Type.GENERALIZEDTIME);

/** `1.2.840.…` of an OBJECT IDENTIFIER. */
export function oidOf(value: Der | undefined): string {
  if (value?.tagClass !== asn1.Class.UNIVERSAL || value.type !== Type.OID) {
    throw new TypeError('expected an ASN.1 object identifier');
  }
  return asn1.derToOid(bytes(contentOf(value)));
}

/** A character string of any of the types that names are made of; in other types nothing can be read. */
export function textOf(value: Der | undefined): string | undefined {
  if (value === undefined || typeof value.value !== 'string') return undefined;
  // The kit has put its UTF-16 into a string already.
  if (value.type === Type.BMPSTRING) return value.value;
  const content = contentOf(value);
  if (value.type === Type.UTF8) return content.toString('utf8');
  return [Type.PRINTABLESTRING, Type.IA5STRING, t61String].includes(value.type)
    ? content.toString('latin1')
    : undefined;
}

/** UTCTime `YYMMDDhhmmssZ` or GeneralizedTime `YYYYMMDDhhmmssZ` (RFC 5280 §4.1.2.5). */
export function timeOf(value: Der | undefined): Date {
  const text = contentOf(value).toString('latin1');
  const century = value?.type !== Type.UTCTIME ? '' : Number(text.slice(0, 2)) < 50 ? '20' : '19';
  const iso = (century + text).replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const date = new Date(iso);
  if (iso.length !== 20 || Number.isNaN(date.getTime())) throw new RangeError(`"${text}" is no time`);
  return date;
}

/** The bytes of a BIT STRING, and how many bits of the last one mean nothing. */
export function bitsOf(value: Der | undefined): { readonly bytes: Buffer; readonly unusedBits: number } {
  if (value?.tagClass !== asn1.Class.UNIVERSAL || value.type !== Type.BITSTRING) {
    throw new TypeError('expected an ASN.1 bit string');
  }
  const content = contentOf(value);
  return { bytes: content.subarray(1), unusedBits: content[0] ?? 0 };
}

/** Upper-case hexadecimal of an INTEGER, without the sign byte, as OpenSSL and Node print serial numbers. */
export const hexOf = (value: Der | undefined): string =>
  contentOf(value)
    .toString('hex')
    .toUpperCase()
    .replace(/^(00)+(?=.)/, '');

/** The content bytes of a primitive value, without tag and length. Throws when `value` is constructed, or missing. */
export function contentOf(value: Der | undefined): Buffer {
  if (typeof value?.value !== 'string') throw new TypeError('expected a primitive ASN.1 value');
  return Buffer.from(value.value, 'latin1');
}

/**
 * The few ASN.1 types that certificates, requests and CRLs are made of: as DER (X.690) and back. Knows tags and lengths;
 * knows nothing of certificates, keys or files.
 *
 * The reader is made for hostile bytes. It goes one level at a time, so deep nesting costs nothing. It copies nothing and
 * never looks beyond the end. Whatever is wrong is a RangeError. It takes lengths in any form that says the same, as
 * OpenSSL does; `isShortestForm` finds out whether the bytes are DER to the letter.
 */

/** Universal tags (X.680 §8.6) with the bit of constructed values. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const CONSTRUCTED = 0x20;

/** `[number]` in place of the tag of a string or number. */
export function implicitTag(number: number): number {
  return 0x80 | number;
}

/** `[number]` around another value, or in place of the tag of a SEQUENCE. */
export function explicitTag(number: number): number {
  return 0x80 | CONSTRUCTED | number;
}

/** One value: its tag, its length in the shortest form, its content. */
export function encode(tag: number, ...contents: readonly Buffer[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  return Buffer.concat([Buffer.of(tag), encodeLength(length), ...contents]);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes = numberBytes(length);
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}

/** Big-endian and without leading zeros; of 0 one byte. Takes up to 2^48 - 1. */
function numberBytes(number: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(number, 0, 6);
  const start = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(start === -1 ? 5 : start);
}

export function sequence(...items: readonly Buffer[]): Buffer {
  return encode(Tag.sequence, ...items);
}

/** A number of up to 2^48 - 1, or the big-endian bytes of a larger one; never negative. */
export function integer(value: number | Buffer): Buffer {
  const bytes = typeof value === 'number' ? numberBytes(value) : value;
  // A first bit of 1 would make it negative.
  return bytes[0]! >= 0x80 ? encode(Tag.integer, Buffer.of(0), bytes) : encode(Tag.integer, bytes);
}

/** `unusedBits` counts the bits of the last byte that mean nothing. */
export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return encode(Tag.bitString, Buffer.of(unusedBits), content);
}

export function trueValue(): Buffer {
  return encode(Tag.boolean, Buffer.of(0xff));
}

export function utf8String(text: string): Buffer {
  return encode(Tag.utf8String, Buffer.from(text, 'utf8'));
}

/** Takes `1.2.840.…`, as it stands in our own tables. */
export function objectIdentifier(oid: string): Buffer {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return encode(Tag.objectIdentifier, Buffer.from(bytes));
}

/** RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050 on, both without fractions of a second. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? encode(Tag.utcTime, Buffer.from(digits.slice(2)))
    : encode(Tag.generalizedTime, Buffer.from(digits));
}

/** A value as it was read. Its buffers are parts of the bytes that were read. */
export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
  /** With tag and length. */
  readonly encoded: Buffer;
}

/** Four bytes of length say 4 GiB. */
const MAX_LENGTH_BYTES = 4;
/** Real ones have 20 bytes or less; reading one takes time with the square of its length. */
const MAX_OBJECT_IDENTIFIER_BYTES = 64;

/** Reads the one value that the bytes are. */
export function decodeDer(bytes: Buffer): DerValue {
  const value = valueAt(bytes, 0);
  if (value.encoded.length !== bytes.length) throw new RangeError('more follows after the ASN.1 value');
  return value;
}

function valueAt(bytes: Buffer, offset: number): DerValue {
  const cutShort = 'an ASN.1 value is cut short';
  if (offset + 2 > bytes.length) throw new RangeError(cutShort);
  const tag = bytes[offset]!;
  if ((tag & 0x1f) === 0x1f) throw new RangeError('an ASN.1 tag has more than one byte');
  const firstLength = bytes[offset + 1]!;
  const lengthBytes = firstLength < 0x80 ? 0 : firstLength & 0x7f;
  // 0x80 alone is a length that is not known yet, which DER does not have.
  if (lengthBytes > MAX_LENGTH_BYTES || firstLength === 0x80) {
    throw new RangeError('an ASN.1 length is malformed');
  }
  const start = offset + 2 + lengthBytes;
  if (start > bytes.length) throw new RangeError(cutShort);
  const end = start + (lengthBytes === 0 ? firstLength : bytes.readUIntBE(offset + 2, lengthBytes));
  if (end > bytes.length) throw new RangeError(cutShort);
  return { tag, content: bytes.subarray(start, end), encoded: bytes.subarray(offset, end) };
}

/** The values inside a constructed one, one after the other. */
export function* eachItemOf(value: DerValue | undefined): Generator<DerValue> {
  if (value === undefined || (value.tag & CONSTRUCTED) === 0) {
    throw new RangeError('a constructed ASN.1 value is expected');
  }
  for (let offset = 0; offset < value.content.length; ) {
    const item = valueAt(value.content, offset);
    yield item;
    offset += item.encoded.length;
  }
}

export function itemsOf(value: DerValue | undefined): DerValue[] {
  return [...eachItemOf(value)];
}

/** The same of long bytes from a stranger, whose items could take 50 times their memory: RangeError beyond `max`. */
export function fewItemsOf(value: DerValue | undefined, max: number): DerValue[] {
  const items: DerValue[] = [];
  for (const item of eachItemOf(value)) {
    if (items.length === max) throw new RangeError(`an ASN.1 value has more than ${max} items`);
    items.push(item);
  }
  return items;
}

/** Whether all lengths in it are in the one form that DER has (X.690 §10.1). */
export function isShortestForm(value: DerValue): boolean {
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { tag, content, encoded } = next;
    if (encoded.length !== 1 + encodeLength(content.length).length + content.length) return false;
    if ((tag & CONSTRUCTED) !== 0) open.push(...eachItemOf(next));
  }
  return true;
}

/** The content of a value that must have this tag. */
export function contentOf(value: DerValue | undefined, tag: number): Buffer {
  if (value?.tag === tag) return value.content;
  throw new RangeError(`the ASN.1 tag ${value?.tag ?? 'nothing'} stands where ${tag} is expected`);
}

/** `1.2.840.…` of an OBJECT IDENTIFIER. */
export function oidOf(value: DerValue | undefined): string {
  const content = contentOf(value, Tag.objectIdentifier);
  const isWhole = content.length > 0 && content.at(-1)! < 0x80;
  if (!isWhole || content.length > MAX_OBJECT_IDENTIFIER_BYTES) {
    throw new RangeError('an ASN.1 object identifier is malformed');
  }
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  // The first two arcs share one number.
  const [both = 0n, ...rest] = arcs;
  const first = both < 80n ? both / 40n : 2n;
  return [first, both - first * 40n, ...rest].join('.');
}

/** A character string of any of the types that names are made of; of other types nothing can be read. */
export function textOf(value: DerValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  const { tag, content } = value;
  switch (tag) {
    case Tag.utf8String:
      return content.toString('utf8');
    case Tag.printableString:
    case Tag.ia5String:
    case Tag.teletexString:
      return content.toString('latin1');
    case Tag.bmpString:
      // Big-endian, of which Node knows nothing.
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : undefined;
    default:
      return undefined;
  }
}

export function isTime(value: DerValue | undefined): value is DerValue {
  return value?.tag === Tag.utcTime || value?.tag === Tag.generalizedTime;
}

/** UTCTime `YYMMDDhhmmssZ`, 1950 to 2049, or GeneralizedTime `YYYYMMDDhhmmssZ` (RFC 5280 §4.1.2.5). */
export function timeOf(value: DerValue | undefined): Date {
  const isShort = value?.tag === Tag.utcTime;
  const text = contentOf(value, isShort ? Tag.utcTime : Tag.generalizedTime).toString('latin1');
  const digits = isShort ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const iso = digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const date = new Date(iso);
  if (iso === digits || Number.isNaN(date.getTime())) {
    throw new RangeError(`${JSON.stringify(text.slice(0, 32))} is not a time`);
  }
  return date;
}

/** Of a BOOLEAN, under its own tag or another. */
export function isTrue({ content }: DerValue): boolean {
  return content.length === 1 && content[0] !== 0;
}

/** The bytes of a BIT STRING, and how many bits of the last one mean nothing. */
export function bitsOf(value: DerValue | undefined): { readonly bytes: Buffer; readonly unusedBits: number } {
  const content = contentOf(value, Tag.bitString);
  return { bytes: content.subarray(1), unusedBits: content[0] ?? 0 };
}

/** Upper-case hexadecimal of an INTEGER, without the sign byte, as OpenSSL and Node print serial numbers. */
export function hexOf(value: DerValue | undefined): string {
  return contentOf(value, Tag.integer)
    .toString('hex')
    .toUpperCase()
    .replace(/^(00)+(?=..)/, '');
}

/**
 * Reads what certificate revocation lists say (RFC 5280 §5.1), because neither node:crypto nor node:tls tells it and a
 * list past its next update refuses everybody. Whoever connects is judged by OpenSSL alone, which reads them for itself.
 */

export interface RevocationListDates {
  readonly thisUpdate: Date;
  /** Absent where the list does not say when it ends. */
  readonly nextUpdate?: Date;
}

/** ASN.1 tags of DER (X.690) as they occur before what is not read here. */
const Tag = { Integer: 0x02, UtcTime: 0x17, GeneralizedTime: 0x18, Sequence: 0x30, Version: 0xa0 } as const;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** Where the next element begins. */
  readonly end: number;
}

/** Takes the list as DER. Throws RangeError where the bytes are no revocation list. */
export function decodeRevocationListDates(list: Buffer): RevocationListDates {
  const fields = toBeSignedFields(list);
  const first = elementAt(fields, 0);
  const algorithm = first.tag === Tag.Integer ? elementAt(fields, first.end) : first;
  const issuer = expected(elementAt(fields, expected(algorithm, Tag.Sequence).end), Tag.Sequence);
  const thisUpdate = elementAt(fields, issuer.end);
  const following = thisUpdate.end < fields.length ? elementAt(fields, thisUpdate.end) : undefined;
  const hasNextUpdate = following?.tag === Tag.UtcTime || following?.tag === Tag.GeneralizedTime;
  return {
    thisUpdate: decodeTime(thisUpdate),
    ...(hasNextUpdate ? { nextUpdate: decodeTime(following) } : {}),
  };
}

/** The name of the list's issuer, as DER. Throws RangeError where the bytes are no revocation list. */
export function revocationListIssuer(list: Buffer): Buffer {
  const fields = toBeSignedFields(list);
  const first = elementAt(fields, 0);
  const algorithm = first.tag === Tag.Integer ? elementAt(fields, first.end) : first;
  return nameAt(fields, algorithm.end);
}

/**
 * The serial numbers that the list revokes, in hexadecimal as X509Certificate writes them. Throws RangeError where the
 * bytes are no revocation list.
 */
export function revokedSerialNumbers(list: Buffer): ReadonlySet<string> {
  const fields = toBeSignedFields(list);
  const serialNumbers = new Set<string>();
  const revoked = elementAfterDates(fields);
  if (revoked?.tag !== Tag.Sequence) return serialNumbers;
  for (let offset = 0; offset < revoked.content.length; ) {
    const entry = expected(elementAt(revoked.content, offset), Tag.Sequence);
    const { content } = expected(elementAt(entry.content, 0), Tag.Integer);
    // Whole bytes, without the zero that makes a number positive.
    serialNumbers.add(
      content
        .toString('hex')
        .replace(/^(00)+(?=..)/, '')
        .toUpperCase(),
    );
    offset = entry.end;
  }
  return serialNumbers;
}

/** What stands behind the date or the two; undefined where nothing does. */
function elementAfterDates(fields: Buffer): Element | undefined {
  const first = elementAt(fields, 0);
  const algorithm = first.tag === Tag.Integer ? elementAt(fields, first.end) : first;
  let { end } = elementAt(fields, elementAt(fields, algorithm.end).end);
  if (end >= fields.length) return undefined;
  const next = elementAt(fields, end);
  if (next.tag !== Tag.UtcTime && next.tag !== Tag.GeneralizedTime) return next;
  end = next.end;
  return end < fields.length ? elementAt(fields, end) : undefined;
}

/** The name of a certificate's issuer, as DER (RFC 5280 §4.1). Throws RangeError where the bytes are none. */
export function certificateIssuer(certificate: Buffer): Buffer {
  const fields = toBeSignedFields(certificate);
  return nameAt(fields, signatureOf(fields).end);
}

/** The name of its subject. */
export function certificateSubject(certificate: Buffer): Buffer {
  const fields = toBeSignedFields(certificate);
  const issuer = elementAt(fields, signatureOf(fields).end);
  const validity = elementAt(fields, issuer.end);
  return nameAt(fields, validity.end);
}

/** The signature algorithm of a certificate, which stands before its issuer. */
function signatureOf(fields: Buffer): Element {
  const version = elementAt(fields, 0);
  const serialNumber = version.tag === Tag.Version ? elementAt(fields, version.end) : version;
  return elementAt(fields, serialNumber.end);
}

function nameAt(fields: Buffer, offset: number): Buffer {
  const { end } = expected(elementAt(fields, offset), Tag.Sequence);
  return fields.subarray(offset, end);
}

/** What is signed of a list or a certificate. */
function toBeSignedFields(der: Buffer): Buffer {
  const toBeSigned = elementAt(expected(elementAt(der, 0), Tag.Sequence).content, 0);
  return expected(toBeSigned, Tag.Sequence).content;
}

function elementAt(bytes: Buffer, offset: number): Element {
  const tag = bytes.readUInt8(offset);
  const firstLength = bytes.readUInt8(offset + 1);
  const lengthBytes = firstLength < 0x80 ? 0 : firstLength & 0x7f;
  // Four bytes say 4 GiB; without any, the length is indefinite, which DER does not have.
  if (lengthBytes > 4 || firstLength === 0x80) throw new RangeError('an ASN.1 length is malformed');
  const start = offset + 2 + lengthBytes;
  const length = lengthBytes === 0 ? firstLength : bytes.readUIntBE(offset + 2, lengthBytes);
  if (start + length > bytes.length) throw new RangeError('an ASN.1 element is cut short');
  return { tag, content: bytes.subarray(start, start + length), end: start + length };
}

function expected(element: Element, tag: number): Element {
  if (element.tag !== tag) throw new RangeError(`ASN.1 tag ${element.tag} stands where ${tag} should`);
  return element;
}

/** UTCTime `YYMMDDhhmmssZ` or GeneralizedTime `YYYYMMDDhhmmssZ` (RFC 5280 §4.1.2.5). */
function decodeTime(element: Element): Date {
  const text = element.content.toString('latin1');
  if (element.tag === Tag.UtcTime) return dateOf(Number(text.slice(0, 2)) >= 50 ? `19${text}` : `20${text}`);
  return dateOf(expected(element, Tag.GeneralizedTime).content.toString('latin1'));
}

function dateOf(text: string): Date {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const date = new Date(iso);
  if (iso === text || Number.isNaN(date.getTime())) throw new RangeError(`"${text}" is no time`);
  return date;
}

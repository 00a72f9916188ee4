/**
 * Names in certificates, requests and CRLs: distinguished names (RFC 5280 §4.1.2.4) and the names of subjectAltName
 * (§4.2.1.6), as bytes, back, and in words.
 */
import { isIP } from 'node:net';
import {
  type DerValue,
  encode,
  explicitTag,
  implicitTag,
  itemsOf,
  objectIdentifier,
  oidOf,
  sequence,
  Tag,
  textOf,
  utf8String,
} from './der';

const COMMON_NAME = '2.5.4.3';

/** As RFC 4514 §3 and OpenSSL abbreviate them. */
const attributeNames: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

/** A name of one attribute, the common name. */
export function encodeCommonName(commonName: string): Buffer {
  return encodeName([['CN', commonName]]);
}

/** An attribute such as `O`, and its value. */
export type NameAttribute = readonly [name: string, value: string];

/** Takes the attributes that `attributeNames` has, checked, in the order of the name. */
export function encodeName(attributes: readonly NameAttribute[]): Buffer {
  return sequence(
    ...attributes.map(([name, value]) => {
      const [oid] = Object.entries(attributeNames).find(([, known]) => known === name)!;
      return encode(Tag.set, sequence(objectIdentifier(oid!), encodeAttributeValue(name, value)));
    }),
  );
}

/** RFC 5280, appendix A.1: these two have a type of their own, everything else may be UTF-8. */
function encodeAttributeValue(name: string, value: string): Buffer {
  if (name === 'C') return encode(Tag.printableString, Buffer.from(value, 'ascii'));
  return name === 'emailAddress' ? encode(Tag.ia5String, Buffer.from(value, 'ascii')) : utf8String(value);
}

/** `CN=ct1, O=Example`, in the order of the name; for people, not for comparing. */
export function formatName(name: DerValue): string {
  return attributesOf(name)
    .map(({ oid, text }) => `${attributeNames[oid] ?? oid}=${text ?? '?'}`)
    .join(', ');
}

export function commonNamesOf(name: DerValue): string[] {
  return attributesOf(name).flatMap(({ oid, text }) =>
    oid === COMMON_NAME && text !== undefined ? [text] : [],
  );
}

function attributesOf(name: DerValue): { readonly oid: string; readonly text: string | undefined }[] {
  return itemsOf(name)
    .flatMap((relativeName) => itemsOf(relativeName))
    .map((attribute) => {
      const [oid, value] = itemsOf(attribute);
      return { oid: oidOf(oid), text: textOf(value) };
    });
}

/**
 * A subject or issuer of node:crypto, which has a line for each part, as one line. Node gives undefined for an empty
 * name, which its type does not say; `empty` takes its place.
 */
export function oneLine(name: string | undefined, empty = ''): string {
  return name?.replaceAll('\n', ', ') ?? empty;
}

export interface GeneralName {
  readonly kind: 'dns' | 'ip' | 'other';
  /** The name; of another kind, the kind and what can be read of it. As it came, not checked. */
  readonly text: string;
}

const EMAIL_TAG = implicitTag(1);
const DNS_TAG = implicitTag(2);
const DIRECTORY_TAG = explicitTag(4);
const URI_TAG = implicitTag(6);
const IP_TAG = implicitTag(7);

/** Takes a DNS name or an IP address, checked. */
export function encodeGeneralName(name: string): Buffer {
  return isIP(name) === 0 ? encode(DNS_TAG, Buffer.from(name, 'ascii')) : encode(IP_TAG, addressBytes(name));
}

export function decodeGeneralName({ tag, content }: DerValue): GeneralName {
  const text = content.toString('latin1');
  switch (tag) {
    case DNS_TAG:
      return { kind: 'dns', text };
    case IP_TAG:
      return formatAddress(content);
    case EMAIL_TAG:
      return { kind: 'other', text: `email:${text}` };
    case URI_TAG:
      return { kind: 'other', text: `URI:${text}` };
    case DIRECTORY_TAG:
      return { kind: 'other', text: 'a directory name' };
    default:
      return { kind: 'other', text: `a name of type [${tag & 0x1f}]` };
  }
}

/** Undefined for a name of another kind. As it came, not checked. */
export function uriOf({ tag, content }: DerValue): string | undefined {
  return tag === URI_TAG ? content.toString('latin1') : undefined;
}

function formatAddress(content: Buffer): GeneralName {
  if (content.length === 4) return { kind: 'ip', text: content.join('.') };
  if (content.length !== 16) return { kind: 'other', text: `an address of ${content.length} bytes` };
  const words = content.toString('hex').match(/.{4}/g)!.join(':');
  // The URL parser writes it in the short form that people know.
  return { kind: 'ip', text: new URL(`http://[${words}]`).hostname.slice(1, -1) };
}

/** The 4 or 16 bytes of an IP address, in network order. */
export function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes any IPv6 address as hexadecimal groups with at most one "::".
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const words = [...before, ...zeros, ...after].map((word) => word.padStart(4, '0'));
  return Buffer.from(words.join(''), 'hex');
}

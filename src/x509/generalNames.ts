/**
 * GeneralName (RFC 5280 §4.2.1.6): the names in subjectAltName as bytes and back. Those of a TLS peer are DNS names and IP
 * addresses; of the others it tells the kind.
 */
import { isIP } from 'node:net';
import { contentOf, contextSpecific, type Der } from './der';

export interface GeneralName {
  readonly kind: 'dns' | 'ip' | 'other';
  /** The name; of another kind, the kind and what can be read of it. As it came, not checked. */
  readonly text: string;
}

/** Tags of the choices. */
const Tag = { email: 1, dns: 2, directory: 4, uri: 6, ip: 7 } as const;

export const encodeGeneralName = (name: string): Der =>
  isIP(name) === 0
    ? contextSpecific(Tag.dns, Buffer.from(name, 'ascii'))
    : contextSpecific(Tag.ip, addressBytes(name));

export function decodeGeneralName(name: Der): GeneralName {
  const text = () => contentOf(name).toString('latin1');
  switch (name.type as number) {
    case Tag.dns:
      return { kind: 'dns', text: text() };
    case Tag.ip:
      return formatAddress(contentOf(name));
    case Tag.email:
      return { kind: 'other', text: `email:${text()}` };
    case Tag.uri:
      return { kind: 'other', text: `URI:${text()}` };
    case Tag.directory:
      return { kind: 'other', text: 'a directory name' };
    default:
      return { kind: 'other', text: `a name of type [${name.type}]` };
  }
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

/**
 * The PROXY protocol, versions 1 and 2: what a load balancer in front of the listener says about the connection
 * that it passes on. Bytes in, one verdict out. Does not know who may send a header: the listener does.
 */
import { isIPv4, isIPv6 } from 'node:net';

const V1_PREFIX = Buffer.from('PROXY ');
/** The longest line of version 1, CRLF included, as its specification adds it up. */
const MAX_V1_BYTES = 107;
const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Signature 12, version and command 1, family and protocol 1, length of what follows 2. */
const V2_FIXED_BYTES = 12 + 1 + 1 + 2;
/** A header must fit the smallest TCP segment that every host supports (576 - 40). */
const MAX_V2_BYTES = 536;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;
const V2_UNSPECIFIED = 0x00;

export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly detail: string }
  | {
      readonly kind: 'complete';
      /** Length of the header; what follows belongs to the connection. */
      readonly headerBytes: number;
      /** Absent for a connection of the proxy's own (LOCAL) or of unknown origin: the peer is then the proxy. */
      readonly source?: { readonly address: string; readonly port: number };
    };

const INCOMPLETE = { kind: 'incomplete' } as const;

/** Reads the header at the beginning of everything received so far. Decides after at most 536 bytes. */
export function decodeProxyHeader(received: Buffer): ProxyHeader {
  if (beginsAlike(received, V1_PREFIX)) return decodeVersion1(received);
  if (beginsAlike(received, V2_SIGNATURE)) return decodeVersion2(received);
  return invalid('the first bytes are not a PROXY protocol header');
}

function invalid(detail: string): ProxyHeader {
  return { kind: 'invalid', detail };
}

/** Compares as many bytes as both have. */
function beginsAlike(received: Buffer, expected: Buffer): boolean {
  const bytes = Math.min(received.length, expected.length);
  return received.subarray(0, bytes).equals(expected.subarray(0, bytes));
}

function decodeVersion1(received: Buffer): ProxyHeader {
  const line = received.toString('latin1', 0, MAX_V1_BYTES);
  const end = line.indexOf('\r\n');
  if (end === -1) {
    return received.length < MAX_V1_BYTES ? INCOMPLETE : invalid('the version 1 line is too long');
  }
  const headerBytes = end + 2;
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...rest] = line
    .slice(0, end)
    .split(' ');
  // What follows UNKNOWN must be ignored.
  if (family === 'UNKNOWN') return { kind: 'complete', headerBytes };
  if (family !== 'TCP4' && family !== 'TCP6') {
    return invalid('the version 1 family is not TCP4, TCP6 or UNKNOWN');
  }
  const isAddress = family === 'TCP4' ? isIPv4 : isUnzonedIpv6;
  if (
    !isAddress(source) ||
    !isAddress(destination) ||
    !isPort(sourcePort) ||
    !isPort(destinationPort) ||
    rest.length > 0
  ) {
    return invalid('a field of the version 1 line is malformed');
  }
  return { kind: 'complete', headerBytes, source: { address: source, port: Number(sourcePort) } };
}

/** A zone names an interface of the proxy's machine, not of this one. */
function isUnzonedIpv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;
}

function decodeVersion2(received: Buffer): ProxyHeader {
  if (received.length < V2_FIXED_BYTES) return INCOMPLETE;
  const versionAndCommand = received.readUInt8(12);
  const familyAndProtocol = received.readUInt8(13);
  const headerBytes = V2_FIXED_BYTES + received.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2) return invalid('the version is not 2');
  const command = versionAndCommand & 0x0f;
  if (command > 1) return invalid('the version 2 command is neither LOCAL nor PROXY');
  if (headerBytes > MAX_V2_BYTES) return invalid(`the version 2 header is longer than ${MAX_V2_BYTES} bytes`);
  if (received.length < headerBytes) return INCOMPLETE;
  const isLocal = command === 0;
  if (isLocal || familyAndProtocol === V2_UNSPECIFIED) return { kind: 'complete', headerBytes };
  const addresses = received.subarray(V2_FIXED_BYTES, headerBytes);
  if (familyAndProtocol === V2_TCP4) return addressesOfVersion2(addresses, 4, headerBytes);
  if (familyAndProtocol === V2_TCP6) return addressesOfVersion2(addresses, 16, headerBytes);
  return invalid('the version 2 family is not TCP over IPv4, TCP over IPv6 or unspecified');
}

/** Source and destination address, source and destination port; then type-length-values, which are skipped. */
function addressesOfVersion2(addresses: Buffer, addressBytes: 4 | 16, headerBytes: number): ProxyHeader {
  if (addresses.length < 2 * addressBytes + 2 * 2) return invalid('the version 2 addresses are cut short');
  const source = addresses.subarray(0, addressBytes);
  const address =
    addressBytes === 4 ? source.join('.') : (source.toString('hex').match(/.{4}/g) ?? []).join(':');
  return {
    kind: 'complete',
    headerBytes,
    source: { address, port: addresses.readUInt16BE(2 * addressBytes) },
  };
}

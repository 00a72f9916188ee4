/**
 * One TCP connection as IP packets that were never sent: sequence numbers, flags and checksums as Wireshark expects them
 * (RFC 791, RFC 8200, RFC 9293). Each PDU is one packet, whatever its length: a packet of which the end is not recorded
 * cannot be joined to another. Knows no DICOM.
 */
import { type AddressBlock, parseAddress } from '../text/addresses';
import type { RedactedBytes } from './redactedBytes';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export type End = 'requestor' | 'acceptor';

/** A packet of `length` bytes, of which the first ones were recorded. All others are zeros. */
export interface Packet {
  readonly recorded: Buffer;
  readonly length: number;
}

const TcpFlag = { Fin: 0x01, Syn: 0x02, Reset: 0x04, Push: 0x08, Ack: 0x10 } as const;

const TCP_HEADER_BYTES = 20;
const TCP_PROTOCOL = 6;
/** Hop-by-hop options, with the jumbo payload option (RFC 2675). */
const HOP_BY_HOP = 0;
const JUMBO_HEADER_BYTES = 8;
const HOP_LIMIT = 64;
const MAX_UINT16 = 0xffff;
/** Wireshark reads no packet of which more than 256 KB were recorded. What is longer goes out in parts of this length. */
const MAX_RECORDED_BYTES = 128 * 1024;
/** Of the parts; they have to be packets of usual length to be joined. */
const PART_BYTES = 32 * 1024;
const NOTHING = Buffer.alloc(0);
/** Of a socket that is gone. */
const UNKNOWN_ADDRESS: AddressBlock = { family: 4, prefixLength: 32, prefix: 0n };

export class Conversation {
  readonly #endpoints: Readonly<Record<End, Endpoint>>;
  readonly #sequence: Record<End, number> = { requestor: 0, acceptor: 0 };
  readonly #addresses: Readonly<Record<End, Buffer>>;

  constructor(requestor: Endpoint, acceptor: Endpoint) {
    this.#endpoints = { requestor, acceptor };
    const blocks = [requestor, acceptor].map(({ address }) => parseAddress(address) ?? UNKNOWN_ADDRESS);
    const length = blocks.every(({ family }) => family === 4) ? 4 : 16;
    const [ofRequestor, ofAcceptor] = blocks.map((block) => addressBytes(block, length));
    this.#addresses = { requestor: ofRequestor!, acceptor: ofAcceptor! };
  }

  /** The handshake of a connection that begins. */
  opened(): Packet[] {
    const { Syn, Ack } = TcpFlag;
    return [
      this.#packet('requestor', Syn, NOTHING, 0),
      this.#packet('acceptor', Syn | Ack, NOTHING, 0),
      this.#packet('requestor', Ack, NOTHING, 0),
    ];
  }

  pdu(from: End, bytes: RedactedBytes): Packet[] {
    const { shown } = bytes;
    const flags = TcpFlag.Push | TcpFlag.Ack;
    if (shown.length <= MAX_RECORDED_BYTES) return [this.#packet(from, flags, shown, bytes.length)];
    const whole = Buffer.concat([shown], bytes.length);
    const packets: Packet[] = [];
    for (let start = 0; start < whole.length; start += PART_BYTES) {
      const part = whole.subarray(start, start + PART_BYTES);
      packets.push(this.#packet(from, flags, part, part.length));
    }
    return packets;
  }

  ended(by: End): Packet {
    return this.#packet(by, TcpFlag.Fin | TcpFlag.Ack, NOTHING, 0);
  }

  broken(by: End): Packet {
    return this.#packet(by, TcpFlag.Reset | TcpFlag.Ack, NOTHING, 0);
  }

  /** `shown` is the beginning of a payload of `length` bytes. */
  #packet(from: End, flags: number, shown: Buffer, length: number): Packet {
    const to = from === 'requestor' ? 'acceptor' : 'requestor';
    const tcp = Buffer.alloc(TCP_HEADER_BYTES);
    tcp.writeUInt16BE(this.#endpoints[from].port, 0);
    tcp.writeUInt16BE(this.#endpoints[to].port, 2);
    tcp.writeUInt32BE(this.#sequence[from], 4);
    tcp.writeUInt32BE((flags & TcpFlag.Ack) === 0 ? 0 : this.#sequence[to], 8);
    tcp[12] = (TCP_HEADER_BYTES / 4) << 4;
    tcp[13] = flags;
    tcp.writeUInt16BE(MAX_UINT16, 14);
    const source = this.#addresses[from];
    const destination = this.#addresses[to];
    const tcpBytes = TCP_HEADER_BYTES + length;
    // Bytes that are not recorded are zeros, which change no sum.
    const pseudo = Buffer.alloc(8);
    pseudo.writeUInt32BE(tcpBytes, 0);
    pseudo.writeUInt32BE(TCP_PROTOCOL, 4);
    tcp.writeUInt16BE(checksum([source, destination, pseudo, tcp, shown]), 16);
    const isControl = (flags & (TcpFlag.Syn | TcpFlag.Fin)) !== 0;
    this.#sequence[from] = (this.#sequence[from] + length + (isControl ? 1 : 0)) >>> 0;
    const ip = source.length === 4 ? version4Header : version6Header;
    const header = ip(source, destination, tcpBytes);
    return { recorded: Buffer.concat([header, tcp, shown]), length: header.length + tcpBytes };
  }
}

/** The total length of what is too long for it is 0, as a capture of a network card that segments has it. */
function version4Header(source: Buffer, destination: Buffer, payloadBytes: number): Buffer {
  const header = Buffer.alloc(20);
  const total = header.length + payloadBytes;
  header[0] = 0x45;
  header.writeUInt16BE(total > MAX_UINT16 ? 0 : total, 2);
  header[8] = HOP_LIMIT;
  header[9] = TCP_PROTOCOL;
  source.copy(header, 12);
  destination.copy(header, 16);
  header.writeUInt16BE(checksum([header]), 10);
  return header;
}

function version6Header(source: Buffer, destination: Buffer, payloadBytes: number): Buffer {
  const isJumbo = payloadBytes > MAX_UINT16;
  const header = Buffer.alloc(40 + (isJumbo ? JUMBO_HEADER_BYTES : 0));
  header[0] = 0x60;
  header.writeUInt16BE(isJumbo ? 0 : payloadBytes, 4);
  header[6] = isJumbo ? HOP_BY_HOP : TCP_PROTOCOL;
  header[7] = HOP_LIMIT;
  source.copy(header, 8);
  destination.copy(header, 24);
  if (isJumbo) {
    header[40] = TCP_PROTOCOL;
    header[42] = 0xc2;
    header[43] = 4;
    header.writeUInt32BE(JUMBO_HEADER_BYTES + payloadBytes, 44);
  }
  return header;
}

/** RFC 1071. */
function checksum(parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at]! << 8) | (part[at + 1] ?? 0);
  }
  while (sum > MAX_UINT16) sum = (sum & MAX_UINT16) + Math.floor(sum / 0x10000);
  return ~sum & MAX_UINT16;
}

/** In network order; IPv4 in its mapped form where 16 bytes are wanted (RFC 4291 §2.5.5.2). */
function addressBytes({ family, prefix }: AddressBlock, length: 4 | 16): Buffer {
  const value = family === 4 && length === 16 ? (0xffffn << 32n) | prefix : prefix;
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}

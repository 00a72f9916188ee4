/**
 * The blocks of a pcapng file (draft-ietf-opsawg-pcapng) that a capture has: section, interfaces, packets, statistics.
 * Every block stands for itself, so blocks of several processes can follow each other in any order. Knows no packets.
 */
import type { Packet } from './packets';

const BlockType = {
  Section: 0x0a0d0d0a,
  Interface: 1,
  Statistics: 5,
  Packet: 6,
} as const;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Packets begin with their IP header, of either version. */
const LINKTYPE_RAW = 101;
/** Block type and length before the body, and the length again behind it. */
const BLOCK_OVERHEAD_BYTES = 4 + 4 + 4;

const Option = {
  End: 0,
  Comment: 1,
  Application: 4,
  InterfaceName: 2,
  InterfaceDescription: 3,
  StatisticsReceived: 4,
  StatisticsDropped: 5,
} as const;

export interface SectionFacts {
  readonly application: string;
  readonly comment: string;
}

export function sectionBlock({ application, comment }: SectionFacts): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  body.writeUInt16LE(1, 4);
  // The length of the section is not known.
  body.writeBigInt64LE(-1n, 8);
  return block(BlockType.Section, [
    body,
    option(Option.Comment, comment),
    option(Option.Application, application),
    END_OF_OPTIONS,
  ]);
}

/** The first interface has the number 0, the next one 1. */
export function interfaceBlock(name: string, description: string): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(LINKTYPE_RAW, 0);
  return block(BlockType.Interface, [
    body,
    option(Option.InterfaceName, name),
    option(Option.InterfaceDescription, description),
    END_OF_OPTIONS,
  ]);
}

export function packetBlock(
  interfaceNumber: number,
  timeMs: number,
  { recorded, length }: Packet,
  comment = '',
): Buffer {
  const body = Buffer.alloc(20);
  body.writeUInt32LE(interfaceNumber, 0);
  writeTime(body, 4, timeMs);
  body.writeUInt32LE(recorded.length, 12);
  body.writeUInt32LE(length, 16);
  const options = comment === '' ? [] : [option(Option.Comment, comment), END_OF_OPTIONS];
  return block(BlockType.Packet, [body, padded(recorded), ...options]);
}

/** How many packets there were for this interface, and how many of them are not in the file. */
export function statisticsBlock(
  interfaceNumber: number,
  timeMs: number,
  { received, dropped }: { readonly received: number; readonly dropped: number },
): Buffer {
  const body = Buffer.alloc(12);
  body.writeUInt32LE(interfaceNumber, 0);
  writeTime(body, 4, timeMs);
  const counter = (code: number, value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return option(code, bytes);
  };
  return block(BlockType.Statistics, [
    body,
    counter(Option.StatisticsReceived, received),
    counter(Option.StatisticsDropped, dropped),
    END_OF_OPTIONS,
  ]);
}

/** The whole blocks at the beginning of `bytes`: where each ends, and its interface where it is a packet. */
export function* wholeBlocks(bytes: Buffer): Generator<{ end: number; packetOf: number | undefined }> {
  let offset = 0;
  while (bytes.length - offset >= BLOCK_OVERHEAD_BYTES) {
    const length = bytes.readUInt32LE(offset + 4);
    if (length < BLOCK_OVERHEAD_BYTES || length > bytes.length - offset) return;
    const isPacket = bytes.readUInt32LE(offset) === BlockType.Packet;
    const packetOf = isPacket ? bytes.readUInt32LE(offset + 8) : undefined;
    offset += length;
    yield { end: offset, packetOf };
  }
}

function block(type: number, parts: readonly Buffer[]): Buffer {
  const length = BLOCK_OVERHEAD_BYTES + parts.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(length, 4);
  const trailer = Buffer.alloc(4);
  trailer.writeUInt32LE(length, 0);
  return Buffer.concat([header, ...parts, trailer]);
}

const END_OF_OPTIONS = Buffer.alloc(4);
const MAX_OPTION_BYTES = 8192;

function option(code: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string).subarray(0, MAX_OPTION_BYTES);
  const header = Buffer.alloc(4);
  header.writeUInt16LE(code, 0);
  header.writeUInt16LE(bytes.length, 2);
  return Buffer.concat([header, padded(bytes)]);
}

/** In microseconds, in two halves of which the upper comes first. */
function writeTime(body: Buffer, offset: number, timeMs: number): void {
  const microseconds = BigInt(Math.round(timeMs * 1000));
  body.writeUInt32LE(Number(microseconds >> 32n), offset);
  body.writeUInt32LE(Number(microseconds & 0xffffffffn), offset + 4);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes], Math.ceil(bytes.length / 4) * 4);
}

/**
 * Command sets to bytes, in the one canonical form (PS3.7 §6.3.1): what the gateway sends, never what it received.
 */
import { type CommandSet, commandElements } from './commandSet';

/** Element header, Implicit VR: group (2), element (2), length (4). */
const ELEMENT_HEADER_BYTES = 2 + 2 + 4;
const US_BYTES = 2;
const AT_BYTES = 2 + 2;
/** (0000,0000) with its UL. */
const GROUP_LENGTH_ELEMENT_BYTES = ELEMENT_HEADER_BYTES + 4;

/**
 * Encodes a command set in Implicit VR Little Endian: group length first, elements ascending, even lengths. What
 * decodeCommandSet reads from it is `set` again; what it read from a canonical peer comes out byte for byte.
 */
export function encodeCommandSet(set: CommandSet): Buffer {
  const present = commandElements.filter(({ keyword }) => set[keyword] !== undefined);
  let total = GROUP_LENGTH_ELEMENT_BYTES;
  for (const { keyword } of present) total += ELEMENT_HEADER_BYTES + valueBytes(set[keyword]!);
  // Every byte of it is written below.
  const bytes = Buffer.allocUnsafe(total);
  let offset = writeHeader(bytes, 0, 0x0000, 4);
  offset = bytes.writeUInt32LE(total - GROUP_LENGTH_ELEMENT_BYTES, offset);
  for (const { element, vr, keyword } of present) {
    const value = set[keyword]!;
    offset = writeHeader(bytes, offset, element, valueBytes(value));
    if (typeof value === 'number') {
      offset = bytes.writeUInt16LE(value, offset);
    } else if (typeof value === 'string') {
      offset += bytes.write(value, offset, 'latin1');
      // UIDs are padded with NUL, text with a space (PS3.5 §6.2).
      if (value.length % 2 !== 0) offset = bytes.writeUInt8(vr === 'UI' ? 0x00 : 0x20, offset);
    } else {
      for (const tag of value) {
        offset = bytes.writeUInt16LE(tag >>> 16, offset);
        offset = bytes.writeUInt16LE(tag & 0xffff, offset);
      }
    }
  }
  return bytes;
}

function valueBytes(value: number | string | readonly number[]): number {
  if (typeof value === 'number') return US_BYTES;
  return typeof value === 'string' ? value.length + (value.length % 2) : value.length * AT_BYTES;
}

function writeHeader(bytes: Buffer, offset: number, element: number, length: number): number {
  bytes.writeUInt16LE(0x0000, offset);
  bytes.writeUInt16LE(element, offset + 2);
  return bytes.writeUInt32LE(length, offset + 4);
}

/**
 * Command sets to bytes, in the one canonical form (PS3.7 §6.3.1): what the gateway sends, never what it received.
 */
import { type CommandElement, commandElements } from './commandElements';
import type { CommandSet } from './commandSet';

/** Element header, Implicit VR: group (2), element (2), length (4). */
const ELEMENT_HEADER_BYTES = 2 + 2 + 4;
const US_BYTES = 2;
const AT_BYTES = 2 + 2;
/** (0000,0000) with its UL. */
const GROUP_LENGTH_ELEMENT_BYTES = ELEMENT_HEADER_BYTES + 4;

const NUL = 0x00;
const SPACE = 0x20;

const elementByKeyword: ReadonlyMap<string, CommandElement> = new Map(
  commandElements.map((known) => [known.keyword, known]),
);

/**
 * Encodes a command set in Implicit VR Little Endian: group length first, elements ascending, even lengths. What
 * decodeCommandSet reads from it is `set` again; what it read from a canonical peer comes out byte for byte.
 */
export function encodeCommandSet(set: CommandSet): Buffer {
  const present = elementsOf(set);
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
      // UIDs are padded with NUL, text with a space (PS3.5 §6.2).
      offset = writeText(bytes, offset, value, vr === 'UI' ? NUL : SPACE);
    } else {
      for (const tag of value) {
        offset = bytes.writeUInt16LE(tag >>> 16, offset);
        offset = bytes.writeUInt16LE(tag & 0xffff, offset);
      }
    }
  }
  return bytes;
}

/** Those that the set has, ascending, which they are already where it was decoded. */
function elementsOf(set: CommandSet): readonly CommandElement[] {
  const present: CommandElement[] = [];
  let previous = -1;
  let isAscending = true;
  for (const keyword in set) {
    const known = elementByKeyword.get(keyword);
    if (known === undefined || set[known.keyword] === undefined) continue;
    present.push(known);
    isAscending &&= known.element > previous;
    previous = known.element;
  }
  return isAscending ? present : present.sort((one, other) => one.element - other.element);
}

function valueBytes(value: number | string | readonly number[]): number {
  if (typeof value === 'number') return US_BYTES;
  return typeof value === 'string' ? value.length + (value.length % 2) : value.length * AT_BYTES;
}

/** Values of a command set are too short for a call of Buffer's `write` to be worth it. */
function writeText(bytes: Buffer, start: number, text: string, padding: number): number {
  let offset = start;
  for (let index = 0; index < text.length; index += 1) bytes[offset++] = text.charCodeAt(index);
  if (text.length % 2 !== 0) bytes[offset++] = padding;
  return offset;
}

function writeHeader(bytes: Buffer, offset: number, element: number, length: number): number {
  bytes[offset] = 0x00;
  bytes[offset + 1] = 0x00;
  bytes[offset + 2] = element;
  bytes[offset + 3] = element >>> 8;
  bytes[offset + 4] = length;
  bytes[offset + 5] = length >>> 8;
  bytes[offset + 6] = length >>> 16;
  bytes[offset + 7] = length >>> 24;
  return offset + ELEMENT_HEADER_BYTES;
}

/**
 * Items, the type-length-value pieces of A-ASSOCIATE PDUs (PS3.8 §9.3.1): a cursor that cannot leave its parent, and the
 * pieces that an encoder writes. Knows the form of an item, not its meaning.
 */

import { MAX_UID_LENGTH, PduError } from './types';

/** Item and sub-item types (PS3.8 §9.3.2, §9.3.3; PS3.7 §D.3.3). */
export const ItemType = {
  ApplicationContext: 0x10,
  PresentationContextRq: 0x20,
  PresentationContextAc: 0x21,
  AbstractSyntax: 0x30,
  TransferSyntax: 0x40,
  UserInformation: 0x50,
  MaximumLength: 0x51,
  ImplementationClassUid: 0x52,
  AsynchronousOperationsWindow: 0x53,
  RoleSelection: 0x54,
  ImplementationVersionName: 0x55,
  ExtendedNegotiation: 0x56,
  CommonExtendedNegotiation: 0x57,
  UserIdentityRq: 0x58,
  UserIdentityAc: 0x59,
} as const;

const MAX_ITEM_VALUE_BYTES = 0xffff;

const NUL = 0x00;
const SPACE = 0x20;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

export function malformedAssociate(message: string): PduError {
  return new PduError('pdu-associate-malformed', message);
}

/** Broken bytes cost only what they are in: what `decode` makes of them, or undefined where they do not fit it. */
export function recovered<Value>(decode: () => Value): Value | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof PduError) return undefined;
    throw error;
  }
}

/** Whether two decoded values say the same. Only for what was repeated: it is slow. */
export function isSame(first: unknown, second: unknown): boolean {
  return JSON.stringify(first) === JSON.stringify(second);
}

/** Deviations that are named one by one. With more, the log line says only that there are others. */
const MAX_NOTES = 8;

/**
 * A device that proposes all 128 contexts and gets several things wrong in each has some hundreds. With more, the PDU is
 * malformed: each costs some microseconds, and a megabyte has room for a quarter of a million.
 */
export const MAX_DEVIATIONS = 1000;

/** What was refused, repaired or left out of one A-ASSOCIATE PDU, in words for the log. Names no content. */
export class Deviations {
  readonly notes: string[] = [];
  #count = 0;

  /** Throws PduError where it is one too many. */
  add(note: string): void {
    this.#count += 1;
    if (this.#count > MAX_DEVIATIONS) {
      throw malformedAssociate(`A-ASSOCIATE: more than ${MAX_DEVIATIONS} items are broken or repeated`);
    }
    if (this.notes.length < MAX_NOTES) this.notes.push(note);
    else this.notes[MAX_NOTES] = 'and more of the kind';
  }
}

/**
 * Reads fields and items one after the other, and throws PduError if one would cross the end of its parent. All lengths of
 * an A-ASSOCIATE PDU are judged here, against what is left. A length is never added to an offset first, so that none can
 * wrap or reach into a neighbour.
 */
export class ItemCursor {
  readonly #bytes: Buffer;
  readonly #place: string;
  #offset: number;
  readonly #end: number;
  #valueStart: number;
  #secondByte = 0;

  /** `place` names the parent in errors: "user information", "presentation context". */
  constructor(bytes: Buffer, place: string, offset = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#place = place;
    this.#offset = offset;
    this.#end = end;
    this.#valueStart = offset;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  /**
   * Steps over the next item and returns its type; `value()` then walks its content. To skip an unknown item, do not call
   * `value()`.
   */
  nextItem(): number {
    const type = this.uint8('an item type');
    this.#secondByte = this.uint8('an item header');
    const length = this.uint16('an item length');
    if (length > this.remaining) {
      throw malformedAssociate(
        `${this.#place}: item ${hex(type)} has length ${length}, ${this.remaining} bytes are left`,
      );
    }
    this.#valueStart = this.#skip(length, 'an item value');
    return type;
  }

  /** The value of the item that `nextItem` stepped over. */
  value(place: string): ItemCursor {
    return new ItemCursor(this.#bytes, place, this.#valueStart, this.#offset);
  }

  /** The item's second byte: reserved everywhere but in item 57H, where it is a version. */
  get itemVersion(): number {
    return this.#secondByte;
  }

  uint8(field: string): number {
    return this.#bytes.readUInt8(this.#skip(1, field));
  }

  uint16(field: string): number {
    return this.#bytes.readUInt16BE(this.#skip(2, field));
  }

  uint32(field: string): number {
    return this.#bytes.readUInt32BE(this.#skip(4, field));
  }

  /** A copy, so that the field does not keep the whole PDU in memory. */
  copy(length: number, field: string): Buffer {
    const start = this.#skip(length, field);
    return Buffer.from(this.#bytes.subarray(start, start + length));
  }

  /** A cursor over the next `length` bytes. */
  part(length: number, field: string): ItemCursor {
    const start = this.#skip(length, field);
    return new ItemCursor(this.#bytes, field, start, start + length);
  }

  /** Text, one character per byte, up to its first NUL, as C programs read it, and without spaces at its end. */
  textToNul(length: number, field: string): string {
    const start = this.#skip(length, field);
    let end = start;
    while (end < this.#offset && this.#bytes[end] !== NUL) end++;
    while (end > start && this.#bytes[end - 1] === SPACE) end--;
    return this.#bytes.toString('latin1', start, end);
  }

  /** The same where a longer text than any UID counts as none. */
  tolerantText(length: number): string {
    const text = this.textToNul(length, 'text');
    return text.length > MAX_UID_LENGTH ? '' : text;
  }

  /**
   * A UID; undefined where the field is empty or holds something else. Old peers pad with NULs or spaces to an even
   * length, which PS3.8 §F.1 forbids; leftovers behind a NUL are not read, by DCMTK neither.
   */
  uid(length: number): string | undefined {
    const uid = this.tolerantText(length);
    return uid !== '' && isDigitsAndDots(uid) ? uid : undefined;
  }

  /** The UID that fills the rest of this cursor. */
  wholeUid(): string | undefined {
    return this.uid(this.remaining);
  }

  #skip(length: number, field: string): number {
    if (length > this.remaining) {
      throw malformedAssociate(`${this.#place}: ${field} needs ${length} bytes, ${this.remaining} are left`);
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/**
 * Bytes that are being put together, one character for each (latin1). V8 joins short texts several times faster than Node
 * makes and copies short buffers, and an A-ASSOCIATE PDU has hundreds of pieces.
 */
export type Bytes = string;

/** One item with its header. Throws RangeError if the value is too long for the length field. */
export function encodeItem(type: number, parts: readonly Bytes[], secondByte = 0): Bytes {
  let value = '';
  for (const part of parts) value += part;
  if (value.length > MAX_ITEM_VALUE_BYTES) {
    throw new RangeError(`item ${hex(type)} is ${value.length} bytes; at most ${MAX_ITEM_VALUE_BYTES} fit`);
  }
  return encodeUint8(type) + encodeUint8(secondByte) + encodeUint16(value.length) + value;
}

/** A UID without padding (PS3.8 §F.1). */
export function encodeUid(uid: string, field: string): Bytes {
  if (uid === '' || uid.length > MAX_UID_LENGTH || !isDigitsAndDots(uid)) {
    throw new RangeError(`${field} is not a UID; 1 to ${MAX_UID_LENGTH} digits and dots are accepted`);
  }
  return uid;
}

/** A value behind its own two-byte length. */
export function encodeCounted(value: Bytes): Bytes {
  return encodeUint16(value.length) + value;
}

/** As they came, in the PDU of a peer. */
export function encodeOpaque(bytes: Buffer): Bytes {
  return bytes.toString('latin1');
}

export function encodeUint8(value: number): Bytes {
  return String.fromCharCode(inRange(value, 0xff));
}

export function encodeUint16(value: number): Bytes {
  inRange(value, 0xffff);
  return String.fromCharCode(value >>> 8, value & 0xff);
}

export function encodeUint32(value: number): Bytes {
  inRange(value, 0xffffffff);
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function inRange(value: number, max: number): number {
  if (value >= 0 && value <= max) return value;
  throw new RangeError(`${value} is not a number from 0 to ${max}`);
}

/** Text of one character per byte. Throws RangeError for any other length or character. */
export function encodeText(text: string, maxLength: number, field: string): Bytes {
  if (text.length < 1 || text.length > maxLength) {
    throw new RangeError(`${field} is ${text.length} characters; 1 to ${maxLength} are accepted`);
  }
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0xff) {
      throw new RangeError(`${field} has a character that is not one byte in latin1`);
    }
  }
  return text;
}

/** Components may have leading zeros: old devices send them, and every reader reads them in the same way. */
function isDigitsAndDots(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code !== DOT && (code < ZERO || code > NINE)) {
      return false;
    }
  }
  return true;
}

function hex(byte: number): string {
  return `${byte.toString(16).toUpperCase().padStart(2, '0')}H`;
}

/**
 * The beginning of a data set (PS3.5 §7): walks its elements up to the last one that is wanted, and keeps the values of
 * those. Reads as DCMTK does, and is at fault where two readers could see different elements. Judges no value, and never
 * says one: a fault names elements only.
 */
import { hex } from './commandSetError';
import type { DataSetEncoding } from './transferSyntaxes';

/** So much is read. The wanted elements of real instances are in the first 2 KB, so what has them behind is not waited for. */
export const MAX_START_BYTES = 64 * 1024;
/** Sequences and items inside each other; real ones have fewer than ten in front of the pixels. */
const MAX_NESTING = 64;

export const SPECIFIC_CHARACTER_SET = 0x0008_0005;
export const SOP_CLASS_UID = 0x0008_0016;
export const SOP_INSTANCE_UID = 0x0008_0018;

const UNDEFINED_LENGTH = 0xffffffff;
const DELIMITER_GROUP = 0xfffe;
const ITEM = 0xe000;
const ITEM_END = 0xe00d;
const SEQUENCE_END = 0xe0dd;
/** A tag and a length. */
const SHORT_HEADER_BYTES = 8;
/** A tag, a value representation, two reserved bytes and a length. */
const LONG_HEADER_BYTES = 12;

/** PS3.5 Table 7.1-2. Others end the reading: toolkits differ on how long the length of an unknown one is. */
const shortRepresentations = 'AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split(' ');
const longRepresentations = 'OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' ');
/** Keyed by the two characters as one big endian number. */
const representations: ReadonlyMap<number, { readonly name: string; readonly headerBytes: number }> = new Map(
  [
    ...shortRepresentations.map((name) => representationEntry(name, SHORT_HEADER_BYTES)),
    ...longRepresentations.map((name) => representationEntry(name, LONG_HEADER_BYTES)),
  ],
);
const NO_REPRESENTATION = { name: '', headerBytes: SHORT_HEADER_BYTES };

function representationEntry(name: string, headerBytes: number) {
  return [Buffer.from(name).readUInt16BE(), { name, headerBytes }] as const;
}

/** Implicit encodings are little endian. */
const ITEM_TAG = Buffer.from([0xfe, 0xff, 0x00, 0xe0]);
const BEHIND_BOUND = `what is looked for is not in the first ${MAX_START_BYTES} bytes`;

/** Tags are (group << 16) + element. */
export interface WantedElements {
  readonly tags: ReadonlySet<number>;
  /** Where these are missing, they are looked for as far as the reading goes. */
  readonly required: readonly number[];
  /** The highest one: what comes behind it is not read. */
  readonly last: number;
}

export interface ElementValue {
  /** Empty where the encoding has none. */
  readonly representation: string;
  /** One character for each byte, with padding; left out of sequences. */
  readonly bytes?: string;
}

/** `more`: bytes are missing. `unreadable`: `fault` says why. */
export type Reading = 'more' | 'read' | 'unreadable';

export interface DataSetReader {
  /** `bytes` is everything that has come, and `isWhole` says that no more comes. Costs nothing for what it has seen. */
  read(bytes: Buffer, isWhole: boolean): Reading;
  /** Of an element at the top level; undefined where it is missing. */
  value(tag: number): ElementValue | undefined;
  readonly fault: string;
  /** What is odd, and read alike by everybody. */
  readonly oddities: readonly string[];
  /** An element came behind one with a higher tag. */
  readonly isDisordered: boolean;
  /** Whether some reader could find a required element here. False: the bytes of no such tag are in it. */
  couldHold(bytes: Buffer): boolean;
}

/** A sequence or an item that is being read. */
interface Nesting {
  readonly isItem: boolean;
  readonly hasLength: boolean;
  /** Where it ends, or where the one around it does. */
  readonly limit: number;
  readonly isExplicit: boolean;
  readonly isBigEndian: boolean;
}

export class DataSetStart implements DataSetReader {
  readonly #wanted: WantedElements;
  readonly #values = new Map<number, ElementValue>();
  /** The data set itself is the outermost. */
  readonly #nestings: Nesting[];
  /** The next tag begins here. */
  #at = 0;
  #lastTag = -1;
  #isDone = false;
  isDisordered = false;
  #hasOddLength = false;
  fault = '';

  constructor({ isExplicit, isBigEndian }: Omit<DataSetEncoding, 'isDeflated'>, wanted: WantedElements) {
    this.#wanted = wanted;
    this.#nestings = [
      { isItem: true, hasLength: false, limit: Number.POSITIVE_INFINITY, isExplicit, isBigEndian },
    ];
  }

  value(tag: number): ElementValue | undefined {
    return this.#values.get(tag);
  }

  get oddities(): readonly string[] {
    return [
      ...(this.isDisordered ? ['elements of the data set are out of order'] : []),
      ...(this.#hasOddLength ? ['an element of the data set has an odd length'] : []),
    ];
  }

  couldHold(bytes: Buffer): boolean {
    return this.#wanted.required.some((tag) => tagBytes(tag).some((encoded) => bytes.includes(encoded)));
  }

  read(bytes: Buffer, isWhole: boolean): Reading {
    const end = Math.min(bytes.length, MAX_START_BYTES);
    while (this.fault === '') {
      if (this.#isDone) return 'read';
      if (this.#step(bytes, end)) continue;
      // A value that goes on behind the bound does not have to come first.
      if (bytes.length > MAX_START_BYTES || this.#at >= MAX_START_BYTES) this.#fail(BEHIND_BOUND);
      else if (isWhole) this.#endOfDataSet(end);
      else if (end === MAX_START_BYTES) this.#fail(BEHIND_BOUND);
      else return 'more';
    }
    return 'unreadable';
  }

  /** Up to three bytes more are padding, which every reader leaves alone. */
  #endOfDataSet(end: number): void {
    const rest = end - this.#at;
    if (this.#nestings.length === 1 && rest >= 0 && rest < 4) this.#isDone = true;
    else this.#fail('the data set ends inside an element');
  }

  /** False where bytes are missing. */
  #step(bytes: Buffer, end: number): boolean {
    const nesting = this.#innermost();
    const at = this.#at;
    if (end - at < 4) return false;
    const group = uint16(bytes, at, nesting.isBigEndian);
    const element = uint16(bytes, at + 2, nesting.isBigEndian);
    const isTop = this.#nestings.length === 1;
    const tag = group * 0x10000 + element;
    if (isTop && tag > this.#wanted.last && this.#hasRequired) {
      this.#isDone = true;
      return true;
    }
    if (end - at < SHORT_HEADER_BYTES) return false;
    if (at + SHORT_HEADER_BYTES > nesting.limit)
      return this.#fail('lengths of a sequence contradict each other');
    if (group === DELIMITER_GROUP) return this.#delimiter(element, bytes, nesting);
    if (!nesting.isItem) return this.#fail(`${tagText(tag)} is between the items of a sequence`);
    return this.#element(tag, bytes, end, nesting);
  }

  /** Leaves what has ended here by its length. */
  #innermost(): Nesting {
    let nesting = this.#nestings.at(-1)!;
    while (nesting.hasLength && nesting.limit === this.#at) {
      this.#nestings.pop();
      nesting = this.#nestings.at(-1)!;
    }
    return nesting;
  }

  /** Items and the ends of items and sequences have no value representation in any encoding. */
  #delimiter(element: number, bytes: Buffer, nesting: Nesting): boolean {
    const length = uint32(bytes, this.#at + 4, nesting.isBigEndian);
    const isInside = this.#nestings.length > 1;
    const start = this.#at + SHORT_HEADER_BYTES;
    if (element === ITEM && !nesting.isItem) return this.#enter(true, start, length, nesting);
    const ends = nesting.isItem ? ITEM_END : SEQUENCE_END;
    if (element !== ends || !isInside || nesting.hasLength || length !== 0) {
      return this.#fail(`${tagText(DELIMITER_GROUP * 0x10000 + element)} is where it cannot be`);
    }
    this.#nestings.pop();
    this.#at = start;
    return true;
  }

  #element(tag: number, bytes: Buffer, end: number, nesting: Nesting): boolean {
    const { isExplicit, isBigEndian } = nesting;
    const at = this.#at;
    const found = isExplicit ? representations.get(bytes.readUInt16BE(at + 4)) : NO_REPRESENTATION;
    if (found === undefined) return this.#fail(`${tagText(tag)} has no value representation of PS3.5`);
    const { name: representation, headerBytes } = found;
    if (end - at < headerBytes) return false;
    const start = at + headerBytes;
    const hasShortLength = isExplicit && headerBytes === SHORT_HEADER_BYTES;
    if (headerBytes === LONG_HEADER_BYTES && uint16(bytes, at + 6, isBigEndian) !== 0) {
      return this.#fail(`${tagText(tag)} has reserved bytes that are not zero`);
    }
    const length = hasShortLength
      ? uint16(bytes, at + 6, isBigEndian)
      : uint32(bytes, start - 4, isBigEndian);
    const isOpen = length === UNDEFINED_LENGTH && !hasShortLength;
    if (!isOpen && start + length > nesting.limit) {
      return this.#fail(`${tagText(tag)} is longer than what it is in`);
    }
    let isSequence = isOpen || representation === 'SQ';
    if (!isExplicit && !isOpen && length >= SHORT_HEADER_BYTES) {
      // What begins with an item is a sequence for readers whose dictionary says so, so its lengths must fit together.
      if (end - start < ITEM_TAG.length) return false;
      isSequence = ITEM_TAG.equals(bytes.subarray(start, start + ITEM_TAG.length));
    }
    if (this.#nestings.length === 1) {
      const isWanted = this.#wanted.tags.has(tag);
      if (isWanted && !isSequence && start + length > end) {
        return start + length > MAX_START_BYTES && this.#fail(BEHIND_BOUND);
      }
      if (this.#values.has(tag)) return this.#fail(`${tagText(tag)} is there twice`);
      if (tag <= this.#lastTag) this.isDisordered = true;
      this.#lastTag = tag;
      if (isWanted) {
        const value =
          isSequence && length > 0 ? {} : { bytes: bytes.toString('latin1', start, start + length) };
        this.#values.set(tag, { representation, ...value });
      }
    }
    if (isSequence) return this.#sequence(tag, representation, start, length, nesting);
    if (length % 2 !== 0) this.#hasOddLength = true;
    this.#at = start + length;
    return true;
  }

  /** One without a length ends with a delimiter. As UN, its items are implicit little endian (PS3.5 §6.2.2). */
  #sequence(tag: number, representation: string, start: number, length: number, nesting: Nesting): boolean {
    const isOpen = length === UNDEFINED_LENGTH;
    if (isOpen && representation !== 'SQ' && representation !== 'UN' && representation !== '') {
      return this.#fail(`${tagText(tag)} has no length`);
    }
    const encoding = representation === 'UN' ? { isExplicit: false, isBigEndian: false } : nesting;
    return this.#enter(false, start, length, { ...nesting, ...encoding });
  }

  #enter(isItem: boolean, start: number, length: number, around: Nesting): boolean {
    const hasLength = length !== UNDEFINED_LENGTH;
    const { isExplicit, isBigEndian } = around;
    if (hasLength && start + length > around.limit)
      return this.#fail('lengths of a sequence contradict each other');
    if (this.#nestings.length > MAX_NESTING) return this.#fail('sequences are nested too deep');
    const limit = hasLength ? start + length : around.limit;
    this.#nestings.push({ isItem, hasLength, limit, isExplicit, isBigEndian });
    this.#at = start;
    return true;
  }

  get #hasRequired(): boolean {
    return this.#wanted.required.every((tag) => this.#values.has(tag));
  }

  #fail(fault: string): true {
    this.fault = fault;
    return true;
  }
}

/** `(0008,0016)`. */
export function tagText(tag: number): string {
  return `(${hex(tag >>> 16)},${hex(tag & 0xffff)})`;
}

/** In both byte orders. */
function tagBytes(tag: number): Buffer[] {
  const littleEndian = Buffer.alloc(4);
  littleEndian.writeUInt16LE(tag >>> 16, 0);
  littleEndian.writeUInt16LE(tag & 0xffff, 2);
  return [littleEndian, Buffer.from(littleEndian).swap16()];
}

function uint16(bytes: Buffer, at: number, isBigEndian: boolean): number {
  return isBigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
}

function uint32(bytes: Buffer, at: number, isBigEndian: boolean): number {
  return isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
}

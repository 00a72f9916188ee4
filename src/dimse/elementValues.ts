/**
 * Values of command elements by value representation (PS3.5 §6.2), from bytes. Each decoder reads bytes[start, end)
 * and returns undefined where they are not a value of its VR. Knows no elements and no messages.
 */

import { MAX_UID_LENGTH } from '../pdu/types';

const US_BYTES = 2;
const AT_BYTES = 2 + 2;
/** VR AE. */
const MAX_AE_TITLE_LENGTH = 16;
/** VR LO. */
export const MAX_LO_LENGTH = 64;

const NUL = 0x00;
const SPACE = 0x20;
const FULL_STOP = 0x2e;
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

export function decodeUs(bytes: Buffer, start: number, end: number): number | undefined {
  return end - start === US_BYTES ? bytes.readUInt16LE(start) : undefined;
}

/** Tags as (group << 16) + element, unsigned. */
export function decodeAt(bytes: Buffer, start: number, end: number): number[] | undefined {
  if ((end - start) % AT_BYTES !== 0) return undefined;
  const tags: number[] = [];
  for (let at = start; at < end; at += AT_BYTES) {
    tags.push(bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2));
  }
  return tags;
}

/**
 * Whether this is a UID: numbers joined by full stops. Nothing that passes can climb a directory or be empty, for
 * archives make file names of UIDs. Leading zeros, which PS3.5 §9.1 forbids, are let pass: old instances have them.
 */
export function isUid(text: string): boolean {
  return text.length <= MAX_UID_LENGTH && /^\d+(\.\d+)*$/.test(text);
}

/** Digits and full stops, at most 64, perhaps none; padding is NUL, or space from old peers. */
export function decodeUi(bytes: Buffer, start: number, end: number): string | undefined {
  const last = withoutPadding(bytes, start, end);
  if (last - start > MAX_UID_LENGTH) return undefined;
  for (let at = start; at < last; at++) {
    const character = bytes[at]!;
    if ((character < DIGIT_ZERO || character > DIGIT_NINE) && character !== FULL_STOP) return undefined;
  }
  return bytes.toString('latin1', start, last);
}

/**
 * 1 to 64 printable ASCII characters, as they came, perhaps none. For UIDs that only the archive looks at: old devices
 * make instance UIDs with letters, or with a full stop at the end, and archives store them.
 */
export function decodeUnjudgedUi(bytes: Buffer, start: number, end: number): string | undefined {
  const last = withoutPadding(bytes, start, end);
  if (last - start > MAX_UID_LENGTH) return undefined;
  for (let at = start; at < last; at++) {
    const character = bytes[at]!;
    if (character < SPACE || character >= DELETE) return undefined;
  }
  return bytes.toString('latin1', start, last);
}

/**
 * At most 16 characters without the spaces around them, perhaps none. Only what every parser takes as one title:
 * printable ASCII, and no backslash, which separates values, so that no archive reads half of what policy saw.
 */
export function decodeAe(bytes: Buffer, start: number, end: number): string | undefined {
  const last = withoutPadding(bytes, start, end);
  let first = start;
  while (first < last && bytes[first] === SPACE) first++;
  if (last - first > MAX_AE_TITLE_LENGTH) return undefined;
  for (let at = first; at < last; at++) {
    const character = bytes[at]!;
    if (character < SPACE || character >= DELETE || character === BACKSLASH) return undefined;
  }
  return bytes.toString('latin1', first, last);
}

/**
 * One character per byte (latin1), perhaps none. No decision rests on an LO, and archives put the text of their
 * exceptions there: what is too long is cut at 64 characters and control characters become spaces, instead of
 * an archive's failure ending the association.
 */
export function decodeLo(bytes: Buffer, start: number, end: number): string {
  const last = withoutPadding(bytes, start, Math.min(end, start + MAX_LO_LENGTH));
  return bytes
    .toString('latin1', start, last)
    .replace(/\p{Cc}/gu, ' ')
    .replace(/ +$/, '');
}

/** Where the value ends once trailing spaces and NULs are gone. */
function withoutPadding(bytes: Buffer, start: number, end: number): number {
  let last = end;
  while (last > start && (bytes[last - 1] === NUL || bytes[last - 1] === SPACE)) last--;
  return last;
}

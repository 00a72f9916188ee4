/**
 * The value of a data element as texts, as readers of the archive's side could take it: split into values, without
 * padding, in its character set (PS3.5 §6.1 and §6.2). Where readers could see different texts, all of them.
 */
import type { ElementValue } from './dataSetStart';

/** Of another character set than ASCII, where (0008,0005) says so. */
const withCharacterSet = new Set('LO LT PN SH ST UC UT'.split(' '));
const textRepresentations = new Set('AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT'.split(' '));
/** A backslash is a character of them. */
const singleValued = new Set('LT ST UR UT'.split(' '));
const numbers = new Set(['DS', 'IS', 'US']);

/** Names of `TextDecoder` by the defined terms of PS3.3 §C.12.1.1.2 that one byte, or one scheme, is enough for. */
const decoderByTerm: ReadonlyMap<string, string> = new Map([
  ['ISO_IR 101', 'iso-8859-2'],
  ['ISO_IR 109', 'iso-8859-3'],
  ['ISO_IR 110', 'iso-8859-4'],
  ['ISO_IR 126', 'iso-8859-7'],
  ['ISO_IR 127', 'iso-8859-6'],
  ['ISO_IR 138', 'iso-8859-8'],
  ['ISO_IR 144', 'iso-8859-5'],
  ['ISO_IR 148', 'iso-8859-9'],
  ['ISO_IR 166', 'windows-874'],
  ['ISO_IR 192', 'utf-8'],
  ['ISO_IR 203', 'iso-8859-15'],
  ['GB18030', 'gb18030'],
  ['GBK', 'gbk'],
]);

/** `unclear`: why nobody can say what it is. */
export type ElementTexts =
  /** Each is one way to read all values. */
  { readonly readings: readonly (readonly string[])[] } | { readonly unclear: string };

/** `known` is the value representation that the element has in PS3.6, `characterSet` the value of (0008,0005). */
export function elementTexts(
  value: ElementValue,
  known: string | undefined,
  characterSet: ElementValue | undefined,
  isBigEndian: boolean,
): ElementTexts {
  const { representation, bytes } = value;
  const isUnsaid = representation === '' || representation === 'UN';
  if (bytes === undefined) return { unclear: 'is a sequence' };
  if (known !== undefined && !isUnsaid && representation !== known) return { unclear: `is not ${known}` };
  const read = known ?? (isUnsaid ? 'LO' : representation);
  if (read === 'US') return unsignedShorts(bytes, isBigEndian);
  if (!textRepresentations.has(read)) return { unclear: `is ${read}, which is not text` };
  const decoded = withCharacterSet.has(read) ? decode(bytes, characterSet) : [bytes];
  if (decoded.length === 0) return { unclear: 'has characters that the gateway cannot read' };
  const readings = decoded.map((text) =>
    (singleValued.has(read) ? [text] : text.split('\\')).map((one) => canonicalText(read, one)),
  );
  // Some readers end at a NUL.
  if (readings.flat().some((text) => text.includes('\0'))) return { unclear: 'has a NUL inside' };
  return { readings };
}

export function isNumber(representation: string | undefined): boolean {
  return representation !== undefined && numbers.has(representation);
}

/** A text as it is compared: what PS3.5 §6.2 says to be no part of it is gone. */
export function canonicalText(representation: string, text: string): string {
  const trimmed = trim(text, singleValued.has(representation) ? '' : ' ', '\0 ');
  // Null components and groups at the end may be left out.
  if (representation === 'PN') return trim(trimmed, '', '^= ');
  const number = isNumber(representation) && trimmed !== '' ? Number(trimmed) : Number.NaN;
  return Number.isFinite(number) ? String(number) : trimmed;
}

/** By hand: a regular expression takes seconds for 64 KB of spaces. */
export function trim(text: string, atStart: string, atEnd: string): string {
  let start = 0;
  let end = text.length;
  while (end > start && atEnd.includes(text[end - 1]!)) end -= 1;
  while (start < end && atStart.includes(text[start]!)) start += 1;
  return text.slice(start, end);
}

/** Every text that it could be; none where nothing here reads it. */
function decode(bytes: string, characterSet: ElementValue | undefined): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ISO 2022 changes the meaning of ASCII with ESC.
  if (/^[\x00-\x1a\x1c-\x7f]*$/.test(bytes)) return [bytes];
  if (bytes.includes('\x1b')) return [];
  const term = trim(characterSet?.bytes?.split('\\', 1)[0] ?? '', ' ', '\0 ').replace(
    'ISO 2022 IR',
    'ISO_IR',
  );
  if (term === 'ISO_IR 100') return [bytes];
  const named = decoderByTerm.get(term);
  if (named !== undefined) return decodeAs(named, bytes);
  // Without a character set, archives take it for Latin-1 or for UTF-8.
  return term === '' || term === 'ISO_IR 6' ? [bytes, ...decodeAs('utf-8', bytes)] : [];
}

function decodeAs(encoding: string, bytes: string): readonly string[] {
  try {
    return [new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'))];
  } catch {
    return [];
  }
}

function unsignedShorts(bytes: string, isBigEndian: boolean): ElementTexts {
  if (bytes.length % 2 !== 0) return { unclear: 'has an odd length' };
  const buffer = Buffer.from(bytes, 'latin1');
  const values = Array.from({ length: buffer.length / 2 }, (_, index) =>
    String(isBigEndian ? buffer.readUInt16BE(2 * index) : buffer.readUInt16LE(2 * index)),
  );
  return { readings: [values] };
}

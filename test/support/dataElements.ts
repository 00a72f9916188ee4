/**
 * Encodes data elements (PS3.5 §7.1) for the data sets of tests, in each of the standard's encodings. Decodes
 * nothing, and refuses nothing. Independent of src/.
 */
import { TransferSyntax } from './uids';

export interface Encoding {
  readonly isExplicit: boolean;
  readonly isBigEndian: boolean;
  /** Pixel data comes in fragments. */
  readonly isEncapsulated: boolean;
}

/** Of the data set before compression, where the transfer syntax is the deflated one. */
export function encodingOf(transferSyntaxUid: string): Encoding {
  const native: readonly string[] = [
    TransferSyntax.ImplicitVrLittleEndian,
    TransferSyntax.ExplicitVrLittleEndian,
    TransferSyntax.DeflatedExplicitVrLittleEndian,
    TransferSyntax.ExplicitVrBigEndian,
  ];
  return {
    isExplicit: transferSyntaxUid !== TransferSyntax.ImplicitVrLittleEndian,
    isBigEndian: transferSyntaxUid === TransferSyntax.ExplicitVrBigEndian,
    isEncapsulated: !native.includes(transferSyntaxUid),
  };
}

export const explicitLittleEndian: Encoding = encodingOf(TransferSyntax.ExplicitVrLittleEndian);

export const UNDEFINED_LENGTH = 0xffffffff;

/** Whether the explicit encodings have a 32-bit length for this value representation (PS3.5 Table 7.1-1). */
export function hasLongLength(representation: string): boolean {
  return ['OB', 'OW', 'OF', 'OD', 'OL', 'SQ', 'UN', 'UC', 'UR', 'UT'].includes(representation);
}

export function encodeElement(
  { isExplicit, isBigEndian }: Encoding,
  group: number,
  element: number,
  representation: string,
  value: Buffer,
  length = value.length,
): Buffer {
  const isLong = !isExplicit || hasLongLength(representation);
  const header = Buffer.alloc(isExplicit && isLong ? 12 : 8);
  writeUnsigned(header, isBigEndian, 2, group, 0);
  writeUnsigned(header, isBigEndian, 2, element, 2);
  if (isExplicit) header.write(representation, 4, 'latin1');
  if (isLong) writeUnsigned(header, isBigEndian, 4, length, header.length - 4);
  else writeUnsigned(header, isBigEndian, 2, length, 6);
  return Buffer.concat([header, value]);
}

export const ItemElement = { Item: 0xe000, ItemDelimitation: 0xe00d, SequenceDelimitation: 0xe0dd } as const;

/** Item, item delimitation and sequence delimitation (group FFFE): no value representation in any encoding. */
export function itemMarker({ isBigEndian }: Encoding, element: number, length: number): Buffer {
  const header = Buffer.alloc(8);
  writeUnsigned(header, isBigEndian, 2, 0xfffe, 0);
  writeUnsigned(header, isBigEndian, 2, element, 2);
  writeUnsigned(header, isBigEndian, 4, length, 4);
  return header;
}

export function unsignedShort({ isBigEndian }: Encoding, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  writeUnsigned(bytes, isBigEndian, 2, value, 0);
  return bytes;
}

export function uidValue(uid: string): Buffer {
  return padded(Buffer.from(uid, 'latin1'), 0x00);
}

export function textValue(text: string): Buffer {
  return padded(Buffer.from(text, 'latin1'), 0x20);
}

/** Every value, and every data set, has an even number of bytes (PS3.5 §7.1.1). */
export function padded(bytes: Buffer, padding: number): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([padding])]);
}

function writeUnsigned(into: Buffer, isBigEndian: boolean, size: 2 | 4, value: number, offset: number): void {
  if (isBigEndian) into.writeUIntBE(value, offset, size);
  else into.writeUIntLE(value, offset, size);
}

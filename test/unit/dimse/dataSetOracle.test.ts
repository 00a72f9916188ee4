/** The reader of the beginning beside dcmjs, which reads whole data sets: both must see the same elements. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { data } from 'dcmjs';
import fc from 'fast-check';
import { SOP_CLASS_UID, SOP_INSTANCE_UID } from '../../../src/dimse/dataSetStart';
import { dataSetReader } from '../../../src/dimse/deflatedStart';
import {
  type Encoding,
  encodeElement,
  encodingOf,
  ItemElement,
  itemMarker,
  textValue,
  UNDEFINED_LENGTH,
  uidValue,
} from '../../support/dataElements';
import { TransferSyntax } from '../../support/uids';

const { ImplicitVrLittleEndian, ExplicitVrLittleEndian, ExplicitVrBigEndian } = TransferSyntax;
const DEFLATED = TransferSyntax.DeflatedExplicitVrLittleEndian;
const MODALITY = 0x0008_0060;
const looked = [SOP_CLASS_UID, SOP_INSTANCE_UID, MODALITY];
const wanted = { tags: new Set(looked), required: [SOP_CLASS_UID, SOP_INSTANCE_UID], last: MODALITY };

/** Writes itself in an encoding. */
type Piece = (encoding: Encoding) => Buffer;

function pieceOf(tag: number, vr: string, value: Buffer): Piece {
  return (encoding) => encodeElement(encoding, tag >>> 16, tag & 0xffff, vr, value);
}

function uidElement(tag: number) {
  return uid.map((text) => pieceOf(tag, 'UI', uidValue(text)));
}

const uid = fc.stringMatching(/^[1-9][0-9]{0,3}(\.[1-9][0-9]{0,3}){2,10}$/);
const modality = fc
  .constantFrom('CT', 'SR', 'OT', 'US')
  .map((text) => pieceOf(MODALITY, 'CS', textValue(text)));

/** None of them is one of those above. */
const otherTag = fc.constantFrom(
  0x0008_0070,
  0x0008_0008,
  0x0008_0012,
  0x0008_0020,
  0x0008_0050,
  0x0008_0064,
);
const text = fc.tuple(otherTag, fc.stringMatching(/^[A-Z0-9 ]{0,40}$/));
const other = text.map(([tag, value]): [number, Piece] => [tag, pieceOf(tag, 'LO', textValue(value))]);

/** With the very elements that are looked for inside. */
const sequence = fc
  .tuple(
    fc.constantFrom(0x0008_0006, 0x0008_0051, 0x0008_0096),
    fc.array(
      fc.tuple(fc.array(fc.oneof(uidElement(SOP_CLASS_UID), modality), { maxLength: 2 }), fc.boolean()),
      {
        maxLength: 3,
      },
    ),
    fc.boolean(),
  )
  .map(([tag, items, hasLength]): [number, Piece] => [
    tag,
    (encoding) => {
      const content = Buffer.concat(
        items.map(([pieces, isItemClosed]) => {
          const inside = Buffer.concat(pieces.map((piece) => piece(encoding)));
          return isItemClosed
            ? Buffer.concat([itemMarker(encoding, ItemElement.Item, inside.length), inside])
            : Buffer.concat([
                itemMarker(encoding, ItemElement.Item, UNDEFINED_LENGTH),
                inside,
                itemMarker(encoding, ItemElement.ItemDelimitation, 0),
              ]);
        }),
      );
      const value = hasLength
        ? content
        : Buffer.concat([content, itemMarker(encoding, ItemElement.SequenceDelimitation, 0)]);
      const length = hasLength ? content.length : UNDEFINED_LENGTH;
      return encodeElement(encoding, tag >>> 16, tag & 0xffff, 'SQ', value, length);
    },
  ]);

const dataSet = fc
  .tuple(
    uidElement(SOP_CLASS_UID),
    uidElement(SOP_INSTANCE_UID),
    fc.option(modality, { nil: undefined }),
    fc.uniqueArray(fc.oneof(other, sequence), { selector: ([tag]) => tag, maxLength: 7 }),
    fc.integer({ min: 0, max: 300 }),
  )
  .map(([sopClass, instance, its, others, comment]) => {
    const elements: [number, Piece][] = [
      [SOP_CLASS_UID, sopClass],
      [SOP_INSTANCE_UID, instance],
      ...(its === undefined ? [] : [[MODALITY, its] satisfies [number, Piece]]),
      ...others,
      [0x0010_4000, pieceOf(0x0010_4000, 'LT', Buffer.alloc(2 * comment, 0x55))],
    ];
    const sorted = elements.sort(([one], [next]) => one - next);
    return (encoding: Encoding) => Buffer.concat(sorted.map(([, piece]) => piece(encoding)));
  });

function seenByDcmjs(bytes: Buffer, syntax: string): (string | undefined)[] {
  const copy = new Uint8Array(bytes).buffer;
  const stream = new data.ReadBufferStream(copy, syntax !== ExplicitVrBigEndian, { noCopy: false });
  const elements = data.DicomMessage._read(stream, syntax, { ignoreErrors: false });
  return looked.map((tag) => {
    const value = elements[tag.toString(16).padStart(8, '0').toUpperCase()]?.Value[0];
    return value === undefined ? undefined : String(value);
  });
}

function seenByReader(bytes: Buffer, syntax: string, pieceBytes: number): (string | undefined)[] {
  const reader = dataSetReader(syntax, wanted);
  let reading = 'more';
  for (let end = pieceBytes; reading === 'more'; end += pieceBytes) {
    reading = reader.read(bytes.subarray(0, end), end >= bytes.length);
  }
  expect([reading, reader.fault]).toEqual(['read', '']);
  return looked.map((tag) => reader.value(tag)?.bytes?.replace(/[\0 ]+$/, ''));
}

describe.each([ImplicitVrLittleEndian, ExplicitVrLittleEndian, ExplicitVrBigEndian, DEFLATED])(
  'the elements of a data set in %s',
  (syntax) => {
    it('are those that dcmjs sees, in pieces of any length', () => {
      fc.assert(
        fc.property(dataSet, fc.integer({ min: 1, max: 400 }), (build, pieceBytes) => {
          const plain = build(encodingOf(syntax));
          const bytes = syntax === DEFLATED ? deflateRawSync(plain) : plain;
          const readAs = syntax === DEFLATED ? ExplicitVrLittleEndian : syntax;
          expect(seenByReader(bytes, syntax, pieceBytes)).toEqual(seenByDcmjs(plain, readAs));
        }),
        { numRuns: 300 },
      );
    });
  },
);

/**
 * Instances that are built byte by byte, so that tests need no files: every transfer syntax of uids.ts, several
 * SOP classes, private elements and a sequence in each.
 */
import { deflateRawSync } from 'node:zlib';
import {
  type Encoding,
  encodeElement,
  encodingOf,
  ItemElement,
  itemMarker,
  padded,
  textValue,
  UNDEFINED_LENGTH,
  uidValue,
  unsignedShort,
} from './dataElements';
import type { Instance } from './dicomFiles';
import { sha256 } from './dicomReading';
import { SopClass, TransferSyntax } from './uids';

/** What must never appear in a log: names and IDs of every synthetic instance hold this word. */
export const PATIENT_CANARY = 'CANARYPATIENT';

// The root of UIDs that stand for nothing real; time and counter make every instance another one.
const UID_ROOT = '1.2.826.0.1.3680043.9.9999';
let instanceCounter = 0;

/** One instance for each transfer syntax. */
export function syntheticInstances(): Instance[] {
  return [
    syntheticInstance('ct-implicit', SopClass.CTImageStorage, TransferSyntax.ImplicitVrLittleEndian),
    syntheticInstance('ct-explicit', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian),
    syntheticInstance('mr-big-endian', SopClass.MRImageStorage, TransferSyntax.ExplicitVrBigEndian),
    syntheticInstance(
      'sr-deflated',
      SopClass.BasicTextSRStorage,
      TransferSyntax.DeflatedExplicitVrLittleEndian,
    ),
    syntheticInstance('sc-jpeg', SopClass.SecondaryCaptureImageStorage, TransferSyntax.JpegBaseline),
    syntheticInstance('cr-jpeg-ls', SopClass.ComputedRadiographyImageStorage, TransferSyntax.JpegLsLossless),
    syntheticInstance('ct-jpeg-2000', SopClass.CTImageStorage, TransferSyntax.Jpeg2000Lossless),
    syntheticInstance('ct-htj2k', SopClass.CTImageStorage, TransferSyntax.HighThroughputJpeg2000Lossless),
    syntheticInstance('mr-rle', SopClass.MRImageStorage, TransferSyntax.RleLossless),
  ];
}

interface SyntheticOptions {
  /** Bytes of pixel data, even; compressed ones are a single fragment that no codec can read. Default 512. */
  readonly pixelBytes?: number;
  /** Default: one that no other instance has. */
  readonly sopInstanceUid?: string;
  /**
   * true: the sequence and its item have undefined lengths. Default false, because DCMTK, and Orthanc with it,
   * stores defined ones whatever came.
   */
  readonly hasUndefinedLengths?: boolean;
}

function freshUid(): string {
  instanceCounter += 1;
  return `${UID_ROOT}.2.${process.pid}.${Date.now()}.${instanceCounter}`;
}

export function syntheticInstance(
  name: string,
  sopClassUid: string,
  transferSyntaxUid: string,
  { pixelBytes = 512, hasUndefinedLengths = false, sopInstanceUid = freshUid() }: SyntheticOptions = {},
): Instance {
  const encoding = encodingOf(transferSyntaxUid);
  const elements = Buffer.concat([
    ...identifyingElements(encoding, sopClassUid, sopInstanceUid),
    ...privateElements(encoding, hasUndefinedLengths),
    ...patientElements(encoding),
    ...imageElements(encoding, pixelBytes),
  ]);
  const isDeflated = transferSyntaxUid === TransferSyntax.DeflatedExplicitVrLittleEndian;
  const dataSet = isDeflated ? padded(deflateRawSync(elements), 0) : elements;
  return { name, sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet, sha256: sha256(dataSet) };
}

function identifyingElements(encoding: Encoding, sopClass: string, sopInstance: string): Buffer[] {
  return [
    encodeElement(encoding, 0x0008, 0x0016, 'UI', uidValue(sopClass)),
    encodeElement(encoding, 0x0008, 0x0018, 'UI', uidValue(sopInstance)),
    encodeElement(encoding, 0x0008, 0x0060, 'CS', textValue('OT')),
  ];
}

function privateElements(encoding: Encoding, hasUndefinedLengths: boolean): Buffer[] {
  const creator = encodeElement(encoding, 0x0009, 0x0010, 'LO', textValue('AEGIS TEST'));
  const itemElements = Buffer.concat([
    creator,
    encodeElement(encoding, 0x0009, 0x1001, 'UN', Buffer.from([0xde, 0xad, 0xbe, 0xef])),
  ]);
  const sequence = hasUndefinedLengths
    ? Buffer.concat([
        itemMarker(encoding, ItemElement.Item, UNDEFINED_LENGTH),
        itemElements,
        itemMarker(encoding, ItemElement.ItemDelimitation, 0),
        itemMarker(encoding, ItemElement.SequenceDelimitation, 0),
      ])
    : Buffer.concat([itemMarker(encoding, ItemElement.Item, itemElements.length), itemElements]);
  const sequenceLength = hasUndefinedLengths ? UNDEFINED_LENGTH : sequence.length;
  return [
    creator,
    encodeElement(encoding, 0x0009, 0x1001, 'UN', Buffer.from([0, 1, 2, 3, 0xfe, 0xff])),
    encodeElement(encoding, 0x0009, 0x1002, 'LO', textValue('private text')),
    encodeElement(encoding, 0x0009, 0x1003, 'SQ', sequence, sequenceLength),
  ];
}

function patientElements(encoding: Encoding): Buffer[] {
  return [
    encodeElement(encoding, 0x0010, 0x0010, 'PN', textValue(`${PATIENT_CANARY}^Name`)),
    encodeElement(encoding, 0x0010, 0x0020, 'LO', textValue(`${PATIENT_CANARY}-1`)),
    encodeElement(encoding, 0x0020, 0x000d, 'UI', uidValue(`${UID_ROOT}.3.1`)),
    encodeElement(encoding, 0x0020, 0x000e, 'UI', uidValue(`${UID_ROOT}.3.2`)),
  ];
}

function imageElements(encoding: Encoding, pixelBytes: number): Buffer[] {
  const short = (element: number, value: number) =>
    encodeElement(encoding, 0x0028, element, 'US', unsignedShort(encoding, value));
  const pixels = Buffer.alloc(pixelBytes, Buffer.from('0123456789abcdef', 'hex'));
  return [
    short(0x0002, 1),
    encodeElement(encoding, 0x0028, 0x0004, 'CS', textValue('MONOCHROME2')),
    short(0x0010, 1),
    short(0x0011, Math.min(pixelBytes, 0xffff)),
    short(0x0100, 8),
    short(0x0101, 8),
    short(0x0102, 7),
    short(0x0103, 0),
    encoding.isEncapsulated
      ? encodeElement(encoding, 0x7fe0, 0x0010, 'OB', fragmentOf(encoding, pixels), UNDEFINED_LENGTH)
      : encodeElement(encoding, 0x7fe0, 0x0010, 'OW', pixels),
  ];
}

/** Empty basic offset table, one fragment, sequence delimitation (PS3.5 §A.4). */
function fragmentOf(encoding: Encoding, pixels: Buffer): Buffer {
  return Buffer.concat([
    itemMarker(encoding, ItemElement.Item, 0),
    itemMarker(encoding, ItemElement.Item, pixels.length),
    pixels,
    itemMarker(encoding, ItemElement.SequenceDelimitation, 0),
  ]);
}

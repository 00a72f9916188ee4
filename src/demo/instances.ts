/**
 * The instances that the demo sends: made with dcmjs, several SOP classes, the encodings of the standard, private
 * elements in each, and one of 32 MiB. Encoded once: what leaves here is sent byte for byte.
 */
import { createHash } from 'node:crypto';
import { type DicomElements, data } from 'dcmjs';
import { constants } from 'dcmjs-dimse';

const { DicomMessage, DicomMetaDictionary, WriteBufferStream } = data;
const { StorageClass, TransferSyntax } = constants;

export interface DemoInstance {
  readonly title: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** The data set as it goes over the wire. */
  readonly dataSet: Buffer;
  /** SHA-256 of the data set, hexadecimal. */
  readonly sha256: string;
}

/** All of one study of a patient who does not exist. */
export function makeInstances(): DemoInstance[] {
  const study = { StudyInstanceUID: DicomMetaDictionary.uid(), SeriesInstanceUID: DicomMetaDictionary.uid() };
  const make = (plan: InstancePlan) => makeInstance(plan, study);
  return [
    make({
      title: 'CT, implicit VR',
      sopClassUid: StorageClass.CtImageStorage,
      transferSyntaxUid: TransferSyntax.ImplicitVRLittleEndian,
      elements: { Modality: 'CT', RescaleIntercept: -1024, RescaleSlope: 1, ...greyscale(512, 512, 16) },
      pixels: { vr: 'OW', bytes: ramp(512, 512, 16) },
    }),
    make({
      title: 'MR, explicit VR',
      sopClassUid: StorageClass.MrImageStorage,
      transferSyntaxUid: TransferSyntax.ExplicitVRLittleEndian,
      elements: { Modality: 'MR', ScanningSequence: 'SE', ...greyscale(256, 256, 16) },
      pixels: { vr: 'OW', bytes: ramp(256, 256, 16) },
    }),
    make({
      title: 'MR, big endian',
      sopClassUid: StorageClass.MrImageStorage,
      transferSyntaxUid: TransferSyntax.ExplicitVRBigEndian,
      elements: { Modality: 'MR', ScanningSequence: 'GR', ...greyscale(256, 256, 16) },
      pixels: { vr: 'OW', bytes: ramp(256, 256, 16).swap16() },
    }),
    make({
      title: 'secondary capture, JPEG',
      sopClassUid: StorageClass.SecondaryCaptureImageStorage,
      transferSyntaxUid: TransferSyntax.JpegBaseline,
      elements: { Modality: 'OT', ConversionType: 'SYN', ...greyscale(64, 64, 8) },
      pixels: { vr: 'OB', bytes: greyJpeg() },
    }),
    make({
      title: 'structured report',
      sopClassUid: StorageClass.BasicTextSrStorage,
      transferSyntaxUid: TransferSyntax.ExplicitVRLittleEndian,
      elements: { Modality: 'SR', ...report() },
    }),
    make({
      title: 'ultrasound, 128 frames',
      sopClassUid: StorageClass.UltrasoundMultiframeImageStorage,
      transferSyntaxUid: TransferSyntax.ExplicitVRLittleEndian,
      elements: { Modality: 'US', NumberOfFrames: 128, FrameTime: 40, ...greyscale(512, 512, 8) },
      pixels: {
        vr: 'OB',
        bytes: Buffer.concat(Array.from({ length: 128 }, (_, frame) => ramp(512, 512, 8, frame))),
      },
    }),
  ];
}

interface InstancePlan {
  readonly title: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  /** By keyword. */
  readonly elements: Record<string, unknown>;
  readonly pixels?: { readonly vr: 'OB' | 'OW'; readonly bytes: Buffer };
}

function makeInstance(plan: InstancePlan, study: Record<string, string>): DemoInstance {
  const { title, sopClassUid, transferSyntaxUid, elements, pixels } = plan;
  const sopInstanceUid = DicomMetaDictionary.uid();
  const byTag: DicomElements = {
    ...DicomMetaDictionary.denaturalizeDataset({
      SOPClassUID: sopClassUid,
      SOPInstanceUID: sopInstanceUid,
      PatientName: 'Demo^Aegis',
      PatientID: 'AEGIS-DEMO',
      PatientBirthDate: '',
      PatientSex: 'O',
      StudyDate: '20260102',
      StudyTime: '030405',
      StudyID: '1',
      SeriesNumber: 1,
      InstanceNumber: 1,
      ...study,
      ...elements,
    }),
    ...privateElements(),
    ...(pixels === undefined ? {} : { '7FE00010': { vr: pixels.vr, Value: [arrayBuffer(pixels.bytes)] } }),
  };
  const stream = new WriteBufferStream(4096, true);
  DicomMessage.write(byTag, stream, transferSyntaxUid, {});
  const dataSet = Buffer.from(stream.getBuffer());
  const sha256 = createHash('sha256').update(dataSet).digest('hex');
  return { title, sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet, sha256 };
}

/** What a relay that decodes and encodes again tends to lose: a private block with bytes and text. */
function privateElements(): DicomElements {
  return {
    '00290010': { vr: 'LO', Value: ['AEGIS DEMO'] },
    '00291001': { vr: 'UN', Value: [arrayBuffer(Buffer.from([0x00, 0x01, 0xfe, 0xff]))] },
    '00291002': { vr: 'LO', Value: ['a private element must arrive too'] },
  };
}

function greyscale(rows: number, columns: number, bits: 8 | 16): Record<string, unknown> {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: rows,
    Columns: columns,
    BitsAllocated: bits,
    BitsStored: bits,
    HighBit: bits - 1,
    PixelRepresentation: 0,
  };
}

function report(): Record<string, unknown> {
  const concept = (value: string, meaning: string) => ({
    CodeValue: value,
    CodingSchemeDesignator: 'DCM',
    CodeMeaning: meaning,
  });
  return {
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'UNVERIFIED',
    ValueType: 'CONTAINER',
    ContinuityOfContent: 'SEPARATE',
    ConceptNameCodeSequence: [concept('121070', 'Findings')],
    ContentSequence: [
      {
        RelationshipType: 'CONTAINS',
        ValueType: 'TEXT',
        ConceptNameCodeSequence: [concept('121071', 'Finding')],
        TextValue: 'Nothing but a demonstration.',
      },
    ],
  };
}

/** A picture that gets brighter towards the lower right, and moves from frame to frame. Little endian. */
function ramp(rows: number, columns: number, bits: 8 | 16, offset = 0): Buffer {
  const pixels = bits === 8 ? new Uint8Array(rows * columns) : new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1)
      pixels[row * columns + column] = row + column + offset;
  }
  return Buffer.from(pixels.buffer);
}

/**
 * A grey square of 64 × 64 pixels, the smallest thing that is a real baseline JPEG (ITU-T T.81): every block has one
 * code for "no change of brightness" and one for "no detail", both the single bit 0.
 */
function greyJpeg(): Buffer {
  const segment = (marker: number, ...bytes: number[]) => [0xff, marker, 0, bytes.length + 2, ...bytes];
  const oneCode = [1, ...new Array<number>(15).fill(0), 0];
  return Buffer.from([
    ...[0xff, 0xd8],
    ...segment(0xdb, 0, ...new Array<number>(64).fill(1)), // quantisation: none
    ...segment(0xc0, 8, 0, 64, 0, 64, 1, 1, 0x11, 0), // 8 bits, 64 × 64, one component
    ...segment(0xc4, 0x00, ...oneCode),
    ...segment(0xc4, 0x10, ...oneCode),
    ...segment(0xda, 1, 1, 0x00, 0, 63, 0),
    ...new Array<number>(16).fill(0), // 8 × 8 blocks × 2 bits
    ...[0xff, 0xd9],
  ]);
}

function arrayBuffer(bytes: Buffer): ArrayBufferLike {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

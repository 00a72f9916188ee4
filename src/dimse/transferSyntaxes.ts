/**
 * Transfer syntaxes by the keywords of PS3.6 Table A-1: names for logs, and the little that a relay needs to know
 * of them. Nothing is ever transcoded, so unknown ones are as good as known ones.
 */

const transferSyntaxes = {
  ImplicitVRLittleEndian: '1.2.840.10008.1.2',
  ExplicitVRLittleEndian: '1.2.840.10008.1.2.1',
  EncapsulatedUncompressedExplicitVRLittleEndian: '1.2.840.10008.1.2.1.98',
  DeflatedExplicitVRLittleEndian: '1.2.840.10008.1.2.1.99',
  ExplicitVRBigEndian: '1.2.840.10008.1.2.2',
  JPEGBaseline8Bit: '1.2.840.10008.1.2.4.50',
  JPEGExtended12Bit: '1.2.840.10008.1.2.4.51',
  JPEGExtended35: '1.2.840.10008.1.2.4.52',
  JPEGSpectralSelectionNonHierarchical68: '1.2.840.10008.1.2.4.53',
  JPEGSpectralSelectionNonHierarchical79: '1.2.840.10008.1.2.4.54',
  JPEGFullProgressionNonHierarchical1012: '1.2.840.10008.1.2.4.55',
  JPEGFullProgressionNonHierarchical1113: '1.2.840.10008.1.2.4.56',
  JPEGLossless: '1.2.840.10008.1.2.4.57',
  JPEGLosslessNonHierarchical15: '1.2.840.10008.1.2.4.58',
  JPEGExtendedHierarchical1618: '1.2.840.10008.1.2.4.59',
  JPEGExtendedHierarchical1719: '1.2.840.10008.1.2.4.60',
  JPEGSpectralSelectionHierarchical2022: '1.2.840.10008.1.2.4.61',
  JPEGSpectralSelectionHierarchical2123: '1.2.840.10008.1.2.4.62',
  JPEGFullProgressionHierarchical2426: '1.2.840.10008.1.2.4.63',
  JPEGFullProgressionHierarchical2527: '1.2.840.10008.1.2.4.64',
  JPEGLosslessHierarchical28: '1.2.840.10008.1.2.4.65',
  JPEGLosslessHierarchical29: '1.2.840.10008.1.2.4.66',
  JPEGLosslessSV1: '1.2.840.10008.1.2.4.70',
  JPEGLSLossless: '1.2.840.10008.1.2.4.80',
  JPEGLSNearLossless: '1.2.840.10008.1.2.4.81',
  JPEG2000Lossless: '1.2.840.10008.1.2.4.90',
  JPEG2000: '1.2.840.10008.1.2.4.91',
  JPEG2000MCLossless: '1.2.840.10008.1.2.4.92',
  JPEG2000MC: '1.2.840.10008.1.2.4.93',
  JPIPReferenced: '1.2.840.10008.1.2.4.94',
  JPIPReferencedDeflate: '1.2.840.10008.1.2.4.95',
  MPEG2MPML: '1.2.840.10008.1.2.4.100',
  MPEG2MPMLF: '1.2.840.10008.1.2.4.100.1',
  MPEG2MPHL: '1.2.840.10008.1.2.4.101',
  MPEG2MPHLF: '1.2.840.10008.1.2.4.101.1',
  MPEG4HP41: '1.2.840.10008.1.2.4.102',
  MPEG4HP41F: '1.2.840.10008.1.2.4.102.1',
  MPEG4HP41BD: '1.2.840.10008.1.2.4.103',
  MPEG4HP41BDF: '1.2.840.10008.1.2.4.103.1',
  MPEG4HP422D: '1.2.840.10008.1.2.4.104',
  MPEG4HP422DF: '1.2.840.10008.1.2.4.104.1',
  MPEG4HP423D: '1.2.840.10008.1.2.4.105',
  MPEG4HP423DF: '1.2.840.10008.1.2.4.105.1',
  MPEG4HP42STEREO: '1.2.840.10008.1.2.4.106',
  MPEG4HP42STEREOF: '1.2.840.10008.1.2.4.106.1',
  HEVCMP51: '1.2.840.10008.1.2.4.107',
  HEVCM10P51: '1.2.840.10008.1.2.4.108',
  JPEGXLLossless: '1.2.840.10008.1.2.4.110',
  JPEGXLJPEGRecompression: '1.2.840.10008.1.2.4.111',
  JPEGXL: '1.2.840.10008.1.2.4.112',
  HTJ2KLossless: '1.2.840.10008.1.2.4.201',
  HTJ2KLosslessRPCL: '1.2.840.10008.1.2.4.202',
  HTJ2K: '1.2.840.10008.1.2.4.203',
  JPIPHTJ2KReferenced: '1.2.840.10008.1.2.4.204',
  JPIPHTJ2KReferencedDeflate: '1.2.840.10008.1.2.4.205',
  RLELossless: '1.2.840.10008.1.2.5',
  SMPTEST211020UncompressedProgressiveActiveVideo: '1.2.840.10008.1.2.7.1',
  SMPTEST211020UncompressedInterlacedActiveVideo: '1.2.840.10008.1.2.7.2',
  SMPTEST211030PCMDigitalAudio: '1.2.840.10008.1.2.7.3',
  DeflatedImageFrameCompression: '1.2.840.10008.1.2.8.1',
} as const;

const keywordByUid = new Map<string, string>(
  Object.entries(transferSyntaxes).map(([keyword, uid]) => [uid, keyword]),
);

/** `JPEGBaseline8Bit` for its UID; undefined for private and unknown ones. */
export function transferSyntaxKeyword(uid: string): string | undefined {
  return keywordByUid.get(uid);
}

/** How the elements of a data set are written. */
export interface DataSetEncoding {
  readonly isExplicit: boolean;
  readonly isBigEndian: boolean;
  /** As a whole (PS3.5 §A.5), not frame by frame. */
  readonly isDeflated: boolean;
}

const EXPLICIT_LITTLE_ENDIAN: DataSetEncoding = { isExplicit: true, isBigEndian: false, isDeflated: false };
const IMPLICIT: DataSetEncoding = { ...EXPLICIT_LITTLE_ENDIAN, isExplicit: false };
const DEFLATED: DataSetEncoding = { ...EXPLICIT_LITTLE_ENDIAN, isDeflated: true };

const otherEncodings = new Map<string, DataSetEncoding>([
  [transferSyntaxes.ImplicitVRLittleEndian, IMPLICIT],
  [transferSyntaxes.ExplicitVRBigEndian, { ...EXPLICIT_LITTLE_ENDIAN, isBigEndian: true }],
  [transferSyntaxes.DeflatedExplicitVRLittleEndian, DEFLATED],
  [transferSyntaxes.JPIPReferencedDeflate, DEFLATED],
  [transferSyntaxes.JPIPHTJ2KReferencedDeflate, DEFLATED],
  // Papyrus 3, retired; and GE's, which is implicit little endian but for the pixels.
  ['1.2.840.10008.1.20', IMPLICIT],
  ['1.2.840.113619.5.2', IMPLICIT],
]);

/** All others are explicit little endian, also unknown ones (PS3.5 §A.4). */
export function encodingOf(transferSyntaxUid: string): DataSetEncoding {
  return otherEncodings.get(transferSyntaxUid) ?? EXPLICIT_LITTLE_ENDIAN;
}

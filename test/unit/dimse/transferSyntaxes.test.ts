import { describe, expect, it } from '@jest/globals';
import { constants } from 'dcmjs-dimse';
import { transferSyntaxKeyword } from '../../../src/dimse/transferSyntaxes';

describe('transferSyntaxKeyword', () => {
  it.each([
    ['1.2.840.10008.1.2', 'ImplicitVRLittleEndian'],
    ['1.2.840.10008.1.2.1', 'ExplicitVRLittleEndian'],
    ['1.2.840.10008.1.2.2', 'ExplicitVRBigEndian'],
    ['1.2.840.10008.1.2.4.50', 'JPEGBaseline8Bit'],
    ['1.2.840.10008.1.2.4.70', 'JPEGLosslessSV1'],
    ['1.2.840.10008.1.2.4.90', 'JPEG2000Lossless'],
    ['1.2.840.10008.1.2.4.102', 'MPEG4HP41'],
    ['1.2.840.10008.1.2.4.112', 'JPEGXL'],
    ['1.2.840.10008.1.2.4.201', 'HTJ2KLossless'],
    ['1.2.840.10008.1.2.5', 'RLELossless'],
    ['1.2.840.10008.1.2.8.1', 'DeflatedImageFrameCompression'],
    ['1.2.840.113619.5.2', undefined],
  ])('names %s %s', (uid, keyword) => {
    expect(transferSyntaxKeyword(uid)).toBe(keyword);
  });

  it.each(Object.entries(constants.TransferSyntax))('knows %s of dcmjs-dimse', (_name, uid) => {
    expect(transferSyntaxKeyword(uid)).toBeDefined();
  });
});

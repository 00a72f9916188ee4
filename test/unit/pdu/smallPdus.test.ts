import { describe, expect, it } from '@jest/globals';
import { PduReader } from '../../../src/pdu/reader';
import { encodeAbort, encodeAssociateRj, encodeReleaseRp, encodeReleaseRq } from '../../../src/pdu/smallPdus';
import { RecordingSink } from './recordingSink';

const golden: [string, Buffer, string, string][] = [
  [
    'A-ASSOCIATE-RJ',
    encodeAssociateRj({ result: 1, source: 2, reason: 3 }),
    '03 00 00000004 00 01 02 03',
    'associateRj 1/2/3',
  ],
  ['A-RELEASE-RQ', encodeReleaseRq(), '05 00 00000004 00000000', 'releaseRq'],
  ['A-RELEASE-RP', encodeReleaseRp(), '06 00 00000004 00000000', 'releaseRp'],
  ['A-ABORT', encodeAbort({ source: 2, reason: 6 }), '07 00 00000004 00 00 02 06', 'abort 2/6'],
];

describe('PDUs of ten bytes', () => {
  it.each(golden)('%s is encoded as the standard lays it out', (_name, encoded, bytes) => {
    expect(encoded.toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  it.each(golden)('%s is read back', (_name, encoded, _bytes, call) => {
    const sink = new RecordingSink();
    new PduReader(sink, { maxPduLength: 16384 }).push(encoded);
    expect(sink.calls).toEqual([call]);
  });

  it('numbers that do not fit a byte are refused', () => {
    expect(() => encodeAbort({ source: 256, reason: 0 })).toThrow(
      expect.objectContaining({ name: 'RangeError' }),
    );
  });
});

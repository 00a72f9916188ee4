import { describe, expect, it } from '@jest/globals';
import { PduReader } from '../../../src/pdu/reader';
import {
  encodeAbort,
  encodeAssociateRj,
  encodeReleaseRp,
  encodeReleaseRq,
  formatAbort,
  formatRejection,
} from '../../../src/pdu/smallPdus';
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

// PS3.8 Table 9-21: what a reason means depends on its source.
it.each([
  [1, 1, 1, 'rejected permanently by the service user: no reason given'],
  [1, 1, 2, 'rejected permanently by the service user: application context name not supported'],
  [1, 1, 3, 'rejected permanently by the service user: calling AE title not recognized'],
  [1, 1, 7, 'rejected permanently by the service user: called AE title not recognized'],
  [1, 2, 1, 'rejected permanently by the service provider (ACSE): no reason given'],
  [1, 2, 2, 'rejected permanently by the service provider (ACSE): protocol version not supported'],
  [2, 3, 1, 'rejected for now by the service provider (presentation): temporary congestion'],
  [2, 3, 2, 'rejected for now by the service provider (presentation): local limit exceeded'],
  [
    9,
    8,
    7,
    'rejected with a result that PS3.8 reserves by a source that PS3.8 reserves: a reason that PS3.8 reserves',
  ],
])('says A-ASSOCIATE-RJ %i/%i/%i in words', (result, source, reason, words) => {
  expect(formatRejection({ result, source, reason })).toBe(
    `${words} (result ${result}, source ${source}, reason ${reason})`,
  );
});

// PS3.8 Table 9-26.
it.each([
  [0, 0, 'aborted by the service user'],
  [0, 5, 'aborted by the service user'],
  [1, 0, 'aborted by a source that PS3.8 reserves'],
  [2, 0, 'aborted by the service provider: no reason given'],
  [2, 1, 'aborted by the service provider: unrecognized PDU'],
  [2, 2, 'aborted by the service provider: unexpected PDU'],
  [2, 3, 'aborted by the service provider: a reason that PS3.8 reserves'],
  [2, 4, 'aborted by the service provider: unrecognized PDU parameter'],
  [2, 5, 'aborted by the service provider: unexpected PDU parameter'],
  [2, 6, 'aborted by the service provider: invalid PDU parameter value'],
])('says A-ABORT %i/%i in words', (source, reason, words) => {
  expect(formatAbort({ source, reason })).toBe(`${words} (source ${source}, reason ${reason})`);
});

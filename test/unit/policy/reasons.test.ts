import { expect, it } from '@jest/globals';
import { wireAnswer } from '../../../src/policy/reasons';
import { formatWireAnswer } from '../../../src/policy/wireAnswer';

it.each([
  ['source-address-unknown', 'the connection is closed without a DICOM byte'],
  ['tls-version', 'a TLS alert, then the connection is closed'],
  ['association-limit', 'A-ASSOCIATE-RJ result 2, source 3, reason 2'],
  ['upstream-rejected', 'A-ASSOCIATE-RJ with the result, source and reason of the upstream'],
  ['command-not-allowed', 'a DIMSE response status 0x0124; the association stays'],
  ['pdu-pdv-order', 'A-ABORT source 2, reason 5'],
] as const)('%s', (reason, expected) => {
  expect(formatWireAnswer(wireAnswer(reason))).toBe(expected);
});

it('a response has the name of its request', () => {
  expect(formatWireAnswer(wireAnswer('move-destination-not-allowed'), 'C-MOVE')).toBe(
    'C-MOVE-RSP status 0xA801; the association stays',
  );
});

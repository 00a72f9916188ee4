import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeAssociateAc,
  decodeAssociateRq,
  encodeAssociateAc,
  encodeAssociateRq,
} from '../../../src/pdu/associate';
import { PduReader } from '../../../src/pdu/reader';
import type { AssociateAc, AssociateRq, UserInformation } from '../../../src/pdu/types';
import { RecordingSink } from './recordingSink';

const byte = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const uid = fc
  .array(fc.constantFrom(...'0123456789.'), { minLength: 1, maxLength: 64 })
  .map((characters) => characters.join(''));
/** Latin1 text that does not begin with a space or end with a space or NUL, which are not part of a title. */
const text = fc
  .array(byte, { minLength: 1, maxLength: 16 })
  .map((codes) => String.fromCharCode(...codes))
  .filter((characters) => !/^ | $|\0/.test(characters));

const userInformation: fc.Arbitrary<UserInformation> = fc.record(
  {
    maxPduLength: uint32,
    implementationClassUid: uid,
    implementationVersionName: text,
    asynchronousOperations: fc.record({ invoked: uint16, performed: uint16 }),
    roleSelections: fc.uniqueArray(fc.record({ sopClassUid: uid, scu: fc.boolean(), scp: fc.boolean() }), {
      maxLength: 5,
      selector: ({ sopClassUid }) => sopClassUid,
    }),
    extendedNegotiations: fc.uniqueArray(fc.record({ sopClassUid: uid, applicationInformation: bytes }), {
      maxLength: 3,
      selector: ({ sopClassUid }) => sopClassUid,
    }),
    commonExtendedNegotiations: fc.array(
      fc.record({
        version: byte,
        sopClassUid: uid,
        serviceClassUid: uid,
        relatedSopClassUids: fc.array(uid, { maxLength: 4 }),
      }),
      { maxLength: 3 },
    ),
    userIdentity: fc.record({
      type: byte,
      positiveResponseRequested: fc.boolean(),
      primaryField: bytes,
      secondaryField: bytes,
    }),
    userIdentityResponse: bytes,
  },
  {
    requiredKeys: [
      'maxPduLength',
      'implementationClassUid',
      'roleSelections',
      'extendedNegotiations',
      'commonExtendedNegotiations',
    ],
    noNullPrototype: true,
  },
);

const contextIds = fc.uniqueArray(
  fc.integer({ min: 0, max: 127 }).map((index) => 2 * index + 1),
  { minLength: 1, maxLength: 128 },
);

const associate = {
  protocolVersion: uint16,
  calledAeTitle: text,
  callingAeTitle: text,
  applicationContextName: uid,
  userInformation,
};
const associateRq: fc.Arbitrary<AssociateRq> = fc.record(
  {
    ...associate,
    presentationContexts: contextIds.chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc.record(
            {
              id: fc.constant(id),
              abstractSyntax: uid,
              transferSyntaxes: fc.array(uid, { minLength: 1, maxLength: 4 }),
            },
            { noNullPrototype: true },
          ),
        ),
      ),
    ),
  },
  { noNullPrototype: true },
);
const associateAc: fc.Arbitrary<AssociateAc> = fc.record(
  {
    ...associate,
    presentationContexts: contextIds.chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc.oneof(
            fc.record(
              { id: fc.constant(id), result: fc.constant(0), transferSyntax: uid },
              { noNullPrototype: true },
            ),
            fc.record(
              {
                id: fc.constant(id),
                result: fc.integer({ min: 1, max: 0xff }),
                transferSyntax: fc.constant(''),
              },
              { noNullPrototype: true },
            ),
          ),
        ),
      ),
    ),
  },
  { noNullPrototype: true },
);

/** The body of a PDU, by way of the reader, so that its header is judged too. */
function bodyOf(pdu: Buffer): Buffer {
  const bodies: Buffer[] = [];
  const sink = new RecordingSink();
  sink.associate = (_type, body) => void bodies.push(body);
  new PduReader(sink, { maxPduLength: 16384 }).push(pdu);
  expect(bodies).toHaveLength(1);
  return bodies[0]!;
}

describe('round trips', () => {
  it('an A-ASSOCIATE-RQ that was encoded is decoded to the same', () => {
    fc.assert(
      fc.property(associateRq, (rq) => {
        expect(decodeAssociateRq(bodyOf(encodeAssociateRq(rq)))).toEqual(rq);
      }),
      { numRuns: 200 },
    );
  });

  it('an A-ASSOCIATE-AC that was encoded is decoded to the same', () => {
    fc.assert(
      fc.property(associateAc, (ac) => {
        expect(decodeAssociateAc(bodyOf(encodeAssociateAc(ac)))).toEqual(ac);
      }),
      { numRuns: 200 },
    );
  });
});

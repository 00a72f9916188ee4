import { describe, expect, it } from '@jest/globals';
import {
  decodeAssociateAc,
  decodeAssociateRq,
  encodeAssociateAc,
  encodeAssociateRq,
} from '../../../src/pdu/associate';
import type { AssociateAc, AssociateRq } from '../../../src/pdu/types';

function bytesOf(lines: readonly string[]): Buffer {
  const hex = lines.map((line) => line.replace(/ {2}.*$/, '').replaceAll(' ', '')).join('');
  return Buffer.from(hex, 'hex');
}

const requestBytes = bytesOf([
  '01 00 000000ed  A-ASSOCIATE-RQ, reserved, 237 bytes follow',
  '0001 0000  protocol version 1, reserved',
  '41524348495645202020202020202020  called AE title "ARCHIVE"',
  '43543120202020202020202020202020  calling AE title "CT1"',
  '0000000000000000000000000000000000000000000000000000000000000000  reserved',
  '10 00 0015  application context, 21 bytes',
  '312e322e3834302e31303030382e332e312e312e31  1.2.840.10008.3.1.1.1',
  '20 00 002e  presentation context, 46 bytes',
  '05 000000  id 5, reserved',
  '30 00 0011  abstract syntax, 17 bytes',
  '312e322e3834302e31303030382e312e31  1.2.840.10008.1.1',
  '40 00 0011  transfer syntax, 17 bytes',
  '312e322e3834302e31303030382e312e32  1.2.840.10008.1.2',
  '50 00 005a  user information, 90 bytes',
  '51 00 0004 00004000  maximum length 16384',
  '52 00 0007 312e322e332e34  implementation class UID 1.2.3.4',
  '53 00 0004 0005 0006  asynchronous operations: 5 invoked, 6 performed',
  '54 00 0007 0003 312e32 00 01  role selection of SOP class 1.2: not SCU, but SCP',
  '55 00 0002 4354  implementation version name "CT"',
  '56 00 0007 0003 312e32 0103  extended negotiation of SOP class 1.2: 01 03',
  '57 01 0011  common extended negotiation, version 1, 17 bytes',
  '0003 312e32 0001 33  SOP class 1.2, service class 3',
  '0007 0001 34 0002 352e  two related classes, 7 bytes: 4 and "5."',
  '58 00 000a  user identity, 10 bytes',
  '02 01 0001 75 0003 707764  user name and password, response wanted: "u", "pwd"',
]);

const request: AssociateRq = {
  protocolVersion: 1,
  calledAeTitle: 'ARCHIVE',
  callingAeTitle: 'CT1',
  applicationContextName: '1.2.840.10008.3.1.1.1',
  presentationContexts: [
    { id: 5, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] },
  ],
  userInformation: {
    maxPduLength: 16384,
    implementationClassUid: '1.2.3.4',
    asynchronousOperations: { invoked: 5, performed: 6 },
    roleSelections: [{ sopClassUid: '1.2', scu: false, scp: true }],
    implementationVersionName: 'CT',
    extendedNegotiations: [{ sopClassUid: '1.2', applicationInformation: Buffer.from([1, 3]) }],
    commonExtendedNegotiations: [
      { version: 1, sopClassUid: '1.2', serviceClassUid: '3', relatedSopClassUids: ['4', '5.'] },
    ],
    userIdentity: {
      type: 2,
      positiveResponseRequested: true,
      primaryField: Buffer.from('u'),
      secondaryField: Buffer.from('pwd'),
    },
  },
};

const answerBytes = bytesOf([
  '02 00 000000b5  A-ASSOCIATE-AC, reserved, 181 bytes follow',
  '0001 0000  protocol version 1, reserved',
  '41524348495645202020202020202020  called AE title "ARCHIVE", echoed',
  '43543120202020202020202020202020  calling AE title "CT1", echoed',
  '0000000000000000000000000000000000000000000000000000000000000000  reserved',
  '10 00 0015  application context, 21 bytes',
  '312e322e3834302e31303030382e332e312e312e31  1.2.840.10008.3.1.1.1',
  '21 00 0019  presentation context, 25 bytes',
  '01 00 00 00  id 1, accepted',
  '40 00 0011  transfer syntax, 17 bytes',
  '312e322e3834302e31303030382e312e32  1.2.840.10008.1.2',
  '21 00 0019  presentation context, 25 bytes',
  '03 00 04 00  id 3, transfer syntaxes not supported',
  '40 00 0011  transfer syntax, not significant',
  '312e322e3834302e31303030382e312e32  1.2.840.10008.1.2',
  '50 00 001a  user information, 26 bytes',
  '51 00 0004 00000000  maximum length: no limit',
  '52 00 0007 312e322e332e34  implementation class UID 1.2.3.4',
  '59 00 0003 0001 74  user identity response "t"',
]);

const answer: AssociateAc = {
  protocolVersion: 1,
  calledAeTitle: 'ARCHIVE',
  callingAeTitle: 'CT1',
  applicationContextName: '1.2.840.10008.3.1.1.1',
  presentationContexts: [
    { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' },
    { id: 3, result: 4, transferSyntax: '' },
  ],
  userInformation: {
    maxPduLength: 0,
    implementationClassUid: '1.2.3.4',
    roleSelections: [],
    extendedNegotiations: [],
    commonExtendedNegotiations: [],
    userIdentityResponse: Buffer.from('t'),
  },
};

describe('golden bytes', () => {
  it('an A-ASSOCIATE-RQ with every item is decoded', () => {
    expect(decodeAssociateRq(requestBytes.subarray(6))).toEqual(request);
  });

  it('an A-ASSOCIATE-RQ with every item is encoded', () => {
    expect(encodeAssociateRq(request).toString('hex')).toBe(requestBytes.toString('hex'));
  });

  it('an A-ASSOCIATE-AC is decoded', () => {
    expect(decodeAssociateAc(answerBytes.subarray(6))).toEqual(answer);
  });

  it('an A-ASSOCIATE-AC is encoded', () => {
    expect(encodeAssociateAc(answer).toString('hex')).toBe(answerBytes.toString('hex'));
  });
});

/**
 * Command sets as real peers send them, annotated, with what they say. The bytes of DCMTK (3.6.7) and Orthanc
 * (1.10.1) were recorded on the wire; the others were written down by hand from PS3.7 §9.3 and §10.3.
 */
import type { CommandSet } from '../../../src/dimse/commandSet';

export interface GoldenCommandSet {
  readonly name: string;
  readonly abstractSyntax: string;
  readonly bytes: Buffer;
  readonly set: CommandSet;
}

/** Hexadecimal up to two spaces, an explanation behind them. */
export function bytesOf(lines: readonly string[]): Buffer {
  const hex = lines.map((line) => line.replace(/ {2}.*$/, '').replaceAll(' ', '')).join('');
  return Buffer.from(hex, 'hex');
}

const CT = '1.2.840.10008.5.1.4.1.1.2';
const CT_INSTANCE = '1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322';
const CT_CLASS_LINE =
  '0000 0200 1a000000 312e322e3834302e31303030382e352e312e342e312e312e3200  AffectedSOPClassUID, NUL';
const CT_INSTANCE_LINE =
  '0000 0010 30000000 312e332e362e312e342e312e353936322e312e312e312e312e312e32303034303131393037323733302e313233323200  AffectedSOPInstanceUID';

export const goldenCommandSets: readonly GoldenCommandSet[] = [
  {
    name: 'C-ECHO-RQ of DCMTK echoscu',
    abstractSyntax: '1.2.840.10008.1.1',
    bytes: bytesOf([
      '0000 0000 04000000 38000000  CommandGroupLength: 56 bytes follow',
      '0000 0200 12000000 312e322e3834302e31303030382e312e3100  AffectedSOPClassUID 1.2.840.10008.1.1, NUL',
      '0000 0001 02000000 3000  CommandField 0030H',
      '0000 1001 02000000 0100  MessageID 1',
      '0000 0008 02000000 0101  CommandDataSetType 0101H: none',
    ]),
    set: {
      AffectedSOPClassUID: '1.2.840.10008.1.1',
      CommandField: 0x0030,
      MessageID: 1,
      CommandDataSetType: 0x0101,
    },
  },
  {
    name: 'C-ECHO-RSP of DCMTK storescp',
    abstractSyntax: '1.2.840.10008.1.1',
    bytes: bytesOf([
      '0000 0000 04000000 42000000  66 bytes follow',
      '0000 0200 12000000 312e322e3834302e31303030382e312e3100  AffectedSOPClassUID',
      '0000 0001 02000000 3080  CommandField 8030H',
      '0000 2001 02000000 0100  MessageIDBeingRespondedTo 1',
      '0000 0008 02000000 0101  no data set',
      '0000 0009 02000000 0000  Status 0000H',
    ]),
    set: {
      AffectedSOPClassUID: '1.2.840.10008.1.1',
      CommandField: 0x8030,
      MessageIDBeingRespondedTo: 1,
      CommandDataSetType: 0x0101,
      Status: 0x0000,
    },
  },
  {
    name: 'C-STORE-RQ of DCMTK storescu',
    abstractSyntax: CT,
    bytes: bytesOf([
      '0000 0000 04000000 82000000  130 bytes follow',
      CT_CLASS_LINE,
      '0000 0001 02000000 0100  CommandField 0001H',
      '0000 1001 02000000 0100  MessageID 1',
      '0000 0007 02000000 0000  Priority 0: medium',
      '0000 0008 02000000 0100  CommandDataSetType 0001H: a data set follows',
      CT_INSTANCE_LINE,
    ]),
    set: {
      AffectedSOPClassUID: CT,
      CommandField: 0x0001,
      MessageID: 1,
      Priority: 0,
      CommandDataSetType: 0x0001,
      AffectedSOPInstanceUID: CT_INSTANCE,
    },
  },
  {
    name: 'C-STORE-RSP of Orthanc',
    abstractSyntax: CT,
    bytes: bytesOf([
      '0000 0000 04000000 82000000  130 bytes follow',
      CT_CLASS_LINE,
      '0000 0001 02000000 0180  CommandField 8001H',
      '0000 2001 02000000 0100  MessageIDBeingRespondedTo 1',
      '0000 0008 02000000 0101  no data set',
      '0000 0009 02000000 0000  Status 0000H',
      CT_INSTANCE_LINE,
    ]),
    set: {
      AffectedSOPClassUID: CT,
      CommandField: 0x8001,
      MessageIDBeingRespondedTo: 1,
      CommandDataSetType: 0x0101,
      Status: 0x0000,
      AffectedSOPInstanceUID: CT_INSTANCE,
    },
  },
  {
    name: 'C-FIND-RSP, pending, of Orthanc',
    abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.1',
    bytes: bytesOf([
      '0000 0000 04000000 4c000000  76 bytes follow',
      '0000 0200 1c000000 312e322e3834302e31303030382e352e312e342e312e322e322e3100  Study Root FIND',
      '0000 0001 02000000 2080  CommandField 8020H',
      '0000 2001 02000000 0100  MessageIDBeingRespondedTo 1',
      '0000 0008 02000000 0100  an identifier follows',
      '0000 0009 02000000 00ff  Status FF00H',
    ]),
    set: {
      AffectedSOPClassUID: '1.2.840.10008.5.1.4.1.2.2.1',
      CommandField: 0x8020,
      MessageIDBeingRespondedTo: 1,
      CommandDataSetType: 0x0001,
      Status: 0xff00,
    },
  },
  {
    name: 'C-MOVE-RQ of DCMTK movescu',
    abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.2',
    bytes: bytesOf([
      '0000 0000 04000000 58000000  88 bytes follow',
      '0000 0200 1c000000 312e322e3834302e31303030382e352e312e342e312e322e322e3200  Study Root MOVE',
      '0000 0001 02000000 2100  CommandField 0021H',
      '0000 1001 02000000 0100  MessageID 1',
      '0000 0006 04000000 57533120  MoveDestination "WS1", space',
      '0000 0007 02000000 0000  Priority 0',
      '0000 0008 02000000 0100  an identifier follows',
    ]),
    set: {
      AffectedSOPClassUID: '1.2.840.10008.5.1.4.1.2.2.2',
      CommandField: 0x0021,
      MessageID: 1,
      MoveDestination: 'WS1',
      Priority: 0,
      CommandDataSetType: 0x0001,
    },
  },
  {
    name: 'C-GET-RSP, pending, of Orthanc',
    abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.3',
    bytes: bytesOf([
      '0000 0000 04000000 74000000  116 bytes follow',
      '0000 0200 1c000000 312e322e3834302e31303030382e352e312e342e312e322e322e3300  Study Root GET',
      '0000 0001 02000000 1080  CommandField 8010H',
      '0000 2001 02000000 0100  MessageIDBeingRespondedTo 1',
      '0000 0008 02000000 0101  no data set',
      '0000 0009 02000000 00ff  Status FF00H',
      '0000 2010 02000000 0000  NumberOfRemainingSuboperations 0',
      '0000 2110 02000000 0100  NumberOfCompletedSuboperations 1',
      '0000 2210 02000000 0000  NumberOfFailedSuboperations 0',
      '0000 2310 02000000 0000  NumberOfWarningSuboperations 0',
    ]),
    set: {
      AffectedSOPClassUID: '1.2.840.10008.5.1.4.1.2.2.3',
      CommandField: 0x8010,
      MessageIDBeingRespondedTo: 1,
      CommandDataSetType: 0x0101,
      Status: 0xff00,
      NumberOfRemainingSuboperations: 0,
      NumberOfCompletedSuboperations: 1,
      NumberOfFailedSuboperations: 0,
      NumberOfWarningSuboperations: 0,
    },
  },
  {
    name: 'C-STORE-RQ of a C-MOVE sub-operation',
    abstractSyntax: CT,
    bytes: bytesOf([
      '0000 0000 04000000 8a000000  138 bytes follow',
      CT_CLASS_LINE,
      '0000 0001 02000000 0100  CommandField 0001H',
      '0000 1001 02000000 0200  MessageID 2',
      '0000 0007 02000000 0200  Priority 2: low',
      '0000 0008 02000000 0000  CommandDataSetType 0000H: a data set follows',
      '0000 0010 1e000000 312e322e3832362e302e312e333638303034332e322e313134332e342e35  AffectedSOPInstanceUID',
      '0000 3010 08000000 4d4f44414c495459  MoveOriginatorApplicationEntityTitle "MODALITY"',
      '0000 3110 02000000 0700  MoveOriginatorMessageID 7',
    ]),
    set: {
      AffectedSOPClassUID: CT,
      CommandField: 0x0001,
      MessageID: 2,
      Priority: 2,
      CommandDataSetType: 0x0000,
      AffectedSOPInstanceUID: '1.2.826.0.1.3680043.2.1143.4.5',
      MoveOriginatorApplicationEntityTitle: 'MODALITY',
      MoveOriginatorMessageID: 7,
    },
  },
  {
    name: 'C-CANCEL-RQ',
    abstractSyntax: '1.2.840.10008.5.1.4.1.2.2.1',
    bytes: bytesOf([
      '0000 0000 04000000 1e000000  30 bytes follow',
      '0000 0001 02000000 ff0f  CommandField 0FFFH',
      '0000 2001 02000000 0300  MessageIDBeingRespondedTo 3',
      '0000 0008 02000000 0101  no data set',
    ]),
    set: { CommandField: 0x0fff, MessageIDBeingRespondedTo: 3, CommandDataSetType: 0x0101 },
  },
  {
    name: 'N-GET-RQ as pynetdicom sends it',
    abstractSyntax: '1.2.840.10008.5.1.1.16',
    bytes: bytesOf([
      '0000 0000 04000000 6e000000  110 bytes follow',
      '0000 0300 16000000 312e322e3834302e31303030382e352e312e312e3136  RequestedSOPClassUID (22 characters)',
      '0000 0001 02000000 1001  CommandField 0110H',
      '0000 1001 02000000 0700  MessageID 7',
      '0000 0008 02000000 0101  no data set',
      '0000 0110 16000000 312e322e3834302e31303030382e352e312e312e3137  RequestedSOPInstanceUID',
      '0000 0510 0c000000 0021 1000 0021 2000 1000 1000  AttributeIdentifierList',
    ]),
    set: {
      RequestedSOPClassUID: '1.2.840.10008.5.1.1.16',
      CommandField: 0x0110,
      MessageID: 7,
      CommandDataSetType: 0x0101,
      RequestedSOPInstanceUID: '1.2.840.10008.5.1.1.17',
      AttributeIdentifierList: [0x21000010, 0x21000020, 0x00100010],
    },
  },
  {
    name: 'N-EVENT-REPORT-RQ of a storage commitment',
    abstractSyntax: '1.2.840.10008.1.20.1',
    bytes: bytesOf([
      '0000 0000 04000000 62000000  98 bytes follow',
      '0000 0200 14000000 312e322e3834302e31303030382e312e32302e31  AffectedSOPClassUID',
      '0000 0001 02000000 0001  CommandField 0100H',
      '0000 1001 02000000 0500  MessageID 5',
      '0000 0008 02000000 0201  CommandDataSetType 0102H: a data set follows',
      '0000 0010 16000000 312e322e3834302e31303030382e312e32302e312e31  AffectedSOPInstanceUID',
      '0000 0210 02000000 0200  EventTypeID 2: failures exist',
    ]),
    set: {
      AffectedSOPClassUID: '1.2.840.10008.1.20.1',
      CommandField: 0x0100,
      MessageID: 5,
      CommandDataSetType: 0x0102,
      AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      EventTypeID: 2,
    },
  },
  {
    name: 'N-ACTION-RSP with every element of a failure',
    abstractSyntax: '1.2.840.10008.1.20.1',
    bytes: bytesOf([
      '0000 0000 04000000 9e000000  158 bytes follow',
      '0000 0200 14000000 312e322e3834302e31303030382e312e32302e31  AffectedSOPClassUID',
      '0000 0001 02000000 3081  CommandField 8130H',
      '0000 2001 02000000 ffff  MessageIDBeingRespondedTo 65535',
      '0000 0008 02000000 0101  no data set',
      '0000 0009 02000000 1501  Status 0115H',
      '0000 0109 08000000 0800 9911 0800 5011  OffendingElement (0008,1199), (0008,1150)',
      '0000 0209 10000000 6e6f742061206b6e6f776e20636c6173  ErrorComment "not a known clas"',
      '0000 0309 02000000 2a00  ErrorID 42',
      '0000 0010 16000000 312e322e3834302e31303030382e312e32302e312e31  AffectedSOPInstanceUID',
      '0000 0810 02000000 0100  ActionTypeID 1',
    ]),
    set: {
      AffectedSOPClassUID: '1.2.840.10008.1.20.1',
      CommandField: 0x8130,
      MessageIDBeingRespondedTo: 65535,
      CommandDataSetType: 0x0101,
      Status: 0x0115,
      OffendingElement: [0x00081199, 0x00081150],
      ErrorComment: 'not a known clas',
      ErrorID: 42,
      AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      ActionTypeID: 1,
    },
  },
];

/**
 * Builds the bytes of PDUs (PS3.8 §9.3) and command sets (PS3.7 §6.3.1) for tests, also wrong ones. On purpose
 * independent of src/: a mistake there must not be repeated here. Refuses nothing.
 */
import { APPLICATION_CONTEXT, TransferSyntax } from './uids';

export const PduType = {
  AssociateRq: 0x01,
  AssociateAc: 0x02,
  AssociateRj: 0x03,
  PDataTf: 0x04,
  ReleaseRq: 0x05,
  ReleaseRp: 0x06,
  Abort: 0x07,
} as const;

export interface ProposedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

export interface AnsweredContext {
  readonly id: number;
  /** 0 acceptance … 4 transfer syntaxes not supported (PS3.8 Table 9-18). */
  readonly result: number;
  readonly transferSyntax: string;
}

interface AssociateFields {
  readonly calling?: string | undefined;
  readonly called?: string | undefined;
  readonly protocolVersion?: number;
  readonly applicationContext?: string;
  /** Item 51H; undefined leaves the item out. */
  readonly maxPduLength?: number | undefined;
  /** Sub-items after 51H and 52H. */
  readonly userItems?: readonly Buffer[];
}

export interface AssociateRqFields extends AssociateFields {
  readonly contexts?: readonly ProposedContext[];
}

export interface AssociateAcFields extends AssociateFields {
  readonly contexts?: readonly AnsweredContext[];
}

export function unsigned16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function unsigned32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A PDU of any type with a correct length. */
export function pdu(type: number, ...body: readonly Buffer[]): Buffer {
  const content = Buffer.concat(body);
  return Buffer.concat([Buffer.from([type, 0]), unsigned32(content.length), content]);
}

/** An item or sub-item: type, reserved byte, 16-bit length. */
function item(type: number, ...body: readonly Buffer[]): Buffer {
  const content = Buffer.concat(body);
  return Buffer.concat([Buffer.from([type, 0]), unsigned16(content.length), content]);
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}

/** 16 characters, padded with spaces; longer ones are cut. */
function aeTitle(title: string): Buffer {
  return text(title.padEnd(16, ' ').slice(0, 16));
}

/** Item 54H (PS3.7 §D.3.3.4). */
export function roleSelection(sopClass: string, scu: number, scp: number): Buffer {
  return item(0x54, unsigned16(sopClass.length), text(sopClass), Buffer.from([scu, scp]));
}

/** Item 53H (PS3.7 §D.3.3.3). */
export function asynchronousOperations(invoked: number, performed: number): Buffer {
  return item(0x53, unsigned16(invoked), unsigned16(performed));
}

/** Item 58H, type 2: user name and passcode (PS3.7 §D.3.3.7). */
export function userIdentity(user: string, passcode: string, wantsResponse = false): Buffer {
  const fields = [unsigned16(user.length), text(user), unsigned16(passcode.length), text(passcode)];
  return item(0x58, Buffer.from([2, wantsResponse ? 1 : 0]), ...fields);
}

export function associateRq(fields: AssociateRqFields = {}): Buffer {
  const contexts = (fields.contexts ?? []).map(({ id, abstractSyntax, transferSyntaxes }) =>
    item(
      0x20,
      Buffer.from([id, 0, 0, 0]),
      item(0x30, text(abstractSyntax)),
      ...transferSyntaxes.map((uid) => item(0x40, text(uid))),
    ),
  );
  return associate(PduType.AssociateRq, fields, contexts);
}

export function associateAc(fields: AssociateAcFields = {}): Buffer {
  const contexts = (fields.contexts ?? []).map(({ id, result, transferSyntax }) =>
    item(0x21, Buffer.from([id, 0, result, 0]), item(0x40, text(transferSyntax))),
  );
  return associate(PduType.AssociateAc, fields, contexts);
}

function associate(type: number, fields: AssociateFields, contexts: readonly Buffer[]): Buffer {
  const maxPduLength = 'maxPduLength' in fields ? fields.maxPduLength : 16384;
  const userInformation = item(
    0x50,
    ...(maxPduLength === undefined ? [] : [item(0x51, unsigned32(maxPduLength))]),
    item(0x52, text('1.2.826.0.1.3680043.9.9999.1')),
    item(0x55, text('AEGIS_TEST')),
    ...(fields.userItems ?? []),
  );
  return pdu(
    type,
    unsigned16(fields.protocolVersion ?? 1),
    Buffer.alloc(2),
    aeTitle(fields.called ?? 'ORTHANC'),
    aeTitle(fields.calling ?? 'TESTSCU'),
    Buffer.alloc(32),
    item(0x10, text(fields.applicationContext ?? APPLICATION_CONTEXT)),
    ...contexts,
    userInformation,
  );
}

export function associateRj(result: number, source: number, reason: number): Buffer {
  return pdu(PduType.AssociateRj, Buffer.from([0, result, source, reason]));
}

export function releaseRq(): Buffer {
  return pdu(PduType.ReleaseRq, Buffer.alloc(4));
}

export function releaseRp(): Buffer {
  return pdu(PduType.ReleaseRp, Buffer.alloc(4));
}

export function abort(source: number, reason: number): Buffer {
  return pdu(PduType.Abort, Buffer.from([0, 0, source, reason]));
}

/** One fragment with its PDV header (PS3.8 §9.3.5.1, §E.2). */
export interface Pdv {
  readonly contextId: number;
  readonly isCommand: boolean;
  readonly isLast: boolean;
  readonly fragment: Buffer;
}

export function pdv({ contextId, isCommand, isLast, fragment }: Pdv): Buffer {
  const control = (isCommand ? 1 : 0) | (isLast ? 2 : 0);
  return Buffer.concat([unsigned32(fragment.length + 2), Buffer.from([contextId, control]), fragment]);
}

export function pDataTf(...pdvs: readonly Pdv[]): Buffer {
  return pdu(PduType.PDataTf, ...pdvs.map(pdv));
}

/** Command elements by keyword (PS3.7 Table E.1-1): number of the element in group 0000, and its VR. */
const commandElements = {
  AffectedSOPClassUID: [0x0002, 'UI'],
  RequestedSOPClassUID: [0x0003, 'UI'],
  CommandField: [0x0100, 'US'],
  MessageID: [0x0110, 'US'],
  MessageIDBeingRespondedTo: [0x0120, 'US'],
  MoveDestination: [0x0600, 'AE'],
  Priority: [0x0700, 'US'],
  CommandDataSetType: [0x0800, 'US'],
  Status: [0x0900, 'US'],
  ErrorComment: [0x0902, 'LO'],
  AffectedSOPInstanceUID: [0x1000, 'UI'],
  RequestedSOPInstanceUID: [0x1001, 'UI'],
  EventTypeID: [0x1002, 'US'],
  ActionTypeID: [0x1008, 'US'],
  NumberOfRemainingSuboperations: [0x1020, 'US'],
  NumberOfCompletedSuboperations: [0x1021, 'US'],
  NumberOfFailedSuboperations: [0x1022, 'US'],
  NumberOfWarningSuboperations: [0x1023, 'US'],
  MoveOriginatorApplicationEntityTitle: [0x1030, 'AE'],
  MoveOriginatorMessageID: [0x1031, 'US'],
} as const;

type CommandKeyword = keyof typeof commandElements;
type CommandValue<K extends CommandKeyword> = (typeof commandElements)[K][1] extends 'US' ? number : string;
export type CommandSet = { readonly [K in CommandKeyword]?: CommandValue<K> | undefined };

/** Keyword and whether the value is a number, by element number. */
export const commandElementByNumber = new Map(
  Object.entries(commandElements).map(([keyword, [number, valueRepresentation]]) => [
    number as number,
    { keyword: keyword as CommandKeyword, isNumber: valueRepresentation === 'US' },
  ]),
);

export const CommandField = {
  CStoreRq: 0x0001,
  CGetRq: 0x0010,
  CFindRq: 0x0020,
  CMoveRq: 0x0021,
  CEchoRq: 0x0030,
  NEventReportRq: 0x0100,
  NActionRq: 0x0130,
  CCancelRq: 0x0fff,
} as const;

/** Added to the command field of a request: its response. */
export const RESPONSE_BIT = 0x8000;

export const CommandDataSetType = { Present: 0x0001, None: 0x0101 } as const;

/** A request with its message ID, and with the right data set type unless the command says otherwise. */
export function numberedRequest(messageId: number, command: CommandSet, hasDataSet: boolean): CommandSet {
  const type = hasDataSet ? CommandDataSetType.Present : CommandDataSetType.None;
  return { MessageID: messageId, CommandDataSetType: type, ...command };
}

/** A response that names its request; success without a data set, unless the fields say otherwise. */
export function responseTo(request: CommandSet, fields: CommandSet = {}): CommandSet {
  return {
    AffectedSOPClassUID: request.AffectedSOPClassUID ?? request.RequestedSOPClassUID,
    CommandField: request.CommandField! | RESPONSE_BIT,
    MessageIDBeingRespondedTo: request.MessageID,
    CommandDataSetType: CommandDataSetType.None,
    Status: 0x0000,
    AffectedSOPInstanceUID: request.AffectedSOPInstanceUID ?? request.RequestedSOPInstanceUID,
    ...fields,
  };
}

/** One element of a command set: implicit VR, little endian. */
export function commandElement(element: number, value: Buffer, group = 0x0000): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(group, 0);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}

/** Puts (0000,0000), the number of bytes that follow, in front of elements. */
export function withGroupLength(elements: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(elements.length);
  return Buffer.concat([commandElement(0x0000, length), elements]);
}

/** A well-formed command set: elements in ascending order, padded to even lengths, with the group length. */
export function commandSet(elements: CommandSet): Buffer {
  const encoded = Object.entries(commandElements).flatMap(([keyword, [number, valueRepresentation]]) => {
    const value = elements[keyword as CommandKeyword];
    return value === undefined ? [] : [commandElement(number, commandValue(value, valueRepresentation))];
  });
  return withGroupLength(Buffer.concat(encoded));
}

function commandValue(value: number | string, valueRepresentation: 'UI' | 'AE' | 'LO' | 'US'): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return bytes;
  }
  const padding = valueRepresentation === 'UI' ? '\0' : ' ';
  return text(value.length % 2 === 0 ? value : value + padding);
}

/** The P-DATA-TF PDUs of a whole message: the command set in one, the data set in as many as it takes. */
export function messagePdus(
  contextId: number,
  elements: CommandSet,
  dataSet?: Buffer,
  maxPduLength = 16384,
): Buffer[] {
  const command = { contextId, isCommand: true, isLast: true, fragment: commandSet(elements) };
  return [pDataTf(command), ...(dataSet === undefined ? [] : dataSetPdus(contextId, dataSet, maxPduLength))];
}

/** The P-DATA-TF PDUs of a data set, none longer than `maxPduLength`: 6 bytes of it are the PDV's header. */
export function dataSetPdus(contextId: number, dataSet: Buffer, maxPduLength: number): Buffer[] {
  const fragmentBytes = maxPduLength - 6;
  const pdus: Buffer[] = [];
  for (let offset = 0; offset < dataSet.length; offset += fragmentBytes) {
    const fragment = dataSet.subarray(offset, offset + fragmentBytes);
    const isLast = offset + fragmentBytes >= dataSet.length;
    pdus.push(pDataTf({ contextId, isCommand: false, isLast, fragment }));
  }
  return pdus;
}

/** A presentation context with the two syntaxes that everybody can do. */
export function proposedContext(
  id: number,
  abstractSyntax: string,
  transferSyntaxes: readonly string[] = [
    TransferSyntax.ExplicitVrLittleEndian,
    TransferSyntax.ImplicitVrLittleEndian,
  ],
): ProposedContext {
  return { id, abstractSyntax, transferSyntaxes };
}

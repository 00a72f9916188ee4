/**
 * Command sets (PS3.7 §6.3.1): their elements and the strict decoder. The archive
 * never sees the bytes that were decoded here, only what encodeCommandSet.ts makes of the result, so that gateway
 * and archive cannot read one message in two ways. Knows no PDUs, no policy, no state of an association.
 */

import { type CommandElement, commandElements, elementByNumber } from './commandElements';
import {
  type CommandFault,
  CommandSetError,
  hex,
  malformed,
  RefusedRequestError,
  tag,
} from './commandSetError';
import { CommandField, isResponse } from './commands';
import { decodeAe, decodeAt, decodeLo, decodeUi, decodeUnjudgedUi, decodeUs } from './elementValues';

/** A command set under the keywords of PS3.7 Table E.1-1. Absent elements are absent properties. */
export interface CommandSet {
  readonly AffectedSOPClassUID?: string;
  readonly RequestedSOPClassUID?: string;
  readonly CommandField: number;
  readonly MessageID?: number;
  readonly MessageIDBeingRespondedTo?: number;
  readonly MoveDestination?: string;
  readonly Priority?: number;
  /** 0101H: no data set. Any other value, kept as it came: a data set follows. */
  readonly CommandDataSetType: number;
  readonly Status?: number;
  /** Tags as (group << 16) + element, unsigned. */
  readonly OffendingElement?: readonly number[];
  readonly ErrorComment?: string;
  readonly ErrorID?: number;
  readonly AffectedSOPInstanceUID?: string;
  readonly RequestedSOPInstanceUID?: string;
  readonly EventTypeID?: number;
  /** Tags as (group << 16) + element, unsigned. */
  readonly AttributeIdentifierList?: readonly number[];
  readonly ActionTypeID?: number;
  readonly NumberOfRemainingSuboperations?: number;
  readonly NumberOfCompletedSuboperations?: number;
  readonly NumberOfFailedSuboperations?: number;
  readonly NumberOfWarningSuboperations?: number;
  readonly MoveOriginatorApplicationEntityTitle?: string;
  readonly MoveOriginatorMessageID?: number;
}

/** Element header, Implicit VR: group (2), element (2), length (4). */
const ELEMENT_HEADER_BYTES = 2 + 2 + 4;
/** The most that the configuration allows for limits.maxCommandSetBytes; bounds the work of one decoding. */
const MAX_COMMAND_SET_BYTES = 65536;
/**
 * Longest value of an element: a list of 2,048 tags, more than any N-GET asks for. Below 4141H on purpose. In
 * Explicit VR two capital letters stand where the length begins, which then reads as 4141H or more: a command set
 * in the wrong encoding is refused at its first element and never misread.
 */
const MAX_VALUE_BYTES = 0x2000;

const acceptedValues = {
  US: '2 bytes',
  AT: '4 bytes for each tag',
  UI: 'at most 64 digits and full stops',
  AE: 'at most 16 printable ASCII characters without backslash',
  LO: 'at most 64 characters without control characters',
} as const;

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const MESSAGE_ID_BEING_RESPONDED_TO = 0x0120;
/**
 * What says which request this is, and where it ends. It must be there once and readable, or nothing can be answered.
 */
const identifyingElements: ReadonlySet<number> = new Set([
  0x0100,
  0x0110,
  MESSAGE_ID_BEING_RESPONDED_TO,
  0x0800,
  0x0900,
]);
/** Nothing depends on them, and no command requires them: they are left out where they are not what they should be. */
const informativeElements: ReadonlySet<number> = new Set([0x0901, 0x0902, 0x0903, 0x1030, 0x1031]);
/** Judged in requests. Instances are not: only the archive looks at them. */
const classElements: ReadonlySet<number> = new Set([0x0002, 0x0003]);
const instanceElements: ReadonlySet<number> = new Set([0x1000, 0x1001]);

/**
 * Decodes one whole command set, Implicit VR Little Endian. Throws CommandSetError where bytes could be the end of one
 * element for one parser and the middle for another, and where what identifies the message is missing, repeated or not
 * readable. All else that two parsers could read differently is a fault of a request: nothing of it is passed on.
 *
 * The group length counts for nothing: the set ends where its last fragment ends, and is encoded again with the right one.
 * Elements that are retired, private or unknown are skipped: the archive does not see them either. So are the elements of
 * group 0008 that DCMTK 3.6.7 and Orthanc append to a C-GET or C-MOVE response with failures
 * (test/integration/peers/retrieve.test.ts, "get what cannot be transcoded"). Requests have nothing to append.
 */
export function decodeCommandSet(bytes: Buffer): CommandSet {
  if (bytes.length > MAX_COMMAND_SET_BYTES) {
    const detail = `${bytes.length} bytes; at most ${MAX_COMMAND_SET_BYTES} are accepted`;
    throw new CommandSetError('command-set-too-long', `a command set of ${detail}`);
  }
  const set: Mutable<Partial<CommandSet>> = {};
  let fault: CommandFault | undefined;
  let previous = -1;
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset + ELEMENT_HEADER_BYTES;
    if (start > bytes.length) {
      throw malformed(`the command set ends inside an element header, at byte ${offset}`);
    }
    const group = bytes.readUInt16LE(offset);
    const element = bytes.readUInt16LE(offset + 2);
    const length = bytes.readUInt32LE(offset + 4);
    if (group !== 0) {
      fault ??= {
        code: 'command-set-refused',
        message: `the element at byte ${offset} is in group ${hex(group)}, not in 0000`,
      };
      break;
    }
    checkLength(element, length, bytes.length - start);
    const end = start + length;
    if (element <= previous) {
      const order = `${tag(element)} comes after ${tag(previous)}; elements are unique and ascending`;
      if (identifies(set, element) && isRepeated(set, element)) throw malformed(order);
      fault = { code: 'command-set-refused', message: order, isOrder: true };
    }
    if (element === 0x0000 && length !== 4) {
      fault ??= { code: 'command-set-refused', message: `(0000,0000) has ${length} bytes; accepted are 4` };
    }
    const known = elementByNumber.get(element);
    if (known !== undefined && !decodeElement(set, known, bytes, start, end)) {
      if (identifies(set, element)) throw malformed(notItsValue(known, length));
      fault ??= valueFault(known, length);
    }
    previous = element;
    offset = end;
  }
  if (set.CommandField === undefined) throw incomplete('the command set', 'CommandField');
  if (set.CommandDataSetType === undefined) throw incomplete('the command set', 'CommandDataSetType');
  if (fault !== undefined) judgeFault(set as CommandSet, fault);
  return set as CommandSet;
}

function isRepeated(set: Partial<CommandSet>, element: number): boolean {
  const known = elementByNumber.get(element);
  return known !== undefined && set[known.keyword] !== undefined;
}

/** A cancel names an operation, but not itself. */
function identifies({ CommandField: field }: Partial<CommandSet>, element: number): boolean {
  const isOfCancel = field === CommandField.CCancelRq && element === MESSAGE_ID_BEING_RESPONDED_TO;
  return identifyingElements.has(element) && !isOfCancel;
}

/**
 * A response cannot be refused, so one whose elements come in an order of its own is not read at all. Foreign elements
 * behind a response, and values that nothing depends on, are left out instead. A request without a MessageID cannot be
 * answered. A C-CANCEL needs no answer.
 */
function judgeFault(set: CommandSet, fault: CommandFault): void {
  if (!isResponse(set.CommandField)) {
    if (set.MessageID === undefined && set.CommandField !== CommandField.CCancelRq) {
      throw malformed(fault.message);
    }
    throw new RefusedRequestError(fault, set);
  }
  if (fault.isOrder === true) throw malformed(fault.message);
}

function valueFault(known: CommandElement, valueBytes: number): CommandFault | undefined {
  if (informativeElements.has(known.element)) return undefined;
  const message = notItsValue(known, valueBytes);
  if (classElements.has(known.element)) return { code: 'sop-class-uid-invalid', message };
  if (instanceElements.has(known.element)) return { code: 'sop-instance-uid-invalid', message };
  return { code: 'command-set-refused', message };
}

function checkLength(element: number, length: number, remaining: number): void {
  if (length > MAX_VALUE_BYTES) {
    const letters = Buffer.of(length & 0xff, (length >> 8) & 0xff).toString('latin1');
    const hint = /^[A-Z]{2}$/.test(letters)
      ? '; it looks like Explicit VR, command sets are Implicit VR'
      : '';
    throw malformed(
      `${tag(element)} has a length of ${length}; at most ${MAX_VALUE_BYTES} is accepted${hint}`,
    );
  }
  if (length % 2 !== 0) throw malformed(`${tag(element)} has an odd length, ${length}`);
  if (length > remaining) {
    throw malformed(`${tag(element)} has a length of ${length}, but ${remaining} bytes follow`);
  }
}

/** Whether the value is one of its VR; if not, the element stays absent. */
function decodeElement(
  set: Mutable<Partial<CommandSet>>,
  known: CommandElement,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  switch (known.vr) {
    case 'US': {
      const value = decodeUs(bytes, start, end);
      if (value !== undefined) set[known.keyword] = value;
      return value !== undefined;
    }
    case 'AT': {
      const value = decodeAt(bytes, start, end);
      if (value !== undefined) set[known.keyword] = value;
      return value !== undefined;
    }
    case 'UI': {
      const decode = instanceElements.has(known.element) ? decodeUnjudgedUi : decodeUi;
      const value = decode(bytes, start, end);
      if (value !== undefined) set[known.keyword] = value;
      return value !== undefined;
    }
    case 'AE': {
      const value = decodeAe(bytes, start, end);
      if (value !== undefined) set[known.keyword] = value;
      return value !== undefined;
    }
    case 'LO':
      set[known.keyword] = decodeLo(bytes, start, end);
      return true;
  }
}

function notItsValue({ element, keyword, vr }: CommandElement, valueBytes: number): string {
  const accepted = instanceElements.has(element) ? 'at most 64 printable characters' : acceptedValues[vr];
  return `${tag(element)} ${keyword} has ${valueBytes} bytes that are not ${vr}; accepted are ${accepted}`;
}

/** A command set without an element that its command requires. */
export function incomplete(name: string, keyword: keyof CommandSet): CommandSetError {
  return new CommandSetError('command-set-incomplete', absence(name, keyword));
}

/** The same in words. */
export function absence(name: string, keyword: keyof CommandSet): string {
  const element = commandElements.find((known) => known.keyword === keyword)?.element ?? 0;
  return `${name} has no ${tag(element)} ${keyword}`;
}

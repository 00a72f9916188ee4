/**
 * Command sets (PS3.7 §6.3.1): their elements and the strict decoder. The archive
 * never sees the bytes that were decoded here, only what encodeCommandSet.ts makes of the result, so that gateway
 * and archive cannot read one message in two ways. Knows no PDUs, no policy, no state of an association.
 */

import { isResponse } from './commands';
import { decodeAe, decodeAt, decodeLo, decodeUi, decodeUl, decodeUs } from './elementValues';

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

type KeywordOf<Value> = {
  [Keyword in keyof CommandSet]-?: Required<CommandSet>[Keyword] extends Value ? Keyword : never;
}[keyof CommandSet];

export type CommandElement = { readonly element: number } & (
  | { readonly vr: 'US'; readonly keyword: KeywordOf<number> }
  | { readonly vr: 'UI' | 'AE' | 'LO'; readonly keyword: KeywordOf<string> }
  | { readonly vr: 'AT'; readonly keyword: KeywordOf<readonly number[]> }
);

/** Every element of group 0000 in use, ascending (PS3.7 Table E.1-1), except the group length. */
export const commandElements: readonly CommandElement[] = [
  { element: 0x0002, vr: 'UI', keyword: 'AffectedSOPClassUID' },
  { element: 0x0003, vr: 'UI', keyword: 'RequestedSOPClassUID' },
  { element: 0x0100, vr: 'US', keyword: 'CommandField' },
  { element: 0x0110, vr: 'US', keyword: 'MessageID' },
  { element: 0x0120, vr: 'US', keyword: 'MessageIDBeingRespondedTo' },
  { element: 0x0600, vr: 'AE', keyword: 'MoveDestination' },
  { element: 0x0700, vr: 'US', keyword: 'Priority' },
  { element: 0x0800, vr: 'US', keyword: 'CommandDataSetType' },
  { element: 0x0900, vr: 'US', keyword: 'Status' },
  { element: 0x0901, vr: 'AT', keyword: 'OffendingElement' },
  { element: 0x0902, vr: 'LO', keyword: 'ErrorComment' },
  { element: 0x0903, vr: 'US', keyword: 'ErrorID' },
  { element: 0x1000, vr: 'UI', keyword: 'AffectedSOPInstanceUID' },
  { element: 0x1001, vr: 'UI', keyword: 'RequestedSOPInstanceUID' },
  { element: 0x1002, vr: 'US', keyword: 'EventTypeID' },
  { element: 0x1005, vr: 'AT', keyword: 'AttributeIdentifierList' },
  { element: 0x1008, vr: 'US', keyword: 'ActionTypeID' },
  { element: 0x1020, vr: 'US', keyword: 'NumberOfRemainingSuboperations' },
  { element: 0x1021, vr: 'US', keyword: 'NumberOfCompletedSuboperations' },
  { element: 0x1022, vr: 'US', keyword: 'NumberOfFailedSuboperations' },
  { element: 0x1023, vr: 'US', keyword: 'NumberOfWarningSuboperations' },
  { element: 0x1030, vr: 'AE', keyword: 'MoveOriginatorApplicationEntityTitle' },
  { element: 0x1031, vr: 'US', keyword: 'MoveOriginatorMessageID' },
];
const elementByNumber = new Map(commandElements.map((known) => [known.element, known]));

/** The codes of protocol errors that this folder finds. Each is a reason of policy/reasons.ts. */
export type CommandSetErrorCode =
  | 'command-set-malformed'
  | 'command-set-too-long'
  | 'command-set-incomplete'
  | 'command-set-sop-class-mismatch';

/** A command set that PS3.7 does not allow. The message names elements, numbers and at most a UID. */
export class CommandSetError extends Error {
  override readonly name = 'CommandSetError';
  readonly code: CommandSetErrorCode;

  constructor(code: CommandSetErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A command set whose bytes or values are not what PS3.7 says. */
export function malformed(message: string): CommandSetError {
  return new CommandSetError('command-set-malformed', message);
}

/** An element of group 0000 as people write it: `(0000,0110)`. */
function tag(element: number): string {
  return `(0000,${hex(element)})`;
}

/** Four hexadecimal digits. */
export function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}

/** Element header, Implicit VR: group (2), element (2), length (4). */
const ELEMENT_HEADER_BYTES = 2 + 2 + 4;
/** (0000,0000) with its UL; no element can come before it. */
const GROUP_LENGTH_ELEMENT_BYTES = ELEMENT_HEADER_BYTES + 4;
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

/**
 * Decodes one whole command set, Implicit VR Little Endian. Throws CommandSetError for everything that two parsers
 * could read differently: repeated or descending elements, lengths that are odd, wrong for the VR or out of bounds.
 * Elements that are retired, private or unknown are skipped: the archive does not see them either. So are
 * the elements of group 0008 that DCMTK 3.6.7 and Orthanc append to a C-GET or C-MOVE response with failures, beyond
 * the announced group length (test/integration/peers/retrieve.test.ts, "get what cannot be transcoded"). Requests
 * have nothing to append.
 */
export function decodeCommandSet(bytes: Buffer): CommandSet {
  if (bytes.length > MAX_COMMAND_SET_BYTES) {
    const detail = `${bytes.length} bytes; at most ${MAX_COMMAND_SET_BYTES} are accepted`;
    throw new CommandSetError('command-set-too-long', `a command set of ${detail}`);
  }
  const set: Mutable<Partial<CommandSet>> = {};
  let groupEnd: number | undefined;
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
      if (offset === groupEnd && isResponse(set.CommandField ?? 0)) break;
      throw malformed(`the element at byte ${offset} is in group ${hex(group)}, not in 0000`);
    }
    if (element <= previous) {
      throw malformed(`${tag(element)} comes after ${tag(previous)}; elements are unique and ascending`);
    }
    const end = start + length;
    checkLength(element, length, bytes.length - start);
    if (element === 0x0000) groupEnd = end + decodeGroupLength(bytes, start, end);
    else decodeElement(set, bytes, element, start, end);
    previous = element;
    offset = end;
  }
  if (groupEnd !== undefined && groupEnd !== offset) throw wrongGroupLength(bytes, groupEnd);
  if (set.CommandField === undefined) throw incomplete('the command set', 'CommandField');
  if (set.CommandDataSetType === undefined) throw incomplete('the command set', 'CommandDataSetType');
  return set as CommandSet;
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

/** Where it is missing nothing is lost: DCMTK and pynetdicom read such command sets too, and we always send it. */
function decodeGroupLength(bytes: Buffer, start: number, end: number): number {
  const announced = decodeUl(bytes, start, end);
  if (announced === undefined) throw malformed(`(0000,0000) has ${end - start} bytes; accepted are 4`);
  return announced;
}

function wrongGroupLength(bytes: Buffer, groupEnd: number): CommandSetError {
  const announced = groupEnd - GROUP_LENGTH_ELEMENT_BYTES;
  const follow = bytes.length - GROUP_LENGTH_ELEMENT_BYTES;
  return malformed(`(0000,0000) announces ${announced} bytes, but ${follow} follow`);
}

function decodeElement(
  set: Mutable<Partial<CommandSet>>,
  bytes: Buffer,
  element: number,
  start: number,
  end: number,
): void {
  const known = elementByNumber.get(element);
  if (known === undefined) return;
  switch (known.vr) {
    case 'US':
      set[known.keyword] = decodeUs(bytes, start, end) ?? refuseValue(known, end - start);
      break;
    case 'AT':
      set[known.keyword] = decodeAt(bytes, start, end) ?? refuseValue(known, end - start);
      break;
    case 'UI':
      set[known.keyword] = decodeUi(bytes, start, end) ?? refuseValue(known, end - start);
      break;
    case 'AE':
      set[known.keyword] = decodeAe(bytes, start, end) ?? refuseValue(known, end - start);
      break;
    case 'LO':
      set[known.keyword] = decodeLo(bytes, start, end);
      break;
  }
}

function refuseValue({ element, keyword, vr }: CommandElement, valueBytes: number): never {
  const detail = `${valueBytes} bytes that are not ${vr}; accepted are ${acceptedValues[vr]}`;
  throw malformed(`${tag(element)} ${keyword} has ${detail}`);
}

/** A command set without an element that its command requires. */
export function incomplete(name: string, keyword: keyof CommandSet): CommandSetError {
  const element = commandElements.find((known) => known.keyword === keyword)?.element ?? 0;
  return new CommandSetError('command-set-incomplete', `${name} has no ${tag(element)} ${keyword}`);
}

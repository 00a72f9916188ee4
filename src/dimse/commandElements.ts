/**
 * The elements of command sets as data (PS3.7 Table E.1-1): numbers, value representations and keywords. Knows no bytes.
 */
import type { CommandSet } from './commandSet';

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

export const elementByNumber = new Map(commandElements.map((known) => [known.element, known]));

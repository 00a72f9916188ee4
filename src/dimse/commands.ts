/**
 * The DIMSE commands and statuses as data (PS3.7 §9.3, §10.3, Annex C, Annex E): names, codes, and what each
 * request must carry. Knows no bytes and no policy: what a modality may do is not decided here.
 */

/** Command Field (0000,0100) of the requests (PS3.7 Table E.1-1). A response is its request plus 8000H. */
export const CommandField = {
  CStoreRq: 0x0001,
  CGetRq: 0x0010,
  CFindRq: 0x0020,
  CMoveRq: 0x0021,
  CEchoRq: 0x0030,
  NEventReportRq: 0x0100,
  NGetRq: 0x0110,
  NSetRq: 0x0120,
  NActionRq: 0x0130,
  NCreateRq: 0x0140,
  NDeleteRq: 0x0150,
  /** Has no response of its own: the cancelled operation answers (PS3.7 §9.3.2.3). */
  CCancelRq: 0x0fff,
} as const;

/** Set in the command field of every response. */
export const RESPONSE_BIT = 0x8000;

/** Command Data Set Type (0000,0800) of a message without a data set; every other value means "one follows". */
export const NO_DATA_SET = 0x0101;

interface Command {
  readonly name: string;
  readonly field: number;
  /** Elements that the request must have, and not empty. */
  readonly elements: readonly string[];
  readonly dataSet: 'required' | 'optional' | 'forbidden';
}

// Priority, which C-STORE, C-FIND, C-GET and C-MOVE must have too, is left to the archive: nothing here depends
// on it. N-CREATE may leave the instance UID to the performer (PS3.7 §10.1.5.1.4).
const affectedClass = ['MessageID', 'AffectedSOPClassUID'] as const;
const affectedInstance = [...affectedClass, 'AffectedSOPInstanceUID'] as const;
const requestedInstance = ['MessageID', 'RequestedSOPClassUID', 'RequestedSOPInstanceUID'] as const;
const moveElements = [...affectedClass, 'MoveDestination'] as const;
const eventElements = [...affectedInstance, 'EventTypeID'] as const;
const actionElements = [...requestedInstance, 'ActionTypeID'] as const;
const cancelElements = ['MessageIDBeingRespondedTo'] as const;

const commands = [
  { name: 'C-STORE', field: CommandField.CStoreRq, elements: affectedInstance, dataSet: 'required' },
  { name: 'C-GET', field: CommandField.CGetRq, elements: affectedClass, dataSet: 'required' },
  { name: 'C-FIND', field: CommandField.CFindRq, elements: affectedClass, dataSet: 'required' },
  { name: 'C-MOVE', field: CommandField.CMoveRq, elements: moveElements, dataSet: 'required' },
  { name: 'C-ECHO', field: CommandField.CEchoRq, elements: affectedClass, dataSet: 'forbidden' },
  {
    name: 'N-EVENT-REPORT',
    field: CommandField.NEventReportRq,
    elements: eventElements,
    dataSet: 'optional',
  },
  { name: 'N-GET', field: CommandField.NGetRq, elements: requestedInstance, dataSet: 'forbidden' },
  { name: 'N-SET', field: CommandField.NSetRq, elements: requestedInstance, dataSet: 'required' },
  { name: 'N-ACTION', field: CommandField.NActionRq, elements: actionElements, dataSet: 'optional' },
  { name: 'N-CREATE', field: CommandField.NCreateRq, elements: affectedClass, dataSet: 'optional' },
  { name: 'N-DELETE', field: CommandField.NDeleteRq, elements: requestedInstance, dataSet: 'forbidden' },
  { name: 'C-CANCEL', field: CommandField.CCancelRq, elements: cancelElements, dataSet: 'forbidden' },
] as const satisfies readonly Command[];

const commandByField = new Map<number, (typeof commands)[number]>(
  commands.map((command) => [command.field, command]),
);

/** The rules of a request, or undefined where the standard defines no such request. */
export function requestRules(commandField: number): (typeof commands)[number] | undefined {
  return commandByField.get(commandField);
}

// Not the N-services: print and UPS name one SOP class on the context of another.
const fieldsBoundToContext: ReadonlySet<number> = new Set([
  CommandField.CStoreRq,
  CommandField.CGetRq,
  CommandField.CFindRq,
  CommandField.CMoveRq,
  CommandField.CEchoRq,
]);

/** Whether the SOP class of this request is the abstract syntax of its presentation context. */
export function isBoundToContext(commandField: number): boolean {
  return fieldsBoundToContext.has(commandField);
}

export function isResponse(commandField: number): boolean {
  return (commandField & RESPONSE_BIT) !== 0;
}

/** Whether the standard defines this request; C-CANCEL is one. */
export function isKnownRequest(commandField: number): boolean {
  return commandByField.has(commandField);
}

/** `C-STORE` for request and response alike, or undefined where the standard has no such command. */
export function commandName(commandField: number): string | undefined {
  return commandByField.get(commandField & ~RESPONSE_BIT)?.name;
}

const fieldByName: ReadonlyMap<string, number> = new Map(commands.map(({ name, field }) => [name, field]));

/** The command field of a request by its name, such as `C-STORE`; undefined for other texts. */
export function commandFieldOf(name: string): number | undefined {
  return fieldByName.get(name);
}

/** Whether a data set follows the command set (PS3.7 Table E.1-1, Command Data Set Type). */
export function hasDataSet(commandSet: { readonly CommandDataSetType: number }): boolean {
  return commandSet.CommandDataSetType !== NO_DATA_SET;
}

/** Statuses that the gateway sends or tests (PS3.7 Annex C, PS3.4 Table C.4-2). */
export const Status = {
  Success: 0x0000,
  ProcessingFailure: 0x0110,
  NoSuchSopClass: 0x0118,
  SopClassNotSupported: 0x0122,
  NotAuthorized: 0x0124,
  DuplicateInvocation: 0x0210,
  UnrecognizedOperation: 0x0211,
  MistypedArgument: 0x0212,
  MoveDestinationUnknown: 0xa801,
  Cancel: 0xfe00,
  Pending: 0xff00,
  /** Pending, and the performer ignores optional keys of the query. */
  PendingWarning: 0xff01,
} as const;

export type StatusClass = 'success' | 'warning' | 'failure' | 'cancel' | 'pending';

/** Whether more responses to the same request follow (PS3.7 §C.1.5). */
export function isPendingStatus(status: number): boolean {
  return status === Status.Pending || status === Status.PendingWarning;
}

/** The class of any status (PS3.7 Annex C). Codes that no class covers count as failures. */
export function statusClass(status: number): StatusClass {
  if (status === Status.Success) return 'success';
  if (isPendingStatus(status)) return 'pending';
  if (status === Status.Cancel) return 'cancel';
  const isWarning = status === 0x0001 || status === 0x0107 || status === 0x0116 || status >> 12 === 0xb;
  return isWarning ? 'warning' : 'failure';
}

/** As logs and messages show a status: `0xA801`. */
export function formatStatus(status: number): string {
  return `0x${status.toString(16).toUpperCase().padStart(4, '0')}`;
}

// The same for every service (PS3.7 Annex C).
const generalStatusTexts: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'requested optional attributes are not supported',
  261: 'no such attribute',
  262: 'invalid attribute value',
  263: 'attribute list error',
  272: 'processing failure',
  273: 'duplicate SOP instance',
  274: 'no such SOP instance',
  275: 'no such event type',
  276: 'no such argument',
  277: 'invalid argument value',
  278: 'attribute value out of range',
  279: 'invalid SOP instance',
  280: 'no such SOP class',
  281: 'class-instance conflict',
  288: 'missing attribute',
  289: 'missing attribute value',
  290: 'refused: SOP class not supported',
  291: 'no such action',
  292: 'refused: not authorized',
  528: 'duplicate invocation',
  529: 'unrecognized operation',
  530: 'mistyped argument',
  531: 'resource limitation',
  65024: 'cancelled',
  65280: 'pending',
  65281: 'pending, optional keys are ignored',
};

const retrieveStatusTexts: Readonly<Record<number, string>> = {
  42753: 'refused: out of resources, cannot count the matches',
  42754: 'refused: out of resources, cannot perform sub-operations',
  43009: 'refused: move destination unknown',
  43264: 'identifier does not match the SOP class',
  45056: 'sub-operations are complete, some failed',
  49152: 'unable to process',
};

// The same code means different things in different services (PS3.4 Tables B.2-1, C.4-1 to C.4-3).
const serviceStatusTexts: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  [CommandField.CStoreRq]: {
    42752: 'refused: out of resources',
    43264: 'data set does not match the SOP class',
    45056: 'stored, elements were coerced',
    45062: 'stored, elements were discarded',
    45063: 'stored, data set does not match the SOP class',
    49152: 'cannot understand',
  },
  [CommandField.CFindRq]: {
    42752: 'refused: out of resources',
    43264: 'identifier does not match the SOP class',
    49152: 'unable to process',
  },
  [CommandField.CMoveRq]: retrieveStatusTexts,
  [CommandField.CGetRq]: retrieveStatusTexts,
};

/** What a status says in answer to this command (request or response field), or its class where it has no text. */
export function statusText(status: number, commandField: number): string {
  const ofService = serviceStatusTexts[commandField & ~RESPONSE_BIT] ?? {};
  const text = ofService[status] ?? ofService[statusRange(status)] ?? generalStatusTexts[status];
  return text ?? statusClass(status);
}

/** The first code of the range: in A7xx, A9xx and Cxxx the low digits are the performer's own. */
function statusRange(status: number): number {
  if (status >> 12 === 0xc) return 0xc000;
  return status >> 12 === 0xa ? status & 0xff00 : status;
}

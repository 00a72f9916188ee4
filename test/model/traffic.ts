/**
 * Legal and illegal traffic as steps that a person can read, and the bytes of each. Knows neither the model nor the
 * gateway.
 */
import fc from 'fast-check';
import { encodeElement, explicitLittleEndian, padded, uidValue } from '../support/dataElements';
import {
  CommandDataSetType,
  CommandField,
  type CommandSet,
  commandSet,
  numberedRequest,
  type Pdv,
  proposedContext,
  responseTo,
} from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { SopClass, TransferSyntax } from '../support/uids';
import type { Message, Pdu, Side } from './referenceModel';

export type Direction = 'ingress' | 'egress';

const INSTANCE = '1.2.3';
const UNKNOWN_FIELD = 0x0042;

export const contexts = [
  SopClass.Verification,
  SopClass.CTImageStorage,
  SopClass.MRImageStorage,
  SopClass.StudyRootFind,
  SopClass.StudyRootGet,
  SopClass.StudyRootMove,
  SopClass.StorageCommitmentPushModel,
].map((sopClass, index) => proposedContext(2 * index + 1, sopClass, [TransferSyntax.ExplicitVrLittleEndian]));

/** The end that nobody accepted. */
export const STRANGE_CONTEXT = 201;

function contextOf(sopClass: string): number {
  return contexts.find(({ abstractSyntax }) => abstractSyntax === sopClass)!.id;
}

/** A data set that says what it is; of odd length where `filler` is odd. */
function image(sopClass: string, instance: string, filler: number): Buffer {
  return Buffer.concat([
    encodeElement(explicitLittleEndian, 0x0008, 0x0016, 'UI', uidValue(sopClass)),
    encodeElement(explicitLittleEndian, 0x0008, 0x0018, 'UI', uidValue(instance)),
    encodeElement(explicitLittleEndian, 0x7fe0, 0x0010, 'OB', Buffer.alloc(filler, 'pixels ')),
  ]);
}

interface Template {
  readonly sopClass: string;
  /** On the context of another class. */
  readonly on?: string;
  readonly command: CommandSet;
  readonly dataSet?: Buffer;
  /**
   * What the gateway refuses it with. Where this names a direction, then only in that one, and only of the caller: what the
   * callee sends on its own was asked for.
   */
  readonly refusal?: number | { readonly [K in Direction]?: number };
}

function store(sopClass: string, rest: Partial<Template> = {}): Template {
  return {
    sopClass,
    command: { CommandField: CommandField.CStoreRq, AffectedSOPInstanceUID: INSTANCE },
    dataSet: image(sopClass, INSTANCE, 700),
    ...rest,
  };
}

const { CTImageStorage: CT, MRImageStorage: MR, StorageCommitmentPushModel: COMMITMENT } = SopClass;
const query = Buffer.alloc(40, 'query ');

/** Every request of the traffic, and what policy says of it. */
const templates = {
  echo: { sopClass: SopClass.Verification, command: { CommandField: CommandField.CEchoRq } },
  storeCt: store(CT),
  storeOddCt: store(CT, { dataSet: image(CT, INSTANCE, 3) }),
  storeMr: store(MR, { refusal: { ingress: 0x0122 } }),
  storeCtThatIsMr: store(CT, { dataSet: image(MR, INSTANCE, 50), refusal: 0xa900 }),
  storeOtherInstance: store(CT, { dataSet: image(CT, '1.2.9', 5000), refusal: 0xa900 }),
  storeCtOnMr: store(CT, { on: MR, refusal: 0x0122 }),
  storeNothing: { ...store(CT), dataSet: undefined, refusal: 0x0212 },
  find: {
    sopClass: SopClass.StudyRootFind,
    command: { CommandField: CommandField.CFindRq },
    dataSet: query,
    refusal: { egress: 0x0124 },
  },
  get: {
    sopClass: SopClass.StudyRootGet,
    command: { CommandField: CommandField.CGetRq },
    dataSet: query,
    refusal: { egress: 0x0124 },
  },
  move: {
    sopClass: SopClass.StudyRootMove,
    command: { CommandField: CommandField.CMoveRq, MoveDestination: 'ELSEWHERE' },
    dataSet: query,
    refusal: 0x0124,
  },
  unknown: { sopClass: SopClass.Verification, command: { CommandField: UNKNOWN_FIELD }, refusal: 0x0211 },
  commit: {
    sopClass: COMMITMENT,
    command: {
      CommandField: CommandField.NActionRq,
      RequestedSOPClassUID: COMMITMENT,
      RequestedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      ActionTypeID: 1,
    },
    dataSet: query,
  },
  report: {
    sopClass: COMMITMENT,
    command: {
      CommandField: CommandField.NEventReportRq,
      AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      EventTypeID: 1,
    },
    dataSet: query,
  },
} satisfies Record<string, Omit<Template, 'dataSet'> & { readonly dataSet?: Buffer | undefined }>;

export type RequestName = keyof typeof templates;

const names: Readonly<Record<number, string>> = {
  [CommandField.CStoreRq]: 'C-STORE',
  [CommandField.CFindRq]: 'C-FIND',
  [CommandField.CGetRq]: 'C-GET',
  [CommandField.CMoveRq]: 'C-MOVE',
  [CommandField.CEchoRq]: 'C-ECHO',
  [CommandField.NActionRq]: 'N-ACTION',
  [CommandField.NEventReportRq]: 'N-EVENT-REPORT',
  [CommandField.CCancelRq]: 'C-CANCEL',
  [UNKNOWN_FIELD]: 'unknown',
};

/** Of an {@link image}: the two UIDs, and the tag behind them. */
const TELLING_BYTES = image(SopClass.CTImageStorage, '1.2.3', 0).length - 8;

/** A message as the model takes it, and as it is sent. */
export interface Sent {
  readonly message: Message;
  readonly command: CommandSet;
  /** As it arrives: of even length. */
  readonly arriving: Buffer;
  readonly pdvs: readonly SentPdv[];
}

export interface SentPdv extends Pdv {
  /** With it, the data set of an image has said which instance it is. */
  readonly tells: boolean;
}

/** What a side sent or heard, for the model. */
export function messageOf(contextId: number, command: CommandSet, dataSet: Buffer | undefined): Message {
  const field = command.CommandField ?? 0;
  const isResponse = (field & 0x8000) !== 0;
  const name = names[field & 0x7fff] ?? `command ${field}`;
  const id =
    (isResponse || name === 'C-CANCEL' ? command.MessageIDBeingRespondedTo : command.MessageID) ?? -1;
  return {
    command: name,
    isResponse,
    id,
    contextId,
    ...(isResponse ? { status: command.Status ?? -1 } : {}),
    ...(dataSet === undefined ? {} : { dataSet: `${dataSet.length} bytes ${sha256(dataSet).slice(0, 8)}` }),
  };
}

function sent(contextId: number, command: CommandSet, dataSet: Buffer | undefined, pieces: number): Sent {
  const arriving = padded(dataSet ?? Buffer.alloc(0), 0);
  const pdvs = [
    ...cut(commandSet(command), pieces).map((each) => ({
      contextId,
      isCommand: true,
      ...each,
      tells: false,
    })),
    ...(dataSet === undefined ? [] : cut(dataSet, pieces)).map((each) => ({
      contextId,
      isCommand: false,
      ...each,
    })),
  ];
  return { message: messageOf(contextId, command, dataSet && arriving), command, arriving, pdvs };
}

function cut(bytes: Buffer, pieces: number): Omit<SentPdv, 'contextId' | 'isCommand'>[] {
  const length = Math.ceil(bytes.length / pieces);
  return Array.from({ length: pieces }, (_, index) => ({
    fragment: bytes.subarray(index * length, (index + 1) * length),
    isLast: index === pieces - 1,
    tells: (index + 1) * length >= TELLING_BYTES,
  }));
}

/** `direction` is left out where the callee asks. */
export function request(name: RequestName, id: number, pieces: number, direction?: Direction): Sent {
  const { sopClass, on, command, dataSet, refusal }: Template = templates[name] as Template;
  const named = 'RequestedSOPClassUID' in command ? {} : { AffectedSOPClassUID: sopClass };
  const complete = numberedRequest(id, { ...command, ...named }, dataSet !== undefined);
  const made = sent(contextOf(on ?? sopClass), complete, dataSet, pieces);
  const status = typeof refusal === 'object' ? direction && refusal[direction] : refusal;
  return status === undefined ? made : { ...made, message: { ...made.message, refusal: status } };
}

/** Undefined answers what was never asked. */
export function answer(
  asked: Sent | undefined,
  status: number,
  contextId: number | undefined,
  pieces: number,
): Sent {
  const { command, message } = asked ?? request('echo', 77, 1, 'ingress');
  const isMatch = status === 0xff00 && message.command === 'C-FIND';
  const type = isMatch ? CommandDataSetType.Present : CommandDataSetType.None;
  const response = responseTo(command, { Status: status, CommandDataSetType: type });
  return sent(
    contextId ?? message.contextId,
    response,
    isMatch ? Buffer.alloc(300, 'match ') : undefined,
    pieces,
  );
}

export function cancel(asked: Sent | undefined): Sent {
  const { message } = asked ?? request('find', 77, 1, 'ingress');
  const command = {
    CommandField: CommandField.CCancelRq,
    MessageIDBeingRespondedTo: message.id,
    CommandDataSetType: CommandDataSetType.None,
  };
  return sent(message.contextId, command, undefined, 1);
}

/** How a message goes out: in so many fragments, of which the last ones are held back for a later step. */
interface Fragmented {
  readonly pieces: number;
  readonly heldBack: number;
  /** All in one PDU. */
  readonly isJoined: boolean;
  /** Before the rest of the last message has gone out. */
  readonly isImpatient: boolean;
}

export type Step = { readonly from: Side } & (
  | ({ readonly request: RequestName; readonly id: number } & Fragmented)
  /** `which` of the other side's requests. */
  | ({ readonly answer: number; readonly which: number; readonly isElsewhere: boolean } & Fragmented)
  | { readonly cancel: number }
  /** So many fragments of what was held back. */
  | { readonly rest: number }
  | { readonly odd: 'data first' | 'foreign context' | 'strange context' | 'empty fragment' }
  | { readonly pdu: Pdu | 'garbage' }
  | { readonly end: 'FIN' | 'RST' }
);

const side = fc.constantFrom<Side>('caller', 'callee');
const small = fc.nat({ max: 3 });
const rarely = fc.nat({ max: 7 }).map((number) => number === 7);
const fragmented = {
  pieces: fc.integer({ min: 1, max: 3 }),
  heldBack: fc.nat({ max: 5 }).map((number) => Math.max(0, number - 3)),
  isJoined: fc.boolean(),
  isImpatient: rarely,
};
const callerRequests = Object.keys(templates) as RequestName[];
/** Of what a callee may never ask, some. */
const calleeRequests: RequestName[] = [
  'report',
  'report',
  'storeCt',
  'storeOddCt',
  'storeCtThatIsMr',
  'storeMr',
  'echo',
];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      from: fc.constant<Side>('caller'),
      request: fc.constantFrom(...callerRequests),
      id: fc.integer({ min: 1, max: 30 }),
      ...fragmented,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      from: fc.constant<Side>('callee'),
      request: fc.constantFrom(...calleeRequests),
      id: fc.integer({ min: 1, max: 30 }),
      ...fragmented,
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      from: fc.oneof({ weight: 5, arbitrary: fc.constant<Side>('callee') }, { weight: 1, arbitrary: side }),
      answer: fc.constantFrom(0x0000, 0x0000, 0xff00, 0xb000, 0xa700, 0xff01),
      which: small,
      isElsewhere: rarely,
      ...fragmented,
    }),
  },
  { weight: 4, arbitrary: fc.record({ from: side, rest: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ from: side, cancel: small }) },
  {
    weight: 1,
    arbitrary: fc.record({
      from: side,
      odd: fc.constantFrom(
        'data first',
        'foreign context',
        'strange context',
        'empty fragment',
        'empty fragment',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ from: fc.constant<Side>('caller'), pdu: fc.constant<Pdu>('A-RELEASE-RQ') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      from: side,
      pdu: fc.constantFrom<Pdu | 'garbage'>(
        ...(['A-ASSOCIATE-RQ', 'A-ASSOCIATE-AC', 'A-ASSOCIATE-RJ', 'A-RELEASE-RQ', 'A-RELEASE-RP'] as const),
        ...(['A-RELEASE-RP', 'A-RELEASE-RP', 'A-ABORT', 'garbage'] as const),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ from: side, end: fc.constantFrom('FIN', 'FIN', 'RST') }) },
);

export interface Traffic {
  readonly direction: Direction;
  /** One that the callee does not accept. */
  readonly refused: number | undefined;
  readonly steps: readonly Step[];
}

export const traffic: fc.Arbitrary<Traffic> = fc.record({
  direction: fc.constantFrom<Direction>('ingress', 'ingress', 'ingress', 'egress'),
  refused: fc.option(fc.constantFrom(...contexts.map(({ id }) => id)), { nil: undefined, freq: 4 }),
  steps: fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }),
});

/**
 * Valid but odd A-ASSOCIATE-RQs and C-STOREs, one builder for each row of the table of deviations that a modality can
 * send. Built from a seed, so that a run can be repeated.
 */
import type { DeviationName } from '../../src/association/deviations';
import type { Random } from '../fuzz/random';
import { encodeElement, encodingOf, textValue, uidValue, unsignedShort } from './dataElements';
import { commandElement, messagePdus, pDataTf } from './dicomBytes';
import { ascii, bigEndian, counted, item, join, pdu } from './pduBytes';
import { APPLICATION_CONTEXT, SopClass, TransferSyntax } from './uids';

const CT = SopClass.CTImageStorage;
const ULTRASOUND = '1.2.840.10008.5.1.4.1.1.6.1';
const RETIRED_ULTRASOUND = '1.2.840.10008.5.1.4.1.1.6';
/** The context on which every input also stores an instance that nothing is wrong with. */
const GOOD_CONTEXT = 101;

/** SOP instance UIDs that are not UIDs, and one that is as long as one can be, each made from one that is. */
export const oddUids: readonly ((uid: string) => string)[] = [
  (uid) => `${uid}.`,
  (uid) => `${uid}.A`,
  (uid) => `${uid}.a b`,
  (uid) => `${uid}..1`,
  (uid) => `${uid}.x_y`,
  (uid) => `${uid}-1`,
  (uid) => `${uid}.01`,
  (uid) => `${uid}.`.padEnd(64, '9'),
  (uid) => `${uid}.`.padEnd(64, 'z'),
];

type Parts = Parameters<typeof join>;

/** What is being built; a builder changes it. */
interface Draft {
  readonly random: Random;
  readonly contexts: Buffer[];
  readonly subItems: Buffer[];
  readonly foreignContextIds: number[];
  calling: string;
  /** Of the odd C-STORE, which goes over the good context. */
  sopClass: string;
  instance: string;
  contextId: number;
  elements: (standard: Buffer[]) => Buffer[];
  groupLengthError: number;
}

export interface OddInput {
  readonly names: readonly DeviationName[];
  readonly associateRq: Buffer;
  /** Contexts whose abstract syntax is not a UID. */
  readonly foreignContextIds: readonly number[];
  /** The odd C-STORE, then one that is as it should be. */
  readonly messages: readonly Buffer[];
}

function built(...parts: Parts): Buffer {
  return join(...parts).bytes;
}

function context(id: number, abstractSyntax: string | undefined, ...transferSyntaxes: string[]): Buffer {
  return item(0x20, [
    [id, 0, 0, 0],
    ...(abstractSyntax === undefined ? [] : [item(0x30, [ascii(abstractSyntax)])]),
    ...transferSyntaxes.map((uid) => item(0x40, [ascii(uid)])),
  ]).bytes;
}

const IMPLICIT = TransferSyntax.ImplicitVrLittleEndian;

/** Odd ids below that of the good context, each once in an input. */
function freshId({ random, contexts }: Draft): number {
  return 1 + 2 * (random.below(6) + 6 * (contexts.length % 8));
}

/** Undefined: DCMTK ends the association over it or the archive sends it, so there is nothing to compare. */
const builders: Readonly<Record<DeviationName, ((draft: Draft) => void) | undefined>> = {
  abstractSyntaxForeign: (draft) => {
    const uid = draft.random.pick([
      '1.2.840.\u00e2\u0080\u008b10008.1.1',
      'CT',
      '',
      undefined,
      ' 1.2',
      '1,2',
    ]);
    const id = freshId(draft);
    draft.foreignContextIds.push(id);
    draft.contexts.push(context(id, uid, IMPLICIT));
  },
  transferSyntaxForeign: (draft) => {
    const broken = draft.random.pick(['', '1.2.x', 'implicit']);
    draft.contexts.push(
      context(freshId(draft), CT, ...draft.random.pick([[broken], [broken, IMPLICIT], [IMPLICIT, broken]])),
    );
  },
  uidLeftovers: (draft) => {
    draft.contexts.push(context(freshId(draft), CT + draft.random.pick(['\0', '\0.4', '\0\0 ']), IMPLICIT));
  },
  contextIdEven: (draft) => {
    const id = 2 * (60 + draft.random.below(60));
    draft.contexts.push(context(id, CT, IMPLICIT));
    draft.contextId = id;
  },
  contextRepeated: (draft) => {
    const proposed = context(freshId(draft), CT, IMPLICIT);
    draft.contexts.push(proposed, proposed);
  },
  contextIdOfTwo: undefined,
  contextsUnusable: undefined,
  implementationClassForeign: (draft) => {
    draft.subItems.push(item(0x52, [ascii(draft.random.pick(['1.2.a', '', 'ACME']))]).bytes);
  },
  roleForeign: (draft) => {
    const bytes = [draft.random.below(256), draft.random.below(256)];
    draft.subItems.push(item(0x54, [counted(ascii(CT)), bytes]).bytes);
  },
  subItemBroken: (draft) => {
    draft.subItems.push(item(0x53, [draft.random.bytes(draft.random.below(4))]).bytes);
  },
  subItemRepeated: (draft) => {
    draft.subItems.push(
      item(0x55, [ascii('A')]).bytes,
      item(0x55, [ascii(draft.random.pick(['A', 'B']))]).bytes,
    );
  },
  subItemLong: (draft) => {
    draft.subItems.push(item(0x53, ['0001 0001', draft.random.bytes(1 + draft.random.below(9))]).bytes);
  },
  aeTitleLeftovers: (draft) => {
    draft.calling = `CT1\0${draft.random.pick(['EVIL', 'CT2', '\0\u00ff'])}`;
  },
  applicationContextsDiffer: undefined,
  answerForeign: undefined,
  instanceUidForeign: (draft) => {
    draft.instance = draft.random.pick(oddUids)(draft.instance);
  },
  instanceUidUnprintable: undefined,
  sopClassForeign: undefined,
  sopClassSucceeded: (draft) => {
    const [proposed, stored] = draft.random.pick([
      [ULTRASOUND, RETIRED_ULTRASOUND],
      [RETIRED_ULTRASOUND, ULTRASOUND],
    ]);
    draft.contextId = freshId(draft);
    draft.contexts.push(context(draft.contextId, proposed!, IMPLICIT));
    draft.sopClass = stored!;
  },
  sopClassOfOtherContext: undefined,
  groupLengthWrong: (draft) => {
    draft.groupLengthError = draft.random.pick([12, -12, 2, 1000, 0x7fffff00]);
  },
  elementsDisordered: undefined,
  elementMissing: undefined,
  cancelOnOtherContext: undefined,
  cancelMalformed: undefined,
  responseIncomplete: undefined,
  moveOriginatorForeign: (draft) => {
    const title = draft.random.pick(['A\u0001CD', 'A'.repeat(20), 'A\\B ']);
    const { elements } = draft;
    draft.elements = (standard) => [
      ...elements(standard),
      commandElement(0x1030, ascii(title)),
      commandElement(0x1031, us(3)),
    ];
  },
  dataSetOdd: undefined,
};

const usable = Object.entries(builders).filter(([, builder]) => builder !== undefined) as [
  DeviationName,
  (draft: Draft) => void,
][];

/** One that has these deviations, or one to three at random. */
export function oddInput(random: Random, sopInstanceUid: string, only?: readonly DeviationName[]): OddInput {
  const draft: Draft = {
    random,
    contexts: [],
    subItems: [],
    foreignContextIds: [],
    calling: 'CT1',
    sopClass: CT,
    instance: `${sopInstanceUid}.1`,
    contextId: GOOD_CONTEXT,
    elements: (standard) => standard,
    groupLengthError: 0,
  };
  const chosen = new Map<DeviationName, (draft: Draft) => void>();
  if (only === undefined) {
    for (let count = 1 + random.below(3); count > 0; count -= 1) chosen.set(...random.pick(usable));
  } else for (const [name, build] of usable) if (only.includes(name)) chosen.set(name, build);
  // Both say where the instance goes.
  if (chosen.has('sopClassSucceeded')) chosen.delete('contextIdEven');
  for (const build of chosen.values()) build(draft);
  return {
    names: [...chosen.keys()],
    associateRq: associateRqOf(draft),
    foreignContextIds: draft.foreignContextIds,
    messages: [
      Buffer.concat([oddCommand(draft), ...dataOf(draft.contextId, draft.sopClass, draft.instance)]),
      Buffer.concat([
        ...messagePdus(
          GOOD_CONTEXT,
          storeFields(CT, `${sopInstanceUid}.2`),
          dataSet(CT, `${sopInstanceUid}.2`),
        ),
      ]),
    ],
  };
}

/** The deviations that inputs are made of. */
export const sendableDeviations: readonly DeviationName[] = usable.map(([name]) => name);

const implicit = encodingOf(TransferSyntax.ImplicitVrLittleEndian);

function us(value: number): Buffer {
  return unsignedShort(implicit, value);
}

function dataSet(sopClass: string, instance: string): Buffer {
  const element = (group: number, number: number, value: Buffer) =>
    encodeElement(implicit, group, number, 'UN', value);
  return Buffer.concat([
    element(0x0008, 0x0016, uidValue(sopClass)),
    element(0x0008, 0x0018, uidValue(instance)),
    element(0x0010, 0x0020, textValue('ODD')),
    element(0x0020, 0x000d, uidValue('1.2.3')),
    element(0x0020, 0x000e, uidValue('1.2.3.1')),
  ]);
}

function storeFields(sopClass: string, instance: string) {
  return {
    CommandField: 0x0001 as const,
    MessageID: 2,
    AffectedSOPClassUID: sopClass,
    AffectedSOPInstanceUID: instance,
    Priority: 0,
    CommandDataSetType: 1 as const,
  };
}

function associateRqOf({ random, contexts, subItems, calling }: Draft): Buffer {
  const good = context(GOOD_CONTEXT, CT, IMPLICIT);
  const proposed = random.below(2) === 0 ? [good, ...contexts] : [...contexts, good];
  return pdu(
    0x01,
    bigEndian(1, 2),
    [0, 0],
    ascii('ARCHIVE'.padEnd(16)),
    ascii(calling.padEnd(16)),
    Buffer.alloc(32),
    item(0x10, [ascii(APPLICATION_CONTEXT)]),
    ...proposed,
    item(0x50, [item(0x51, [bigEndian(16384, 4)]), item(0x52, [ascii('1.2.3')]), ...subItems]),
  ).bytes;
}

function oddCommand({ sopClass, instance, contextId, elements, groupLengthError }: Draft): Buffer {
  const body = Buffer.concat(
    elements([
      commandElement(0x0002, uidValue(sopClass)),
      commandElement(0x0100, us(1)),
      commandElement(0x0110, us(1)),
      commandElement(0x0700, us(0)),
      commandElement(0x0800, us(1)),
      commandElement(0x1000, uidValue(instance)),
    ]),
  );
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(body.length + groupLengthError);
  const fragment = built(commandElement(0x0000, groupLength), body);
  return pDataTf({ contextId, isCommand: true, isLast: true, fragment });
}

function dataOf(contextId: number, sopClass: string, instance: string): Buffer[] {
  return [pDataTf({ contextId, isCommand: false, isLast: true, fragment: dataSet(sopClass, instance) })];
}

/** What comes in P-DATA: command sets, the beginning of data sets in every encoding, and the rules on images. */
import { isDeepStrictEqual } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { MessageFlow, type MessageReceiver } from '../../src/association/messageFlow';
import { decodeCommandSet } from '../../src/dimse/commandSet';
import { CommandSetError } from '../../src/dimse/commandSetError';
import type { DataSetReader, ElementValue } from '../../src/dimse/dataSetStart';
import { SOP_CLASS_UID, SOP_INSTANCE_UID } from '../../src/dimse/dataSetStart';
import { dataSetReader } from '../../src/dimse/deflatedStart';
import { elementTexts } from '../../src/dimse/elementTexts';
import { encodeCommandSet } from '../../src/dimse/encodeCommandSet';
import { MCH_COMMAND, MCH_LAST } from '../../src/pdu/types';
import { type DataSetDecision, dataSetChecks, StoredDataSet } from '../../src/policy/dataSetChecks';
import { compileStoreRules } from '../../src/policy/storeRules';
import { expectStrictDecoding } from '../support/commandSetArbitraries';
import { whyNotCanonical } from '../support/conversationOracle';
import {
  type Encoding,
  encodeElement,
  encodingOf,
  ItemElement,
  itemMarker,
  textValue,
  UNDEFINED_LENGTH,
  uidValue,
} from '../support/dataElements';
import { CommandField, commandSet, numberedRequest } from '../support/dicomBytes';
import { SopClass, TransferSyntax } from '../support/uids';
import { goldenCommandSets } from '../unit/dimse/goldenCommandSets';
import type { Random } from './random';
import { Finding, type FuzzTarget, pieces, unlessRefused } from './target';

export const commandSetTarget: FuzzTarget = {
  name: 'command-set',
  invariant:
    'a CommandSetError or a value, which is encoded in the one canonical form and read again as the same',
  seeds: goldenCommandSets.map(({ bytes }) => bytes),
  check(input) {
    expectStrictDecoding(input);
    const set = unlessRefused([CommandSetError], () => decodeCommandSet(input));
    const fault = set && whyNotCanonical(encodeCommandSet(set));
    if (fault !== undefined) throw new Finding(`what would go on is not canonical: ${fault}`);
  },
};

const INSTANCE = '1.2.3.4';
const NOTHING = Buffer.alloc(0);
const CONTEXT_ID = 1;
/** What the data set is encoded in is not theirs to know. */
const contexts = new Map([
  [
    CONTEXT_ID,
    { abstractSyntax: SopClass.CTImageStorage, transferSyntax: TransferSyntax.ImplicitVrLittleEndian },
  ],
]);
const storeRequest = {
  CommandField: CommandField.CStoreRq,
  AffectedSOPClassUID: SopClass.CTImageStorage,
  AffectedSOPInstanceUID: INSTANCE,
  Priority: 0,
};
const storeCommand = commandSet(numberedRequest(1, storeRequest, true));
/** The first byte of an input chooses one. */
const transferSyntaxes = [
  ...Object.values(TransferSyntax),
  '1.2.840.113619.5.2',
  '1.2.840.10008.1.2.4.95',
  '1.2.3',
];

function dataSet(encoding: Encoding, end: Buffer): Buffer {
  const element = (group: number, number: number, representation: string, value: Buffer, length?: number) =>
    encodeElement(encoding, group, number, representation, value, length);
  const item = Buffer.concat([
    itemMarker(encoding, ItemElement.Item, UNDEFINED_LENGTH),
    element(0x0008, 0x0100, 'SH', textValue('CODE')),
    itemMarker(encoding, ItemElement.ItemDelimitation, 0),
    itemMarker(encoding, ItemElement.SequenceDelimitation, 0),
  ]);
  return Buffer.concat([
    element(0x0008, 0x0005, 'CS', textValue('ISO_IR 100')),
    element(0x0008, 0x0008, 'CS', textValue('ORIGINAL\\PRIMARY')),
    element(0x0008, 0x0016, 'UI', uidValue(SopClass.CTImageStorage)),
    element(0x0008, 0x0018, 'UI', uidValue(INSTANCE)),
    element(0x0008, 0x0060, 'CS', textValue('CT')),
    element(0x0008, 0x1110, 'SQ', item, UNDEFINED_LENGTH),
    element(0x0010, 0x0010, 'PN', textValue('NAME^OF')),
    element(0x0028, 0x0010, 'US', Buffer.from([0, 2])),
    end,
  ]);
}

const dataSetSeeds = transferSyntaxes.map((uid, index) => {
  const bytes = dataSet(encodingOf(uid), Buffer.alloc(index * 8));
  const isDeflated = uid === TransferSyntax.DeflatedExplicitVrLittleEndian || uid.endsWith('.95');
  return Buffer.concat([Buffer.of(index), isDeflated ? deflateRawSync(bytes) : bytes]);
});

const rules = compileStoreRules(
  {
    allow: ['store'],
    storeRules: [
      { refuse: { BurnedInAnnotation: ['YES'] } },
      { allow: { Modality: ['CT', 'M*'], PatientName: true, Rows: ['512'], ImageType: ['ORIGINAL'] } },
    ],
  },
  false,
  () => {},
);
const verifying = dataSetChecks('verify', false, rules)!;
const tags = [...verifying.wanted.tags];

interface Read {
  readonly reading: string;
  readonly fault: string;
  readonly values: readonly (ElementValue | undefined)[];
  readonly oddities: readonly string[];
}

/** What a reader says in the end. `more` of a whole data set would be a message that is held for ever. */
function readAll(syntax: string, bytes: Buffer, parts: readonly Buffer[]): Read {
  const reader = dataSetReader(syntax, verifying.wanted);
  let length = 0;
  let reading = 'more';
  for (const part of parts) {
    length += part.length;
    reading = reader.read(bytes.subarray(0, length), false);
    if (reading !== 'more') break;
  }
  if (reading === 'more') reading = reader.read(bytes, true);
  if (reading === 'more') throw new Finding('more is wanted of a whole data set');
  const { fault, oddities } = reader;
  return { reading, fault, oddities, values: tags.map((tag) => reader.value(tag)) };
}

/** Many looks at 64 KB take long: what is left behind so many pieces comes in one. */
const MAX_PIECES = 500;

function fewPieces(bytes: Buffer, random: Random): readonly Buffer[] {
  const first = pieces(bytes, random).slice(0, MAX_PIECES);
  const rest = bytes.subarray(first.reduce((total, { length }) => total + length, 0));
  return [...first, rest].filter(({ length }) => length > 0);
}

interface Passage {
  readonly decision: DataSetDecision | undefined;
  readonly forwarded: Buffer;
}

/** What the gateway makes of a C-STORE with this data set, in these fragments. */
function pass(syntax: string, fragments: readonly Buffer[]): Passage {
  const stored = new StoredDataSet(verifying, {
    sopClassUid: SopClass.CTImageStorage,
    sopInstanceUid: INSTANCE,
    transferSyntaxUid: syntax,
  });
  const forwarded: Buffer[] = [];
  let decision: DataSetDecision | undefined;
  const receiver: MessageReceiver = {
    command: () => 'look',
    look: (bytes, isWhole) => {
      if (decision !== undefined) throw new Finding('it is asked again after the decision');
      decision = stored.decide(bytes, isWhole);
      return decision === undefined ? 'look' : decision.allowed ? 'forward' : 'drop';
    },
    dataSetFragment: (_contextId, bytes) => forwarded.push(Buffer.from(bytes)),
    dataSetEnd: () => {},
    messageEnd: () => {},
  };
  const flow = new MessageFlow(receiver, contexts, storeCommand.length);
  for (const [control, parts] of [
    [MCH_COMMAND | MCH_LAST, [storeCommand]],
    [MCH_LAST, fragments],
  ] as const) {
    const fragmentBytes = parts.reduce((total, part) => total + part.length, 0);
    flow.pdvStart(CONTEXT_ID, control, fragmentBytes);
    for (const part of parts) flow.fragment(part);
    flow.pdvEnd();
  }
  return { decision, forwarded: Buffer.concat(forwarded) };
}

function checkDataSet(input: Buffer, random: Random): void {
  const syntax = transferSyntaxes[(input[0] ?? 0) % transferSyntaxes.length]!;
  const bytes = input.subarray(1);
  const cut = fewPieces(bytes, random);
  const atOnce = readAll(syntax, bytes, [bytes]);
  const inParts = readAll(syntax, bytes, cut);
  if (!isDeepStrictEqual(atOnce, inParts)) {
    throw new Finding(`read differently in pieces: ${JSON.stringify([atOnce, inParts])}`);
  }
  const { decision, forwarded } = pass(syntax, [bytes]);
  if (decision === undefined) throw new Finding('no decision on a whole data set');
  if (!forwarded.equals(decision.allowed ? bytes : NOTHING)) {
    throw new Finding(`${forwarded.length} of ${bytes.length} bytes went on: ${JSON.stringify(decision)}`);
  }
  const again = pass(syntax, cut);
  if (!isDeepStrictEqual(again, { decision, forwarded })) {
    throw new Finding(`decided differently in pieces: ${JSON.stringify([decision, again.decision])}`);
  }
  if (!decision.allowed || atOnce.reading !== 'read') return;
  const claims = (tag: number, uid: string) => {
    const value = atOnce.values[tags.indexOf(tag)];
    return value === undefined || value.bytes?.replace(/[\0 ]+$/, '') === uid;
  };
  if (!claims(SOP_CLASS_UID, SopClass.CTImageStorage) || !claims(SOP_INSTANCE_UID, INSTANCE)) {
    throw new Finding(`an instance of another class or another instance passed: ${JSON.stringify(atOnce)}`);
  }
}

export const dataSetTarget: FuzzTarget = {
  name: 'data-set',
  invariant:
    'the same reading and decision however it comes; nothing passes that says it is another instance',
  seeds: dataSetSeeds,
  // Each is read four times, twice in pieces.
  maxInputMs: 50,
  check: checkDataSet,
};

/** Whether the text is one that the pattern stands for: slowly, and without the ideas of the code under test. */
function isMatch(pattern: string, text: string): boolean {
  let reachable = new Set([0]);
  for (const character of pattern) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (character === '*') for (let end = at; end <= text.length; end += 1) next.add(end);
      else if (text[at] === character) next.add(at + 1);
    }
    reachable = next;
  }
  return reachable.has(text.length);
}

/** A reader that found this one element. */
function readerOf(value: ElementValue): DataSetReader {
  return {
    read: () => 'read',
    value: (tag) => (tag === 0x0010_0020 ? value : undefined),
    fault: '',
    oddities: [],
    isDisordered: false,
    couldHold: () => true,
  };
}

export const storeRuleTarget: FuzzTarget = {
  name: 'store-rules',
  // The slow reference runs too.
  maxInputMs: 50,
  invariant: 'a pattern decides as the slow reference does, in a time that grows with the length',
  seeds: ['CT*\0CT 12', '*A*B*C*\0xxAxxBxxC', 'a*a*a*a*b\0aaaaaaaaaaaaaaaaaaaa', '*\0'].map((text) =>
    Buffer.from(text),
  ),
  words: ['*', '**', 'a', 'ab', ' ', '\\', '\0', '^'],
  check(input) {
    const [wanted = '', ...rest] = input.toString('latin1').split('\0');
    const bytes = rest.join('\0');
    // The schema takes no longer ones, and an empty pattern is refused when the configuration is read.
    const pattern = wanted.slice(0, 256);
    if (pattern.trim() === '' || pattern.includes('\\')) return;
    const ofPattern = compileStoreRules(
      { allow: ['store'], storeRules: [{ allow: { PatientID: [pattern] } }] },
      false,
      () => {},
    );
    const value = { representation: 'LO', bytes };
    const verdict = ofPattern!.judge(readerOf(value), false);
    if (bytes.length > 200) return;
    const texts = elementTexts(value, 'LO', undefined, false);
    const canonical = pattern.replace(/^ +/, '').replace(/[\0 ]+$/, '');
    // The standard gives Patient ID one value: several that disagree decide nothing.
    const expected =
      'readings' in texts &&
      texts.readings.every((values) => values.length > 0 && values.every((text) => isMatch(canonical, text)));
    if (verdict.allows !== expected)
      throw new Finding(`${JSON.stringify([pattern, bytes])}: ${verdict.words}`);
  },
};

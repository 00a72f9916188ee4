/** What comes in P-DATA: command sets, the beginning of data sets in every encoding, and the rules on images. */
import { isDeepStrictEqual } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { decodeCommandSet } from '../../src/dimse/commandSet';
import { CommandSetError } from '../../src/dimse/commandSetError';
import type { DataSetReader, ElementValue } from '../../src/dimse/dataSetStart';
import { SOP_CLASS_UID, SOP_INSTANCE_UID } from '../../src/dimse/dataSetStart';
import { dataSetReader } from '../../src/dimse/deflatedStart';
import { elementTexts } from '../../src/dimse/elementTexts';
import { encodeCommandSet } from '../../src/dimse/encodeCommandSet';
import { dataSetChecks, StoredDataSet } from '../../src/policy/dataSetChecks';
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
function readAll(reader: DataSetReader, parts: readonly Buffer[]): Read {
  let bytes = Buffer.alloc(0);
  let reading = 'more';
  for (const part of parts) {
    bytes = Buffer.concat([bytes, part]);
    reading = reader.read(bytes, false);
    if (reading !== 'more') break;
  }
  if (reading === 'more') reading = reader.read(bytes, true);
  if (reading === 'more') throw new Finding('more is wanted of a whole data set');
  const { fault, oddities } = reader;
  return { reading, fault, oddities, values: tags.map((tag) => reader.value(tag)) };
}

function checkDataSet(input: Buffer, random: Random): void {
  const syntax = transferSyntaxes[(input[0] ?? 0) % transferSyntaxes.length]!;
  const bytes = input.subarray(1);
  const atOnce = readAll(dataSetReader(syntax, verifying.wanted), [bytes]);
  const inParts = readAll(dataSetReader(syntax, verifying.wanted), pieces(bytes, random).slice(0, 500));
  const isWhole = inParts.reading === atOnce.reading || bytes.length < 500;
  if (isWhole && !isDeepStrictEqual(atOnce, inParts)) {
    throw new Finding(`read differently in pieces: ${JSON.stringify([atOnce, inParts])}`);
  }
  const [sopClass, instance] = [SOP_CLASS_UID, SOP_INSTANCE_UID].map(
    (tag) => atOnce.values[tags.indexOf(tag)],
  );
  const stored = {
    sopClassUid: SopClass.CTImageStorage,
    sopInstanceUid: INSTANCE,
    transferSyntaxUid: syntax,
  };
  const decision = new StoredDataSet(verifying, stored).decide(bytes, true);
  if (decision === undefined) throw new Finding('no decision on a whole data set');
  if (!decision.allowed || atOnce.reading !== 'read') return;
  const claims = (value: ElementValue | undefined, uid: string) =>
    value === undefined || value.bytes?.replace(/[\0 ]+$/, '') === uid;
  if (!claims(sopClass, SopClass.CTImageStorage) || !claims(instance, INSTANCE)) {
    throw new Finding(`an instance of another class or another instance passed: ${JSON.stringify(atOnce)}`);
  }
}

export const dataSetTarget: FuzzTarget = {
  name: 'data-set',
  invariant: 'the same reading however it comes; nothing passes that says it is another instance',
  seeds: dataSetSeeds,
  // Each is read three times, once in pieces.
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

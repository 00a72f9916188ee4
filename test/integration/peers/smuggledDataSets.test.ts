/**
 * Attempts to smuggle another class past the data set gate, or another modality past a rule on images, beside DCMTK: where
 * the gate lets a data set through, DCMTK reads the value that was wanted out of it, or none. Built from a seed: damaged data sets, and elements
 * in any order and encoding. Orthanc and storescp read data sets with the same code as dcmdump.
 */
import { constants, deflateRawSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { type DataSetChecks, dataSetChecks, StoredDataSet } from '../../../src/policy/dataSetChecks';
import { decideAssociation } from '../../../src/policy/decide';
import { mutated } from '../../fuzz/mutate';
import { Random } from '../../fuzz/random';
import {
  type Encoding,
  encodeElement,
  encodingOf,
  ItemElement,
  itemMarker,
  textValue,
  UNDEFINED_LENGTH,
  uidValue,
} from '../../support/dataElements';
import { writePart10 } from '../../support/dicomFiles';
import { describeWithPeers } from '../../support/peers';
import { associationRequest, policyOf } from '../../support/policyOf';
import { runProcess, temporaryFolder } from '../../support/processes';
import { SopClass, TransferSyntax } from '../../support/uids';

const SEED = 20_261_130;
const ATTEMPTS = 600;
const {
  ImplicitVrLittleEndian: IMPLICIT,
  ExplicitVrLittleEndian: EXPLICIT,
  ExplicitVrBigEndian: BIG_ENDIAN,
  DeflatedExplicitVrLittleEndian: DEFLATED,
} = TransferSyntax;
const command = { sopClassUid: SopClass.CTImageStorage, sopInstanceUid: '1.2.3' };

/** What a smuggler wants to say twice: the element of group 0008 that decides, what it should be, and what it should not. */
interface Contraband {
  readonly number: number;
  readonly vr: string;
  readonly right: string;
  readonly wrong: string;
  readonly value: (text: string) => Buffer;
  readonly checks: DataSetChecks;
}

const sopClassUid: Contraband = {
  number: 0x0016,
  vr: 'UI',
  right: command.sopClassUid,
  wrong: SopClass.MRImageStorage,
  value: uidValue,
  checks: dataSetChecks('verify', false)!,
};
/** Of a rule that allows it. Its data sets have the class and instance of the command. */
const modality: Contraband = {
  number: 0x0060,
  vr: 'CS',
  right: 'CT',
  wrong: 'MR',
  value: textValue,
  checks: checksWithRule(),
};

function checksWithRule(): DataSetChecks {
  const storeRules = [{ allow: { Modality: 'CT' } }];
  const policy = policyOf({ ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', allow: 'store', storeRules } });
  const decision = decideAssociation(policy, associationRequest());
  if (!decision.allowed) throw new Error(decision.reason);
  return decision.modality.dataSets.ingress.inbound!;
}

function buildersOf(encoding: Encoding, subject: Contraband) {
  const element = (group: number, number: number, vr: string, value: Buffer, length?: number) =>
    encodeElement(encoding, group, number, vr, value, length);
  return {
    element,
    item: (length: number) => itemMarker(encoding, ItemElement.Item, length),
    itemEnd: itemMarker(encoding, ItemElement.ItemDelimitation, 0),
    sequenceEnd: itemMarker(encoding, ItemElement.SequenceDelimitation, 0),
    contraband: (text: string, vr = subject.vr) => element(0x0008, subject.number, vr, subject.value(text)),
    instance: (uid: string) => element(0x0008, 0x0018, 'UI', uidValue(uid)),
    patient: element(0x0010, 0x0010, 'PN', textValue('A^B')),
  };
}

/** Well-formed data sets that say what they should, the first one nothing else. */
function corpusOf(encoding: Encoding, subject: Contraband): Buffer[] {
  const { element, item, itemEnd, sequenceEnd, contraband, instance, patient } = buildersOf(
    encoding,
    subject,
  );
  const wrong = Buffer.concat([contraband(subject.wrong), instance('9.9')]);
  const closed = element(0x0008, 0x0006, 'SQ', Buffer.concat([item(wrong.length), wrong]));
  const open = (content: Buffer) =>
    element(
      0x0008,
      0x0006,
      'SQ',
      Buffer.concat([item(UNDEFINED_LENGTH), content, itemEnd, sequenceEnd]),
      UNDEFINED_LENGTH,
    );
  const inFront = [
    Buffer.alloc(0),
    element(0x0008, 0x0005, 'CS', textValue('ISO_IR 100')),
    closed,
    open(wrong),
    open(closed),
    element(0x0008, 0x0001, 'UT', wrong),
    element(0x0008, 0x0001, 'UN', closed),
    element(0x0009, 0x1010, 'OB', wrong),
  ];
  const right = Buffer.concat([
    element(0x0008, 0x0016, 'UI', uidValue(command.sopClassUid)),
    instance(command.sopInstanceUid),
    element(0x0008, 0x0060, 'CS', textValue('CT')),
  ]);
  return inFront.map((elements) => Buffer.concat([elements, right, patient]));
}

/** What a smuggler puts together: the wanted elements right, wrong and in other clothes, and everything around them. */
function piecesOf(encoding: Encoding, subject: Contraband): Buffer[] {
  const { element, item, itemEnd, sequenceEnd, contraband, instance, patient } = buildersOf(
    encoding,
    subject,
  );
  const { right, wrong } = subject;
  const texts = [
    right,
    wrong,
    `${wrong}\\${right}`,
    `${right}\\${wrong}`,
    ` ${right}`,
    `${right}\0${wrong}`,
    '',
  ];
  return [
    ...texts.map((text) => contraband(text)),
    ...['UN', 'LO', 'OB', 'UT', 'AE', 'CS', 'UI', 'SQ'].flatMap((vr) =>
      [right, wrong].map((text) => contraband(text, vr)),
    ),
    ...[command.sopInstanceUid, '9.9'].map((uid) => instance(uid)),
    // Group lengths that lie, and elements of commands and of file meta information.
    element(0x0008, 0x0000, 'UL', Buffer.from([4, 0, 0, 0])),
    element(0x0000, 0x0002, 'UI', uidValue(SopClass.MRImageStorage)),
    element(0x0002, 0x0000, 'UL', Buffer.from([26, 0, 0, 0])),
    element(0x0002, 0x0002, 'UI', uidValue(SopClass.MRImageStorage)),
    ...[IMPLICIT, BIG_ENDIAN].map((uid) => element(0x0002, 0x0010, 'UI', uidValue(uid))),
    element(0x0008, 0x0008, 'CS', Buffer.from('ABC')),
    element(0x0009, 0x0010, 'LO', textValue('PRIVATE')),
    element(0x0009, 0x1016, 'UI', uidValue(SopClass.MRImageStorage)),
    ...['SQ', 'UN', 'OB'].map((vr) => element(0x0008, 0x0051, vr, Buffer.alloc(0), UNDEFINED_LENGTH)),
    ...[8, 16, 34, 42].map((length) => element(0x0008, 0x0052, 'SQ', Buffer.alloc(0), length)),
    ...[2, 8, 34, 0xffff].map((length) => element(0x0008, 0x0050, 'UT', Buffer.alloc(0), length)),
    ...[0, 8, 34, 60, UNDEFINED_LENGTH].map(item),
    itemEnd,
    sequenceEnd,
    patient,
    element(0xfffc, 0xfffc, 'OB', Buffer.alloc(4)),
    ...[2, 4, 8, 128].map((length) => Buffer.alloc(length)),
    Buffer.from('DICM'),
  ];
}

/** Stored, fixed and several blocks, streams without an end, one behind the other, and damaged. */
function deflated(plain: Buffer, random: Random): Buffer {
  const options = () => ({ level: random.below(10), strategy: random.below(5) });
  const whole = deflateRawSync(plain, options());
  const cut = random.below(plain.length + 1);
  const [first, second] = [plain.subarray(0, cut), plain.subarray(cut)];
  switch (random.below(6)) {
    case 0:
      return mutated([whole], random);
    case 1:
      return Buffer.concat([deflateRawSync(first, options()), deflateRawSync(second, options())]);
    case 2: {
      const block = deflateRawSync(first, { ...options(), finishFlush: constants.Z_FULL_FLUSH });
      return Buffer.concat([block, deflateRawSync(second, options())]);
    }
    case 3:
      return deflateRawSync(plain, { ...options(), finishFlush: constants.Z_SYNC_FLUSH });
    default:
      return whole;
  }
}

function attemptsIn(syntax: string, subject: Contraband): Buffer[] {
  const random = new Random(SEED);
  const corpus = corpusOf(encodingOf(syntax), subject);
  const own = piecesOf(encodingOf(syntax), subject);
  const pieces = [
    ...own,
    ...own,
    ...[IMPLICIT, EXPLICIT, BIG_ENDIAN].flatMap((uid) => piecesOf(encodingOf(uid), subject)),
  ];
  const assembled = () => {
    const parts = Array.from({ length: 1 + random.below(4) }, () => random.pick(pieces));
    if (random.below(4) > 0) parts.splice(random.below(parts.length + 1), 0, corpus[0]!);
    return Buffer.concat(parts);
  };
  return Array.from({ length: ATTEMPTS }, (_, index) => {
    const plain = index % 2 === 0 ? mutated(corpus, random) : assembled();
    return syntax === DEFLATED ? deflated(plain, random) : plain;
  });
}

function isLetThrough(transferSyntaxUid: string, dataSet: Buffer, { checks }: Contraband): boolean {
  const decision = new StoredDataSet(checks, { ...command, transferSyntaxUid }).decide(dataSet, true);
  return decision!.allowed;
}

/** For each data set, the values of the contraband at its top level that DCMTK reads. */
async function readByDcmtk(
  syntax: string,
  dataSets: readonly Buffer[],
  { number }: Contraband,
): Promise<string[][]> {
  const folder = temporaryFolder();
  const files = dataSets.map((dataSet, index) =>
    writePart10(folder, { ...command, name: String(index), transferSyntaxUid: syntax, dataSet, sha256: '' }),
  );
  const found = dataSets.map((): string[] => []);
  const tag = `0008,00${number.toString(16)}`;
  const what = ['+P', tag, '--prepend', '--search-all', '--print-all'];
  const options = ['--quiet', '--print-filename', '--no-uid-names', '--disable-correction'];
  const { output } = await runProcess('dcmdump', [...options, ...what, ...files], { deadlineMs: 60_000 });
  // With a path in front, it is inside a sequence.
  const atTop = new RegExp(`^\\(${tag}\\) (..) (.*?) +#`, 'gms');
  for (const block of output.split(/^# dcmdump.*: /m).slice(1)) {
    const index = Number(/(\d+)\.dcm/.exec(block)![1]);
    for (const [, vr, value] of block.matchAll(atTop)) {
      const text = vr === 'UN' ? Buffer.from(value!.replaceAll('\\', ''), 'hex').toString() : value!;
      found[index]!.push(text.replace(/^\[|\]$/g, '').replace(/^ +|[\0 ]+$/g, ''));
    }
  }
  return found;
}

describeWithPeers(['dcmdump'], 'a data set that the gate lets through', () => {
  const syntaxes = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED];

  async function expectNothingSmuggled(syntax: string, subject: Contraband): Promise<void> {
    const attempts = attemptsIn(syntax, subject);
    const passed = attempts.filter((dataSet) => isLetThrough(syntax, dataSet, subject));
    const refused = attempts.filter((dataSet) => !isLetThrough(syntax, dataSet, subject));
    const read = await readByDcmtk(syntax, passed, subject);
    // Of several equal values, each is the right one.
    const isRight = (value: string) => value.split('\\').every((part) => part === subject.right);
    const smuggled = passed.filter((_, index) => !read[index]!.every(isRight));
    expect(smuggled.map((dataSet) => dataSet.toString('hex'))).toEqual([]);
    // The attempts are worth something: DCMTK reads many of those that pass, and what is wrong in refused ones.
    expect(read.filter((values) => values.length > 0).length).toBeGreaterThan(ATTEMPTS / 300);
    const ofRefused = (await readByDcmtk(syntax, refused, subject)).flat();
    expect(ofRefused.filter((value) => value.includes(subject.wrong)).length).toBeGreaterThan(ATTEMPTS / 300);
  }

  it.each(syntaxes)('is of its command for DCMTK too (%s)', async (syntax) => {
    await expectNothingSmuggled(syntax, sopClassUid);
  });

  it.each(syntaxes)('is what a rule allows for DCMTK too (%s)', async (syntax) => {
    await expectNothingSmuggled(syntax, modality);
  });
});

/**
 * Attempts to smuggle another class past the data set gate, beside DCMTK: where the gate lets a data set through, DCMTK
 * reads the class and the instance of the command out of it, or none. Built from a seed: damaged data sets, and elements
 * in any order and encoding. Orthanc and storescp read data sets with the same code as dcmdump.
 */
import { constants, deflateRawSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { dataSetChecks, StoredDataSet } from '../../../src/policy/dataSetChecks';
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
import { runProcess, temporaryFolder } from '../../support/processes';
import { SopClass, TransferSyntax } from '../../support/uids';

const SEED = 20_261_130;
const ATTEMPTS = 600;
const CT = SopClass.CTImageStorage;
const MR = SopClass.MRImageStorage;
const {
  ImplicitVrLittleEndian: IMPLICIT,
  ExplicitVrLittleEndian: EXPLICIT,
  ExplicitVrBigEndian: BIG_ENDIAN,
  DeflatedExplicitVrLittleEndian: DEFLATED,
} = TransferSyntax;
const command = { sopClassUid: CT, sopInstanceUid: '1.2.3' };

function buildersOf(encoding: Encoding) {
  const element = (group: number, number: number, vr: string, value: Buffer, length?: number) =>
    encodeElement(encoding, group, number, vr, value, length);
  return {
    element,
    item: (length: number) => itemMarker(encoding, ItemElement.Item, length),
    itemEnd: itemMarker(encoding, ItemElement.ItemDelimitation, 0),
    sequenceEnd: itemMarker(encoding, ItemElement.SequenceDelimitation, 0),
    sopClass: (uid: string, vr = 'UI') => element(0x0008, 0x0016, vr, uidValue(uid)),
    instance: (uid: string, vr = 'UI') => element(0x0008, 0x0018, vr, uidValue(uid)),
    patient: element(0x0010, 0x0010, 'PN', textValue('A^B')),
  };
}

/** Well-formed data sets that name the class and instance of the command, the first one nothing else. */
function corpusOf(encoding: Encoding): Buffer[] {
  const { element, item, itemEnd, sequenceEnd, sopClass, instance, patient } = buildersOf(encoding);
  const wrong = Buffer.concat([sopClass(MR), instance('9.9')]);
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
  const right = Buffer.concat([sopClass(CT), instance(command.sopInstanceUid)]);
  return inFront.map((elements) => Buffer.concat([elements, right, patient]));
}

/** What a smuggler puts together: the wanted elements right, wrong and in other clothes, and everything around them. */
function piecesOf(encoding: Encoding): Buffer[] {
  const { element, item, itemEnd, sequenceEnd, sopClass, instance, patient } = buildersOf(encoding);
  return [
    ...[CT, MR, `${MR}\\${CT}`, `${CT}\\${MR}`, ` ${CT}`, `${CT}\0${MR}`, ''].map((uid) => sopClass(uid)),
    ...['UN', 'LO', 'OB', 'UT', 'AE', 'CS', 'SQ'].flatMap((vr) => [sopClass(CT, vr), sopClass(MR, vr)]),
    ...[command.sopInstanceUid, '9.9'].map((uid) => instance(uid)),
    // Group lengths that lie, and elements of commands and of file meta information.
    element(0x0008, 0x0000, 'UL', Buffer.from([4, 0, 0, 0])),
    element(0x0000, 0x0002, 'UI', uidValue(MR)),
    element(0x0002, 0x0000, 'UL', Buffer.from([26, 0, 0, 0])),
    element(0x0002, 0x0002, 'UI', uidValue(MR)),
    ...[IMPLICIT, BIG_ENDIAN].map((uid) => element(0x0002, 0x0010, 'UI', uidValue(uid))),
    element(0x0008, 0x0008, 'CS', Buffer.from('ABC')),
    element(0x0009, 0x0010, 'LO', textValue('PRIVATE')),
    element(0x0009, 0x1016, 'UI', uidValue(MR)),
    ...['SQ', 'UN', 'OB'].map((vr) => element(0x0008, 0x0051, vr, Buffer.alloc(0), UNDEFINED_LENGTH)),
    ...[8, 16, 34, 42].map((length) => element(0x0008, 0x0052, 'SQ', Buffer.alloc(0), length)),
    ...[2, 8, 34, 0xffff].map((length) => element(0x0008, 0x0060, 'UT', Buffer.alloc(0), length)),
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

function attemptsIn(syntax: string): Buffer[] {
  const random = new Random(SEED);
  const corpus = corpusOf(encodingOf(syntax));
  const own = piecesOf(encodingOf(syntax));
  const pieces = [
    ...own,
    ...own,
    ...[IMPLICIT, EXPLICIT, BIG_ENDIAN].flatMap((uid) => piecesOf(encodingOf(uid))),
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

function isLetThrough(transferSyntaxUid: string, dataSet: Buffer): boolean {
  const checks = dataSetChecks('verify', false)!;
  const decision = new StoredDataSet(checks, { ...command, transferSyntaxUid }).decide(dataSet, true);
  return decision!.allowed;
}

/** For each data set, the values at its top level that DCMTK reads, each with its tag. */
async function readByDcmtk(syntax: string, dataSets: readonly Buffer[]): Promise<string[][]> {
  const folder = temporaryFolder();
  const files = dataSets.map((dataSet, index) =>
    writePart10(folder, { ...command, name: String(index), transferSyntaxUid: syntax, dataSet, sha256: '' }),
  );
  const found = dataSets.map((): string[] => []);
  const what = ['+P', '0008,0016', '+P', '0008,0018', '--prepend', '--search-all', '--load-all'];
  const options = ['--quiet', '--print-filename', '--no-uid-names', '--disable-correction'];
  const { output } = await runProcess('dcmdump', [...options, ...what, ...files], { deadlineMs: 60_000 });
  for (const block of output.split(/^# dcmdump.*: /m).slice(1)) {
    const index = Number(/(\d+)\.dcm/.exec(block)![1]);
    for (const [, tag, vr, value] of block.matchAll(/^\((0008,001[68])\) (..) (.*?) +#/gms)) {
      const text = vr === 'UN' ? Buffer.from(value!.replaceAll('\\', ''), 'hex').toString() : value!;
      found[index]!.push(`${tag} ${text.replace(/[\0 ]+(?=\]|$)/g, '')}`);
    }
  }
  return found;
}

const asCommanded = [`0008,0016 [${CT}]`, `0008,0016 ${CT}`, `0008,0018 [${command.sopInstanceUid}]`];

describeWithPeers(['dcmdump'], 'a data set that the gate lets through', () => {
  it.each([IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])(
    'is of its command for DCMTK too (%s)',
    async (syntax) => {
      const attempts = attemptsIn(syntax);
      const passed = attempts.filter((dataSet) => isLetThrough(syntax, dataSet));
      const refused = attempts.filter((dataSet) => !isLetThrough(syntax, dataSet));
      const read = await readByDcmtk(syntax, passed);
      const smuggled = passed.filter((_, index) =>
        read[index]!.some((value) => !asCommanded.includes(value)),
      );
      expect(smuggled.map((dataSet) => dataSet.toString('hex'))).toEqual([]);
      // The attempts are worth something: DCMTK reads many of those that pass, and another class in refused ones.
      expect(read.filter((values) => values.length === 2).length).toBeGreaterThan(ATTEMPTS / 120);
      const ofRefused = (await readByDcmtk(syntax, refused)).flat();
      expect(ofRefused.filter((value) => value.includes(MR)).length).toBeGreaterThan(ATTEMPTS / 120);
    },
  );
});

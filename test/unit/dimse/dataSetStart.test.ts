/** What is read of the beginning of a data set, and what is not: the table of docs/decisions/0019. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { MAX_START_BYTES, SOP_CLASS_UID, SOP_INSTANCE_UID } from '../../../src/dimse/dataSetStart';
import { dataSetReader } from '../../../src/dimse/deflatedStart';
import {
  encodeElement,
  encodingOf,
  ItemElement,
  itemMarker,
  textValue,
  UNDEFINED_LENGTH,
  uidValue,
} from '../../support/dataElements';
import { SopClass, TransferSyntax } from '../../support/uids';

const required = [SOP_CLASS_UID, SOP_INSTANCE_UID];
const wanted = { tags: new Set(required), required, last: SOP_INSTANCE_UID };
const CT = SopClass.CTImageStorage;
const SR = SopClass.BasicTextSRStorage;

interface Outcome {
  readonly reading: string;
  readonly fault: string;
  readonly sopClass?: string | undefined;
  readonly instance?: string | undefined;
  readonly oddities: readonly string[];
}

/** As the data set comes in pieces of so many bytes; also how many bytes it took. */
function outcomeOf(syntax: string, dataSet: Buffer, pieceBytes = dataSet.length): Outcome {
  const reader = dataSetReader(syntax, wanted);
  let reading = 'more';
  for (let end = Math.min(pieceBytes, dataSet.length); reading === 'more'; end += pieceBytes) {
    const isWhole = end >= dataSet.length;
    reading = reader.read(dataSet.subarray(0, end), isWhole);
    if (isWhole) break;
  }
  const text = (tag: number) => reader.value(tag)?.bytes?.replace(/[\0 ]+$/, '');
  return {
    reading,
    fault: reader.fault,
    sopClass: text(SOP_CLASS_UID),
    instance: text(SOP_INSTANCE_UID),
    oddities: reader.oddities,
  };
}

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;
const IMPLICIT = TransferSyntax.ImplicitVrLittleEndian;
const DEFLATED = TransferSyntax.DeflatedExplicitVrLittleEndian;

/** Elements in the encoding of a transfer syntax. */
function elementsOf(syntax: string) {
  const encoding = encodingOf(syntax);
  const element = (group: number, number: number, vr: string, value: Buffer, length?: number) =>
    encodeElement(encoding, group, number, vr, value, length);
  return {
    element,
    sopClass: (uid: string = CT, vr = 'UI') => element(0x0008, 0x0016, vr, uidValue(uid)),
    instance: (uid = '1.2.3', vr = 'UI') => element(0x0008, 0x0018, vr, uidValue(uid)),
    patient: element(0x0010, 0x0010, 'PN', textValue('A^B')),
    item: (content: Buffer, length = content.length) =>
      Buffer.concat([itemMarker(encoding, ItemElement.Item, length), content]),
    itemEnd: itemMarker(encoding, ItemElement.ItemDelimitation, 0),
    sequenceEnd: itemMarker(encoding, ItemElement.SequenceDelimitation, 0),
    sequence: (content: Buffer, length = content.length, vr = 'SQ') =>
      element(0x0008, 0x0006, vr, content, length),
  };
}

const e = elementsOf(EXPLICIT);
const i = elementsOf(IMPLICIT);
const both = Buffer.concat([e.sopClass(), e.instance()]);
function code(value = 'AB', length?: number): Buffer {
  return e.element(0x0008, 0x0100, 'SH', Buffer.from(value), length);
}

const readable: Record<string, readonly Buffer[]> = {
  'as they should be': [both, e.patient],
  'nothing behind them': [both],
  'a group length that lies': [e.element(0x0008, 0, 'UL', Buffer.from([9, 9, 9, 9])), both, e.patient],
  'elements of group 0000 and 0002': [
    e.element(0, 2, 'UI', uidValue(SR)),
    e.element(2, 2, 'UI', uidValue(SR)),
    both,
  ],
  'a sequence with another class in it': [e.sequence(e.item(e.sopClass(SR))), both, e.patient],
  'the same with undefined lengths': [
    e.sequence(
      Buffer.concat([
        e.item(Buffer.concat([e.sopClass(SR), e.itemEnd]), UNDEFINED_LENGTH),
        e.item(e.instance('9.9')),
        e.sequenceEnd,
      ]),
      UNDEFINED_LENGTH,
    ),
    both,
  ],
  'a UN without a length, which is implicit': [
    e.sequence(Buffer.concat([i.item(i.sopClass(SR)), i.sequenceEnd]), UNDEFINED_LENGTH, 'UN'),
    both,
  ],
  'an empty sequence': [e.sequence(Buffer.alloc(0)), both],
  'leftovers of an odd data set': [both, Buffer.alloc(3)],
};

const faults: Record<string, readonly [readonly Buffer[], string]> = {
  'a second class': [[e.sopClass(), e.sopClass(SR), e.instance(), e.patient], '(0008,0016) is there twice'],
  'a second class in order': [[both, e.instance('9.9'), e.patient], '(0008,0018) is there twice'],
  'an unknown representation': [
    [e.element(8, 8, 'ZZ', Buffer.alloc(4)), both],
    '(0008,0008) has no value representation of PS3.5',
  ],
  'no representation': [
    [i.sopClass(), i.instance(), i.patient],
    '(0008,0016) has no value representation of PS3.5',
  ],
  'reserved bytes': [
    [Buffer.from('080006005554020002000000', 'hex'), Buffer.from('AB'), both],
    '(0008,0006) has reserved bytes that are not zero',
  ],
  'a sequence that is shorter than its item': [
    [e.sequence(e.item(e.sopClass(SR)), 8), both],
    'lengths of a sequence contradict each other',
  ],
  'an item that is longer than its sequence': [
    [e.sequence(e.item(code(), 100), 18), both],
    'lengths of a sequence contradict each other',
  ],
  'an element that is longer than its item': [
    [e.sequence(e.item(code('AB', 40))), both],
    '(0008,0100) is longer than what it is in',
  ],
  'the end of an item outside of one': [[e.itemEnd, both], '(FFFE,E00D) is where it cannot be'],
  'an item outside of a sequence': [[e.item(Buffer.alloc(0)), both], '(FFFE,E000) is where it cannot be'],
  'an element between items': [[e.sequence(code()), both], '(0008,0100) is between the items of a sequence'],
  'a value without a length': [
    [e.element(8, 8, 'OB', e.item(code()), UNDEFINED_LENGTH), both],
    '(0008,0008) has no length',
  ],
  'a value that goes on behind the data set': [
    [e.sopClass(), e.element(8, 0x18, 'UI', Buffer.from('1.'), 60)],
    'the data set ends inside an element',
  ],
  'sequences that are too deep': [
    Array.from({ length: 40 }, () => e.sequence(e.item(Buffer.alloc(0), UNDEFINED_LENGTH), UNDEFINED_LENGTH)),
    'sequences are nested too deep',
  ],
};

describe('the beginning of a data set', () => {
  it.each(Object.entries(readable))('is read with %s, wherever it is cut', (_name, parts) => {
    const dataSet = Buffer.concat([...parts]);
    for (const bytes of [1, 2, 3, 7, dataSet.length]) {
      expect(outcomeOf(EXPLICIT, dataSet, bytes)).toMatchObject({
        reading: 'read',
        sopClass: CT,
        instance: '1.2.3',
        oddities: [],
      });
    }
  });

  it.each(Object.entries(faults))('is not read with %s, wherever it is cut', (_name, [parts, fault]) => {
    const dataSet = Buffer.concat([...parts]);
    for (const bytes of [1, 2, 3, 7, dataSet.length]) {
      expect(outcomeOf(EXPLICIT, dataSet, bytes)).toMatchObject({ reading: 'unreadable', fault });
    }
  });

  it('is read in every encoding', () => {
    for (const syntax of [...Object.values(TransferSyntax), '1.2.840.113619.5.2', '1.2.3.4.5']) {
      const plain = syntax === '1.2.840.113619.5.2' ? IMPLICIT : syntax === '1.2.3.4.5' ? EXPLICIT : syntax;
      const { element, sopClass, instance, sequence, item, patient } = elementsOf(plain);
      const elements = Buffer.concat([
        element(0x0008, 0x0005, 'CS', textValue('ISO_IR 100')),
        sequence(item(sopClass(SR))),
        sopClass(),
        instance(),
        patient,
      ]);
      const dataSet = syntax === DEFLATED ? deflateRawSync(elements) : elements;
      expect(outcomeOf(syntax, dataSet)).toMatchObject({ reading: 'read', sopClass: CT, instance: '1.2.3' });
      expect(outcomeOf(syntax, dataSet, 1)).toMatchObject({
        reading: 'read',
        sopClass: CT,
        instance: '1.2.3',
      });
    }
  });

  it('is read no further than the first element behind what is wanted', () => {
    const reader = dataSetReader(EXPLICIT, wanted);
    const start = Buffer.concat([both, e.patient.subarray(0, 4)]);
    expect(reader.read(start.subarray(0, -1), false)).toBe('more');
    expect(reader.read(start, false)).toBe('read');
  });

  it('is read with elements out of order and odd lengths, which are named', () => {
    const dataSet = Buffer.concat([
      e.patient,
      e.element(8, 8, 'CS', Buffer.from('ABC')),
      e.instance(),
      e.sopClass(),
    ]);
    expect(outcomeOf(EXPLICIT, dataSet, 5)).toMatchObject({
      reading: 'read',
      sopClass: CT,
      oddities: ['elements of the data set are out of order', 'an element of the data set has an odd length'],
    });
  });

  it('is read to the end where an element is missing', () => {
    const dataSet = Buffer.concat([e.sopClass(), e.patient]);
    expect(outcomeOf(EXPLICIT, dataSet, 5)).toMatchObject({
      reading: 'read',
      sopClass: CT,
      instance: undefined,
    });
  });

  it.each([EXPLICIT, IMPLICIT])('takes no more than 64 KB (%s)', (syntax) => {
    const { element, sopClass, instance } = elementsOf(syntax);
    const behind = (bytes: number) =>
      Buffer.concat([element(8, 1, 'UT', Buffer.alloc(bytes)), sopClass(), instance()]);
    const fault = 'what is looked for is not in the first 65536 bytes';
    expect(outcomeOf(syntax, behind(60_000), 1000)).toMatchObject({ reading: 'read', sopClass: CT });
    expect(outcomeOf(syntax, behind(MAX_START_BYTES), 1000)).toMatchObject({ reading: 'unreadable', fault });
    expect(outcomeOf(syntax, behind(MAX_START_BYTES))).toMatchObject({ reading: 'unreadable', fault });
    // Known from the header alone.
    const reader = dataSetReader(syntax, wanted);
    expect(reader.read(behind(1_000_000).subarray(0, 12), false)).toBe('unreadable');
  });

  it('takes an implicit value that begins with an item only where its lengths fit together', () => {
    const asSequence = i.element(9, 0x1010, '', i.item(i.sopClass(SR)));
    const lying = i.element(9, 0x1010, '', i.item(Buffer.alloc(0), 34));
    const rest = [i.sopClass(), i.instance()];
    expect(outcomeOf(IMPLICIT, Buffer.concat([asSequence, ...rest]), 1)).toMatchObject({ sopClass: CT });
    expect(outcomeOf(IMPLICIT, Buffer.concat([lying, ...rest]), 1)).toMatchObject({ reading: 'unreadable' });
  });
});

describe('a deflated data set', () => {
  it('that inflates to gigabytes is inflated to little', () => {
    const bomb = deflateRawSync(
      Buffer.concat([e.element(8, 1, 'UT', Buffer.alloc(0), 60_000), Buffer.alloc(1e7)]),
    );
    const started = performance.now();
    for (let round = 0; round < 10; round += 1) {
      expect(outcomeOf(DEFLATED, bomb)).toMatchObject({ reading: 'unreadable' });
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('is read where gigabytes follow', () => {
    const dataSet = deflateRawSync(Buffer.concat([both, e.patient, Buffer.alloc(1e7)]));
    expect(outcomeOf(DEFLATED, dataSet)).toMatchObject({ reading: 'read', sopClass: CT });
    expect(outcomeOf(DEFLATED, dataSet, 1)).toMatchObject({ reading: 'read', sopClass: CT });
  });

  it.each([
    ['damaged', Buffer.from('0000ffff1234', 'hex')],
    ['of zlib (RFC 1950)', Buffer.concat([Buffer.from([0x78, 0x9c]), deflateRawSync(both)])],
    ['not deflated', both],
  ])('that is %s is not read', (_name, dataSet) => {
    expect(outcomeOf(DEFLATED, dataSet)).toMatchObject({
      reading: 'unreadable',
      fault: 'the data set cannot be inflated',
    });
  });
});

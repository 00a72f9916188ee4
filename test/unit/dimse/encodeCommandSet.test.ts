import { describe, expect, it } from '@jest/globals';
import { data } from 'dcmjs';
import fc from 'fast-check';
import { commandElements } from '../../../src/dimse/commandElements';
import { type CommandSet, decodeCommandSet } from '../../../src/dimse/commandSet';
import { encodeCommandSet } from '../../../src/dimse/encodeCommandSet';
import { commandSets, expectStrictDecoding, hostileBytes } from '../../support/commandSetArbitraries';
import { withGroupLength } from '../../support/dicomBytes';
import { goldenCommandSets } from './goldenCommandSets';

const IMPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2';
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff);

describe('command sets of real peers', () => {
  it.each(goldenCommandSets)('$name: decodes', ({ bytes, set }) => {
    expect(decodeCommandSet(bytes)).toEqual(set);
  });

  it.each(goldenCommandSets)('$name: encodes to the very bytes', ({ bytes, set }) => {
    expect(encodeCommandSet(set).toString('hex')).toBe(bytes.toString('hex'));
  });
});

describe('canonical form', () => {
  it('repairs what the decoder tolerates: no group length, skipped elements, other padding', () => {
    const tolerated = Buffer.from(
      [
        '0000 0100 04000000 00000000', // (0000,0001) LengthToEnd, retired
        '0000 0200 12000000 312e322e3834302e31303030382e312e3120', // UID padded with a space
        '0000 0001 02000000 3000',
        '0000 1001 02000000 0100',
        '0000 0002 04000000 58595a20', // (0000,0200) Initiator, retired
        '0000 0008 02000000 0101',
        '0000 3412 02000000 abcd', // unknown
      ]
        .join('')
        .replaceAll(' ', ''),
      'hex',
    );
    const echo = goldenCommandSets[0]!;
    expect(encodeCommandSet(decodeCommandSet(tolerated)).toString('hex')).toBe(echo.bytes.toString('hex'));
  });

  it('keeps an empty element empty', () => {
    const set = {
      CommandField: 0x8020,
      CommandDataSetType: 0x0101,
      AffectedSOPClassUID: '',
      OffendingElement: [],
    };
    expect(decodeCommandSet(encodeCommandSet(set))).toEqual(set);
  });

  it('pads UIDs with NUL and text with a space', () => {
    const bytes = encodeCommandSet({
      AffectedSOPClassUID: '1.2',
      CommandField: 1,
      MoveDestination: 'WS1',
      CommandDataSetType: 1,
      ErrorComment: 'odd',
    });
    const text = bytes.toString('latin1');
    expect(text).toContain('1.2\0');
    expect(text).toContain('WS1 ');
    expect(text).toContain('odd ');
    expect(bytes.readUInt32LE(8)).toBe(bytes.length - 12);
  });

  it(`any command set survives encoding and decoding (FUZZ_SEED=${seed})`, () => {
    const survives = fc.property(commandSets, (set) => {
      expect(decodeCommandSet(encodeCommandSet(set))).toEqual(set);
    });
    fc.assert(survives, { seed, numRuns: 2000 });
  });

  it(`hostile command sets end in CommandSetError or in a value (FUZZ_SEED=${seed})`, () => {
    fc.assert(fc.property(hostileBytes, expectStrictDecoding), { seed, numRuns: 10_000 });
  });
});

describe('beside dcmjs', () => {
  // dcmjs is not an oracle for empty values and for text outside ASCII, which it reads in its own way.
  const comparable = commandSets
    .map(withoutEmptyValues)
    .filter(({ ErrorComment = '' }) => isPlain(ErrorComment));

  it(`reads what dcmjs writes (FUZZ_SEED=${seed})`, () => {
    const agrees = fc.property(comparable, (set) => {
      expect(decodeCommandSet(writtenByDcmjs(set))).toEqual(set);
    });
    fc.assert(agrees, { seed, numRuns: 300 });
  });

  it(`writes what dcmjs reads (FUZZ_SEED=${seed})`, () => {
    const agrees = fc.property(comparable, (set) => {
      expect(readByDcmjs(encodeCommandSet(set))).toEqual(set);
    });
    fc.assert(agrees, { seed, numRuns: 300 });
  });
});

function withoutEmptyValues(set: CommandSet): CommandSet {
  const filled = Object.entries(set).filter(([, value]) => typeof value === 'number' || value.length > 0);
  return Object.fromEntries(filled) as unknown as CommandSet;
}

/** ASCII, one value, nothing for VR LO to trim. */
function isPlain(comment: string): boolean {
  return /^([\x21-\x7e]+( [\x21-\x7e]+)*)?$/.test(comment) && !comment.includes('\\');
}

function writtenByDcmjs(set: CommandSet): Buffer {
  const elements = commandElements.flatMap(({ element, vr, keyword }) => {
    const value = set[keyword];
    if (value === undefined) return [];
    const values = typeof value === 'object' ? [...value] : [value];
    return [[tagKey(element), { vr, Value: values }] as const];
  });
  const stream = new data.WriteBufferStream(4096);
  const length = data.DicomMessage.write(Object.fromEntries(elements), stream, IMPLICIT_VR_LITTLE_ENDIAN, {});
  return withGroupLength(Buffer.from(stream.getBuffer()).subarray(0, length));
}

function readByDcmjs(bytes: Buffer): object {
  const copy = new Uint8Array(bytes).buffer;
  const stream = new data.ReadBufferStream(copy, true, { noCopy: true });
  const elements = data.DicomMessage._read(stream, IMPLICIT_VR_LITTLE_ENDIAN, { ignoreErrors: false });
  expect(elements['00000000']?.Value).toEqual([bytes.length - 12]);
  const values = commandElements.flatMap(({ element, vr, keyword }) => {
    const found = elements[tagKey(element)];
    if (found === undefined) return [];
    return [[keyword, vr === 'AT' ? found.Value : found.Value[0]] as const];
  });
  return Object.fromEntries(values);
}

function tagKey(element: number): string {
  return element.toString(16).toUpperCase().padStart(8, '0');
}

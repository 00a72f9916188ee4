import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { formatCsv, parseCsv } from '../../../src/onboarding/csvCells';
import { defaultEntryName, entryField } from '../../../src/onboarding/entryFields';
import { formatFieldText, parseFieldText } from '../../../src/onboarding/fieldText';

const callingAeTitle = entryField('callingAeTitle');
const printable = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
});
/** Without spaces at its ends, which are not significant in any value. */
const value = printable.filter((text) => text !== '' && text.trim() === text);

describe('the values of a field in one line', () => {
  it('come back as they were, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        const read = parseFieldText(callingAeTitle, formatFieldText(callingAeTitle, values));
        expect(read).toEqual(values.length === 1 ? values[0] : values);
      }),
    );
  });

  it.each([
    ['callingAeTitle', 'CT1  CT2', ['CT1', 'CT2']],
    ['callingAeTitle', 'CT 1|', 'CT 1'],
    ['callingAeTitle', 'A\\|B|C', ['A|B', 'C']],
    ['callingAeTitle', '|', []],
    ['callingAeTitle', '  ', undefined],
    ['callingAeTitle', 'A,B', 'A,B'],
    ['allow', 'echo, store;find', ['echo', 'store', 'find']],
    ['from', '10.1.2.3,10.1.2.4', ['10.1.2.3', '10.1.2.4']],
    ['maxAssociations', '4', 4],
    ['maxAssociations', 'four', 'four'],
    ['host', ' ct1 ', 'ct1'],
  ])('of %s are read from %j', (column, text, expected) => {
    expect(parseFieldText(entryField(column), text)).toEqual(expected);
  });
});

describe('cells of a spreadsheet', () => {
  it('come back as they were, and none is a formula', () => {
    const cell = fc.string({ unit: fc.constantFrom(...'=+-@\t\n\'",; aé1') });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, fc.constant('x')), { minLength: 1 }), (lines) => {
        const text = formatCsv([['a', 'b', 'c'], ...lines]);
        expect(parseCsv(text).map(({ cells }) => cells)).toEqual([['a', 'b', 'c'], ...lines]);
        // As a spreadsheet reads them, which knows nothing of apostrophes.
        const cells: string[][] = parse(text, { record_delimiter: '\r\n' });
        for (const each of cells.flat()) expect(each).not.toMatch(/^[=+\-@\t\r]/);
      }),
    );
  });

  it('know their lines, with line breaks inside quotes and empty lines between', () => {
    expect(parseCsv('a,b\r\n"x\r\ny",1\r\n\r\n,\r\nz,2\r\n').map(({ line }) => line)).toEqual([1, 2, 6]);
  });
});

describe('the name of an entry where none is given', () => {
  it.each([
    ['CT9', [], 'ct9'],
    [['CT9', 'CT10'], [], 'ct9'],
    ['CT9', ['ct9', 'ct9-2'], 'ct9-3'],
    ['  MR Room 2/3 ', [], 'mr-room-2-3'],
    ['***', [], 'modality'],
    ['', [], ''],
    [undefined, [], ''],
  ])('of %j, where %j are taken, is %j', (callingAeTitle, taken, name) => {
    expect(defaultEntryName(callingAeTitle, new Set(taken))).toBe(name);
  });
});

import { describe, expect, it } from '@jest/globals';
import {
  CommandField,
  commandName,
  formatStatus,
  hasDataSet,
  isBoundToContext,
  isKnownRequest,
  isPendingStatus,
  isResponse,
  Status,
  statusClass,
  statusText,
} from '../../../src/dimse/commands';

const names: readonly (readonly [string, number])[] = [
  ['C-STORE', 0x0001],
  ['C-GET', 0x0010],
  ['C-FIND', 0x0020],
  ['C-MOVE', 0x0021],
  ['C-ECHO', 0x0030],
  ['N-EVENT-REPORT', 0x0100],
  ['N-GET', 0x0110],
  ['N-SET', 0x0120],
  ['N-ACTION', 0x0130],
  ['N-CREATE', 0x0140],
  ['N-DELETE', 0x0150],
  ['C-CANCEL', 0x0fff],
];

describe('command fields', () => {
  it.each(names)('%s is %i', (name, field) => {
    expect(commandName(field)).toBe(name);
    expect(commandName(field | 0x8000)).toBe(name);
    expect(isKnownRequest(field)).toBe(true);
    expect(isKnownRequest(field | 0x8000)).toBe(false);
    expect(isResponse(field)).toBe(false);
    expect(isResponse(field | 0x8000)).toBe(true);
  });

  it('there are no others', () => {
    expect(Object.values(CommandField).sort()).toEqual(names.map(([, field]) => field).sort());
    const known = Array.from({ length: 0x10000 }, (_, field) => field).filter(isKnownRequest);
    expect(known).toEqual(names.map(([, field]) => field));
    expect(commandName(0x0222)).toBeUndefined();
  });

  it('the DIMSE-C requests with a SOP class are bound to their context', () => {
    const bound = names.filter(([, field]) => isBoundToContext(field)).map(([name]) => name);
    expect(bound).toEqual(['C-STORE', 'C-GET', 'C-FIND', 'C-MOVE', 'C-ECHO']);
  });
});

it.each([
  [0x0101, false],
  [0x0000, true],
  [0x0001, true],
  [0x0100, true],
  [0x0102, true],
  [0xffff, true],
])('CommandDataSetType %i: a data set follows: %p', (type, follows) => {
  expect(hasDataSet({ CommandDataSetType: type })).toBe(follows);
});

describe('statuses', () => {
  it.each([
    [0x0000, 'success'],
    [0x0001, 'warning'],
    [0x0107, 'warning'],
    [0x0116, 'warning'],
    [0xb000, 'warning'],
    [0xbfff, 'warning'],
    [0x0105, 'failure'],
    [0x0110, 'failure'],
    [0x0124, 'failure'],
    [0x0213, 'failure'],
    [0xa700, 'failure'],
    [0xa801, 'failure'],
    [0xc000, 'failure'],
    [0xcfff, 'failure'],
    [0xfe00, 'cancel'],
    [0xff00, 'pending'],
    [0xff01, 'pending'],
    // Covered by no class of the standard.
    [0x0300, 'failure'],
    [0xd000, 'failure'],
    [0xff02, 'failure'],
  ])('%i is a %s', (status, expected) => {
    expect(statusClass(status)).toBe(expected);
    expect(isPendingStatus(status)).toBe(expected === 'pending');
  });

  it('are written as 0x and four digits', () => {
    expect(formatStatus(0xa801)).toBe('0xA801');
    expect(formatStatus(0)).toBe('0x0000');
    expect(formatStatus(Status.NotAuthorized)).toBe('0x0124');
  });

  it.each([
    [0x0000, 0x8001, 'success'],
    [0x0124, 0x8020, 'refused: not authorized'],
    [0xa700, 0x8001, 'refused: out of resources'],
    [0xa7ff, 0x8001, 'refused: out of resources'],
    [0xa900, 0x8001, 'data set does not match the SOP class'],
    [0xa9aa, 0x8001, 'data set does not match the SOP class'],
    [0xc123, 0x8001, 'cannot understand'],
    [0xb000, 0x8001, 'stored, elements were coerced'],
    [0xb000, 0x8021, 'sub-operations are complete, some failed'],
    [0xb001, 0x8001, 'warning'],
    [0xa801, 0x8021, 'refused: move destination unknown'],
    [0xa702, 0x8010, 'refused: out of resources, cannot perform sub-operations'],
    [0xc000, 0x8020, 'unable to process'],
    [0xfe00, 0x8020, 'cancelled'],
    [0xc301, 0x8120, 'failure'],
  ])('%i in answer to %i says %j', (status, field, text) => {
    expect(statusText(status, field)).toBe(text);
    expect(statusText(status, field & 0x7fff)).toBe(text);
  });
});

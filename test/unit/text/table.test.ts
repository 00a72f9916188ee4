import { describe, expect, it } from '@jest/globals';
import { textTable } from '../../../src/text/table';

describe('a table on a terminal', () => {
  it('has columns as wide as their widest cell, and no spaces at the end', () => {
    expect(
      textTable([
        ['NAME', 'FROM'],
        ['ct1', ''],
        ['scanner', '10.1.2.10'],
      ]),
    ).toEqual(['NAME     FROM', 'ct1', 'scanner  10.1.2.10']);
  });

  it('cuts a cell that would make every row longer than anybody reads, and leaves the last column whole', () => {
    const long = 'x'.repeat(3_000_000);
    const rows = [['NAME', 'FROM'], [long, long], ...Array.from({ length: 10_000 }, () => ['ct1', '-'])];
    const lines = textTable(rows);
    expect(lines[1]).toBe(`${'x'.repeat(199)}…  ${long}`);
    expect(lines[2]).toBe(`${'ct1'.padEnd(200)}  -`);
  });
});

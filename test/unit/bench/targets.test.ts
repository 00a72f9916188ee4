import { describe, expect, it } from '@jest/globals';
import type { Row, Table } from '../../../bench/measure';
import { judge } from '../../../bench/targets';

function table(name: string, rows: Readonly<Record<string, Row['samples']>>): Table {
  return {
    name,
    title: name,
    note: '',
    columns: [],
    rows: Object.entries(rows).map(([row, samples]) => ({ name: row, title: row, samples })),
  };
}

function seconds(...values: number[]) {
  return values.map((value) => ({ seconds: value }));
}

function verdictOn(title: string, ...tables: Table[]) {
  return judge(tables).find((verdict) => verdict.title.startsWith(title))!;
}

describe('the targets', () => {
  it('compare the CT series with the best of all others, round by round', () => {
    const measured = table('ct-storescp', {
      limit: seconds(0.5, 0.5),
      none: seconds(9, 18),
      haproxy: seconds(10, 16),
      aegis: seconds(1, 2),
      'aegis-no-quick-ack': seconds(1, 1),
    });
    expect(verdictOn('200 CT slices to stock storescp', measured)).toMatchObject({ value: 8.5, isMet: true });
  });

  it('are missed above what is allowed at most', () => {
    const idle = (kilobytesEach: number) => table('idle', { aegis: [{ kilobytesEach }] });
    expect(verdictOn('Memory per idle association', idle(50))).toMatchObject({ value: 50, isMet: true });
    expect(verdictOn('Memory per idle association', idle(51))).toMatchObject({ value: 51, isMet: false });
  });

  it('are missed below what is demanded at least', () => {
    const bulk = (aegis: number) =>
      table('bulk', { haproxy: [{ megabytesPerSecond: 300 }], aegis: [{ megabytesPerSecond: aegis }] });
    expect(verdictOn('Bulk MB/s', bulk(300))).toMatchObject({ value: 1, isMet: true });
    expect(verdictOn('Bulk MB/s', bulk(270))).toMatchObject({ value: 0.9, isMet: false });
  });

  it('are not certain where the interval of a paired comparison has the limit in it', () => {
    const verify = (cpu: number, cpuLow: number, cpuHigh: number) =>
      verdictOn(
        'Looking into data sets, CPU',
        table('features', { 'verify-bulk': [{ cpu, cpuLow, cpuHigh }] }),
      );
    expect(verify(1.03, 0.99, 1.07).note).toBe('not certain: 0.99 to 1.07, take more rounds');
    expect(verify(1.03, 1.025, 1.035)).toMatchObject({ isMet: false, note: undefined });
    expect(verify(1, Number.NaN, Number.NaN)).toMatchObject({ isMet: true, note: undefined });
  });

  it('are neither met nor missed where a peer is not there', () => {
    const bulk = table('bulk', { aegis: [{ megabytesPerSecond: 300 }] });
    expect(verdictOn('Bulk MB/s', bulk)).toMatchObject({ value: undefined, isMet: false });
    expect(judge([]).every(({ value }) => value === undefined)).toBe(true);
  });
});

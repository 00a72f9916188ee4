import { describe, expect, it } from '@jest/globals';
import type { Table } from '../../../bench/measure';
import { formatBarChart } from '../../../bench/report/barChart';
import { formatMarkdown } from '../../../bench/report/markdown';

const table: Table = {
  name: 'ct-storescp',
  title: '200 CT slices to <stock> storescp',
  note: 'A note.',
  columns: [
    { key: 'seconds', title: 's', digits: 2 },
    { key: 'residentMegabytes', title: 'RSS MB', digits: 0 },
  ],
  rows: [
    { name: 'none', title: 'nothing', samples: [{ seconds: 9, residentMegabytes: Number.NaN }] },
    {
      name: 'aegis',
      title: 'Aegis',
      samples: [
        { seconds: 1, residentMegabytes: 71.6 },
        { seconds: 2, residentMegabytes: 72.6 },
      ],
    },
    { name: 'haproxy', title: 'HAProxy', samples: [], failure: 'it refused' },
  ],
};

describe('the report', () => {
  const empty = { facts: [], tables: [], verdicts: [], notes: [], durations: [] };
  const verdict = { title: 'Bulk', limit: '≥ 1', value: 0.5, unit: '×', isMet: false };

  it('has medians in a table, Aegis in bold, and says why a peer has no numbers', () => {
    const markdown = formatMarkdown({ ...empty, facts: [['Node', 'v20']], tables: [table] });
    expect(markdown).toContain('| Node | v20 |');
    expect(markdown).toContain('| nothing | 9.00 | – |');
    expect(markdown).toContain('| **Aegis** | 1.50 | 72 |');
    expect(markdown).toContain('| HAProxy | it refused | – |');
  });

  it('says of each target whether it was met', () => {
    const verdicts = [verdict, { ...verdict, value: 1, isMet: true }, { ...verdict, value: undefined }];
    const markdown = formatMarkdown({ ...empty, verdicts, notes: ['nginx: not installed'] });
    expect(markdown).toContain('| Bulk | ≥ 1× | 0.50× | **missed** |');
    expect(markdown).toContain('| Bulk | ≥ 1× | 1.00× | met |');
    expect(markdown).toContain('| Bulk | ≥ 1× | – | not measured |');
    expect(markdown).toContain('- nginx: not installed');
  });

  it('shows the chart of a table above it, and how long each workload took', () => {
    const chart = { name: 'size', title: 'Cost by size', note: '', xTitle: '', ticks: [], panels: [] };
    const durations = [{ workload: 'size', seconds: 61 }];
    const markdown = formatMarkdown({ ...empty, tables: [{ ...table, chart }], durations });
    expect(markdown).toMatch(/!\[Cost by size\]\(charts\/size\.svg\)\n\nA note\./);
    expect(markdown).toContain('| size | 61 |');
  });

  it('draws a bar for each peer that has a result, Aegis last', () => {
    const chart = formatBarChart(table);
    expect(chart.match(/<rect class="(peer|ours)"/g)).toEqual(['<rect class="peer"', '<rect class="ours"']);
    expect(chart).toContain('200 CT slices to &#60;stock&#62; storescp');
    expect(chart).toContain('>1.5 s<');
  });
});

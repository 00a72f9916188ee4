/**
 * The results as Markdown: facts, targets, one table a workload.
 */
import { type Column, medianOf, type Row, type Table } from '../measure';
import type { Verdict } from '../targets';
import { chartFile } from './lineChart';
import type { Facts } from './machine';

export interface Report {
  readonly facts: Facts;
  readonly tables: readonly Table[];
  readonly verdicts: readonly Verdict[];
  /** What was left out and why, and what else to know. */
  readonly notes: readonly string[];
  readonly durations: readonly Duration[];
}

export interface Duration {
  readonly workload: string;
  readonly seconds: number;
}

export function formatMarkdown({ facts, tables, verdicts, notes, durations }: Report): string {
  const blocks = [
    '# Results of the benchmark',
    [
      'Written by `npm run bench`; [README.md](README.md) says what is measured, and how each peer is set up. All',
      'peers had the same work, the same certificates and the same archive in turn. Numbers are medians of one run,',
      'ratios medians of the ratios of each round; compare within one run only.',
    ].join('\n'),
    markdownTable(
      ['', ''],
      facts.map((fact) => [...fact]),
    ),
    '## Targets',
    markdownTable(['', 'target', 'measured', ''], verdicts.map(verdictCells)),
    'Where the time goes, what was tried, and why some are missed: [profile.md](profile.md).',
    ...tables.flatMap((table) => [
      `## ${table.title}`,
      ...(table.chart === undefined ? [] : [`![${table.chart.title}](${chartFile(table.chart)})`]),
      table.note,
      markdownTable(
        ['', ...table.columns.map(({ title }) => title)],
        table.rows.map((row) => rowCells(row, table.columns)),
      ),
    ]),
    ...(notes.length === 0 ? [] : ['## Notes', notes.map((note) => `- ${note}`).join('\n')]),
    '## How long it took',
    markdownTable(
      ['workload', 's'],
      durations.map(({ workload, seconds }) => [workload, `${seconds}`]),
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const alignment = heads.map((_, index) => (index === 0 || heads.length === 2 ? '---' : '---:'));
  return [line(heads), line(alignment), ...rows.map(line)].join('\n');
}

function verdictCells({ title, limit, value, unit, isMet, note }: Verdict): string[] {
  const target = `${limit}${unit}`;
  if (value === undefined) return [title, target, '–', 'not measured'];
  return [
    title,
    target,
    `${formatNumber(value, value < 10 ? 2 : 0)}${unit}`,
    note ?? (isMet ? 'met' : '**missed**'),
  ];
}

function rowCells(row: Row, columns: readonly Column[]): string[] {
  const title = row.name.startsWith('aegis') ? `**${row.title}**` : row.title;
  if (row.samples.length === 0) return [title, row.failure ?? '–', ...columns.slice(1).map(() => '–')];
  return [title, ...columns.map(({ key, digits }) => formatNumber(medianOf(row, key), digits))];
}

export function formatNumber(value: number, digits: number): string {
  if (Number.isNaN(value)) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

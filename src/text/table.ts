/**
 * Aligned columns for reports, no wider than the display: cells wrap, and nothing of them is lost. Escapes what could
 * fool a terminal. Knows nothing of what is in the cells.
 */
import { displayColumns, paint, type Tone } from './display';
import { escapeUnsafe } from './quote';

/** Every row is padded to the widest cell. With one of megabytes, 10,000 rows would not fit into a string. */
const MAX_CELL_LENGTH = 200;
/** A column does not become narrower than its longest word, up to this: the longest reason has 32 characters. */
const MAX_LEAST_COLUMNS = 32;
/** Half a serial number. */
const LEAST_OF_BROKEN = 16;
/** Narrower than this, a paragraph goes beyond the display. */
const MIN_CELL_COLUMNS = 8;
const GAP = '  ';

/**
 * How a column gives way: `words` wraps between words, `anywhere` within them too, `whole` does not. Nothing is lost.
 */
export type Fit = 'words' | 'anywhere' | 'whole';

export interface TableOptions {
  /** Of each column; default: `words`. */
  readonly fits?: readonly Fit[];
  /** Whether the first row names the columns. */
  readonly hasHeadings?: boolean;
  /** Spaces before each line. */
  readonly indent?: number;
  tone?(cell: string, column: number): Tone | undefined;
}

type Row = readonly string[];

/** The last column is left ragged. Where not even words fit beside each other, each row becomes a paragraph. */
export function textTable(rows: readonly Row[], options: TableOptions = {}): string[] {
  return tableRows(rows, options).flat();
}

/** The lines of each row. */
export function tableRows(rows: readonly Row[], options: TableOptions = {}): string[][] {
  const { fits = [], indent = 0 } = options;
  const last = (rows[0]?.length ?? 0) - 1;
  const shown = rows.map((row) =>
    row.map((cell, column) => (column < last ? shortened(escapeUnsafe(cell)) : escapeUnsafe(cell))),
  );
  const columns = (shown[0] ?? []).map((_, column) => column);
  const natural = columns.map((column) => widest(shown, column, (cell) => cell.length));
  const least = columns.map((column) => {
    const fit = fits[column] ?? 'words';
    if (fit === 'whole') return natural[column]!;
    if (fit === 'anywhere') return Math.min(LEAST_OF_BROKEN, natural[column]!);
    return Math.min(MAX_LEAST_COLUMNS, widest(shown, column, longestWord));
  });
  const available = displayColumns() - indent - GAP.length * last;
  const widths = fitted(natural, least, available);
  if (widths === undefined) return paragraphs(shown, options);
  return shown.map((row, index) => {
    const toneOf = (cell: string, column: number) =>
      options.hasHeadings === true && index === 0 ? 'heading' : options.tone?.(cell, column);
    const parts = row.map((cell, column) => wrapped(cell, widths[column]!));
    const height = Math.max(1, ...parts.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) => {
      const texts = parts.map((part) => part[line] ?? '');
      const end = texts.findLastIndex((text) => text !== '');
      const cells = texts.slice(0, end + 1).map((text, column) => {
        const padding = column === end ? '' : ' '.repeat(Math.max(0, widths[column]! - text.length));
        return `${paint(toneOf(row[column]!, column), text)}${padding}`;
      });
      return `${' '.repeat(end < 0 ? 0 : indent)}${cells.join(GAP)}`;
    });
  });
}

/** Between words; a word that is longer than a line is broken too. Never empty. */
export function wrapped(text: string, columns: number): string[] {
  if (text.length <= columns) return [text];
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns);
    const isBetweenWords = space > 0 && rest.slice(0, space).trim() !== '';
    const end = isBetweenWords ? space : breakInWord(rest, columns);
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return rest === '' ? lines : [...lines, rest];
}

/** One text on as many lines as it needs on this display, escaped; all but the first begin with `indent` spaces. */
export function hangingLines(unsafe: string, indent: number): string[] {
  const text = escapeUnsafe(unsafe);
  const columns = displayColumns();
  const [first = ''] = wrapped(text, columns);
  if (first.length === text.length) return [text];
  const rest = text.slice(first.length).trimStart();
  return [first, ...wrapped(rest, columns - indent).map((line) => `${' '.repeat(indent)}${line}`)];
}

/** Behind a character that ends a part of a fingerprint, a path or a name, where there is one. */
function breakInWord(text: string, columns: number): number {
  const part = text.slice(0, columns);
  const end = part.search(/[:/,=][^:/,=]*$/) + 1;
  return end > columns / 2 ? end : columns;
}

/** The widest columns give way first. Undefined where all of them at their least are too wide. */
function fitted(natural: readonly number[], least: readonly number[], available: number) {
  const sum = (widths: readonly number[]) => widths.reduce((total, width) => total + width, 0);
  if (sum(natural) <= available) return natural;
  if (sum(least) > available) return undefined;
  const capped = (cap: number) =>
    natural.map((width, column) => Math.max(least[column]!, Math.min(width, cap)));
  let cap = available;
  while (sum(capped(cap)) > available) cap -= 1;
  const widths = capped(cap);
  let spare = available - sum(widths);
  for (const [column, width] of widths.entries()) {
    const more = Math.min(spare, natural[column]! - width);
    widths[column] = width + more;
    spare -= more;
  }
  return widths;
}

/** The first cell of each row, and below it the others, with their headings where there are any. */
function paragraphs(rows: readonly Row[], { hasHeadings, indent = 0, tone }: TableOptions): string[][] {
  const headings = hasHeadings === true ? rows[0]! : [];
  const margin = ' '.repeat(indent);
  const labelled = Math.max(0, ...headings.slice(1).map(({ length }) => length + GAP.length));
  const columns = Math.max(MIN_CELL_COLUMNS, displayColumns() - indent - GAP.length - labelled);
  return rows.slice(headings.length > 0 ? 1 : 0).map(([first = '', ...cells]) => [
    ...wrapped(first, displayColumns() - indent).map((line) => `${margin}${line}`),
    ...cells.flatMap((cell, index) =>
      cell === ''
        ? []
        : wrapped(cell, columns).map((line, part) => {
            const label = (part === 0 ? (headings[index + 1] ?? '') : '').padEnd(labelled);
            return `${margin}${GAP}${paint('heading', label)}${paint(tone?.(cell, index + 1), line)}`;
          }),
    ),
  ]);
}

/** Not Math.max(...): a call takes no more than some 100,000 arguments, and spreadsheets have rows. */
function widest(rows: readonly Row[], column: number, measure: (cell: string) => number): number {
  return rows.reduce((most, row) => Math.max(most, measure(row[column] ?? '')), 0);
}

function longestWord(text: string): number {
  return text.split(' ').reduce((most, word) => Math.max(most, word.length), 0);
}

function shortened(cell: string): string {
  return cell.length <= MAX_CELL_LENGTH ? cell : `${cell.slice(0, MAX_CELL_LENGTH - 1)}…`;
}

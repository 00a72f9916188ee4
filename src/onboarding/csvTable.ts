/**
 * The spreadsheet of an allowlist: which column is which field, each row as values of fields, and back. Judges the
 * table, not the values. Importing what was exported gives the same allowlist.
 */

import type { ConfigurationSource } from '../config/editConfiguration';
import { nearestOf, quoteValue } from '../text/quote';
import { type CsvLine, formatCsv, parseCsv } from './csvCells';
import { defaultEntryName, type EntryField, entryFields, valueIn } from './entryFields';
import { formatFieldText, parseFieldText } from './fieldText';
import { rawConfiguration } from './findings';

/** The column with the name of the entry; without it, the default name. */
export const NAME_COLUMN = 'name';

/** There are some sixty fields, and sites have columns of their own. With more, the first line is not a header. */
const MAX_COLUMNS = 200;

export interface CsvProblem {
  /** 1-based. */
  readonly line: number;
  readonly column?: string;
  readonly message: string;
}

export interface CsvRow {
  readonly line: number;
  readonly name: string;
  /** One for each column of the table; undefined where the cell is empty. */
  readonly values: ReadonlyMap<EntryField, unknown>;
  readonly problems: readonly CsvProblem[];
}

export interface CsvTable {
  readonly fields: readonly EntryField[];
  readonly rows: readonly CsvRow[];
  /** Of the header: without a good one no row makes sense. */
  readonly problems: readonly CsvProblem[];
}

/** Throws CsvFault where the text is not a table at all. */
export function readCsvTable(text: string): CsvTable {
  const [header, ...lines] = parseCsv(text);
  if (header === undefined) {
    return {
      fields: [],
      rows: [],
      problems: [{ line: 1, message: 'is empty; the first line names the columns' }],
    };
  }
  const { length } = header.cells;
  if (length > MAX_COLUMNS) {
    const message = `has ${length} columns; at most ${MAX_COLUMNS} are read, so this is probably not the header`;
    return { fields: [], rows: [], problems: [{ line: header.line, message }] };
  }
  const problems = [...headerProblems(header)];
  const columns = header.cells.map((cell) => fieldOf(cell));
  const fields = columns.filter((column) => column !== undefined && column !== NAME_COLUMN) as EntryField[];
  if (problems.length > 0) return { fields, rows: [], problems };
  return { fields, rows: lines.map((line) => readRow(line, columns, header.cells.length)), problems };
}

type Column = EntryField | typeof NAME_COLUMN | undefined;

/** Upper and lower case, spaces, hyphens and underscores do not matter: `Calling AE Title` is callingAeTitle. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, '');
}

const fieldByName: ReadonlyMap<string, EntryField> = new Map(
  entryFields.flatMap((field) => [
    [plain(field.column), field],
    [plain(field.path.join('.')), field],
  ]),
);

function fieldOf(cell: string): Column {
  const name = plain(cell);
  return name === NAME_COLUMN ? NAME_COLUMN : fieldByName.get(name);
}

function* headerProblems({ line, cells }: CsvLine): Generator<CsvProblem> {
  const accepted = [NAME_COLUMN, ...entryFields.map(({ column }) => column)];
  const usual = [NAME_COLUMN, ...entryFields.filter(isUsual).map(({ column }) => column)];
  const seen = new Set<Column>();
  const strangers: string[] = [];
  for (const [index, cell] of cells.entries()) {
    const column = fieldOf(cell);
    if (cell.trim() === '') {
      yield { line, message: `column ${index + 1} has no name; give it one, or take it out` };
    } else if (column === undefined) {
      const nearest = nearestOf(cell.trim(), accepted);
      if (nearest === undefined) strangers.push(quoteValue(cell.trim()));
      else {
        const message = `unknown column ${quoteValue(cell.trim())}; did you mean ${quoteValue(nearest)}?`;
        yield { line, message };
      }
    } else if (seen.has(column)) {
      yield { line, message: `the column ${quoteValue(cell.trim())} is there twice; keep one of them` };
    }
    seen.add(column);
  }
  if (strangers.length > 0) {
    const help = `accepted are ${usual.join(', ')}, and what is seldom used: timeouts.… and address.tls.…`;
    yield { line, message: `unknown column ${strangers.join(', ')}; ${help}` };
  }
  const calling = entryFields.find(({ column }) => column === 'callingAeTitle');
  if (!seen.has(NAME_COLUMN) && !seen.has(calling)) {
    yield {
      line,
      message: 'neither "name" nor "callingAeTitle" is a column, so no row says which modality it is about',
    };
  }
}

function readRow({ line, cells }: CsvLine, columns: readonly Column[], width: number): CsvRow {
  const problems: CsvProblem[] = [];
  const values = new Map<EntryField, unknown>();
  let name: string | undefined;
  // Spreadsheets leave out empty cells at the end of a line.
  for (const [index, column] of columns.entries()) {
    const cell = cells[index] ?? '';
    if (column === NAME_COLUMN) name = cell.trim();
    else if (column !== undefined) values.set(column, parseFieldText(column, cell));
    if (cell.includes('${')) {
      const message = `${quoteValue(cell)} would be replaced by an environment variable; write the value itself`;
      problems.push({ line, ...(column === undefined ? {} : { column: columnName(column) }), message });
    }
  }
  if (cells.slice(width).some((cell) => cell.trim() !== '')) {
    problems.push({
      line,
      message: `has ${cells.length} cells where the header has ${width}; put a cell that contains a delimiter in double quotes`,
    });
  }
  if (name === undefined || name === '') name = defaultName(values);
  if (name === '') problems.push({ line, message: 'has neither a name nor a calling AE title' });
  // The parser of the configuration refuses it, without knowing the row.
  if (name === '__proto__')
    problems.push({ line, column: NAME_COLUMN, message: '"__proto__" is not a name; use another' });
  return { line, name, values, problems };
}

function columnName(column: EntryField | typeof NAME_COLUMN): string {
  return column === NAME_COLUMN ? NAME_COLUMN : column.column;
}

function defaultName(values: ReadonlyMap<EntryField, unknown>): string {
  for (const [{ column }, value] of values) {
    if (column === 'callingAeTitle') return defaultEntryName(value);
  }
  return '';
}

/** Each further column makes the table harder to read: these are exported only where an entry has them. */
const SELDOM_USED = ['timeouts.', 'address.tls.'];

function isUsual({ path }: EntryField): boolean {
  return !SELDOM_USED.some((beginning) => path.join('.').startsWith(beginning));
}

export function exportCsv(source: ConfigurationSource): string {
  const entries = Object.entries(rawConfiguration(source).modalities);
  const fields = entryFields.filter(
    (field) => isUsual(field) || entries.some(([, entry]) => valueIn(entry, field.path) !== undefined),
  );
  return formatCsv([
    [NAME_COLUMN, ...fields.map(({ column }) => column)],
    ...entries.map(([name, entry]) => [
      name,
      ...fields.map((field) => formatFieldText(field, valueIn(entry, field.path))),
    ]),
  ]);
}

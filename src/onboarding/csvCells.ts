/**
 * The bytes of a spreadsheet to text (UTF-8, or the UTF-16 that Excel calls Unicode), the text (RFC 4180) to lines of
 * cells, and back. Knows no modalities.
 *
 * Excel and others run a cell that begins with =, +, - or @ as a formula, and AE titles may begin with any of them.
 * Such a cell is written with an apostrophe in front, which marks it as text. Reading takes the apostrophe away.
 */
import { CsvError, parse } from 'csv-parse/sync';

export interface CsvLine {
  /** 1-based line of the text where it begins. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Spreadsheets of countries with a decimal comma separate by semicolons; a tab is what they copy to an editor. */
const DELIMITERS = [',', ';', '\t'] as const;

/** A first line that is for Excel alone: `sep=;`, filled up with delimiters where it was saved again. */
const NAMED_DELIMITER = /^\ufeff?"?sep=([^"\n])"?[,;\t]*\n/i;

/** A fault of the text itself. */
export class CsvFault extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Lines without any content are left out. Throws CsvFault. */
export function parseCsv(text: string): CsvLine[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    // One kind of line end, or the parser would count CR LF inside quotes as two lines.
    const unified = text.replace(/\r\n?/g, '\n');
    const [, named] = NAMED_DELIMITER.exec(unified) ?? [];
    // An empty line stays in its place, so that the others keep their numbers.
    records = parse(unified.replace(NAMED_DELIMITER, '\n'), {
      bom: true,
      delimiter: named ?? delimiterOf(unified),
      record_delimiter: '\n',
      relax_column_count: true,
      info: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number((error as CsvError & { lines?: number }).lines ?? 1);
    throw new CsvFault(
      line,
      `has quotes that do not fit; a cell with a quote is written "…""…" (${error.code})`,
    );
  }
  return records
    .map(({ record, info }) => ({
      // The parser counts to the end of the record; line breaks inside quotes belong to it.
      line: info.lines - record.reduce((sum, cell) => sum + (cell.match(/\n/g)?.length ?? 0), 0),
      cells: record.map(withoutApostrophe),
    }))
    .filter(({ cells }) => cells.some((cell) => cell.trim() !== ''));
}

/** The one that the first line has most of: column names have none of them. */
function delimiterOf(text: string): string {
  const [header = ''] = text.split('\n', 1);
  const count = (delimiter: string) => header.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

/** Lines end as RFC 4180 §2 has it. */
export function formatCsv(lines: readonly (readonly string[])[]): string {
  return lines.map((cells) => `${cells.map(formatCell).join(',')}\r\n`).join('');
}

/** What spreadsheets run, apostrophes in front included, so that reading can take exactly one away. */
const FORMULA = /^'*[=+\-@\t\r]/;

function formatCell(cell: string): string {
  const harmless = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",;\t\r\n]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function withoutApostrophe(cell: string): string {
  return /^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

/** Undefined where it is neither. A byte order mark is taken away. */
export function decodeSpreadsheet(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The first line names columns, which are ASCII: without a mark, every other byte of UTF-16 is then a NUL. */
function encodingOf([first, second, third, fourth]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (second === 0 && fourth === 0 && first !== 0 && third !== 0) return 'utf-16le';
  if (first === 0 && third === 0 && second !== 0 && fourth !== 0) return 'utf-16be';
  return 'utf-8';
}

/** A ZIP archive and an OLE compound file begin so. */
const ZIP = Buffer.from('PK\x03\x04', 'latin1');
const OLE = Buffer.from('d0cf11e0a1b11ae1', 'hex');
const ODS_TYPE = 'application/vnd.oasis.opendocument.spreadsheet';

/** What a spreadsheet program saves unless it is asked for CSV, in words; undefined for anything else. */
export function otherFormat(bytes: Buffer): string | undefined {
  // A workbook with a password is an OLE file, too.
  if (bytes.subarray(0, OLE.length).equals(OLE)) return 'an Excel workbook (.xls, or one with a password)';
  if (!bytes.subarray(0, ZIP.length).equals(ZIP)) return undefined;
  if (bytes.includes('xl/')) return 'an Excel workbook (.xlsx)';
  return bytes.includes(ODS_TYPE)
    ? 'an OpenDocument spreadsheet (.ods)'
    : 'a ZIP archive, as spreadsheet programs write';
}

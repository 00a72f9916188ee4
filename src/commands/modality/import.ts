/**
 * `aegis modality import`: entries out of a spreadsheet, previewed row by row, then all of them or none.
 */
import { basename } from 'node:path';
import { changeModalities, openConfiguration } from '../../config/editConfiguration';
import { ExitCode, OperatorError } from '../../errors';
import { readBytes } from '../../files/read';
import { CsvFault, decodeSpreadsheet, otherFormat } from '../../onboarding/csvCells';
import { type CsvProblem, type CsvTable, readCsvTable } from '../../onboarding/csvTable';
import { type ImportPlan, type PlannedRow, planImport } from '../../onboarding/importPlan';
import type { CommandContext } from '../../terminal/command';
import { formatPath } from '../../text/problems';
import { countOf, escapeUnsafe, safeLines } from '../../text/quote';
import { textTable } from '../../text/table';
import { row } from '../pki/reportText';
import { type OfferOptions, offerReload, reloadForJson } from '../reload/offerReload';
import {
  type DeviceOptions,
  sheetsOf,
  type WrittenDevices,
  wishesOf,
  withWords,
  writeDevices,
} from './importDevices';

interface ImportOptions extends DeviceOptions, OfferOptions {
  readonly dryRun?: boolean;
  readonly update?: boolean;
}

export async function importSpreadsheet(
  context: CommandContext,
  options: ImportOptions,
  file: string,
): Promise<void> {
  const source = openConfiguration(options.config);
  const read = await readTable(file);
  const wished =
    options.issueCertificates === true ? await wishesOf(source, read, options) : { table: read, wishes: [] };
  const planned = (table: CsvTable) => planImport(source, table, options.update === true);
  const plan = withWords(planned(wished.table));
  const errors = errorsOf(file, plan);
  const isWritten = errors.length === 0 && options.dryRun !== true;
  let devices: WrittenDevices | undefined;
  if (errors.length === 0) {
    changeModalities(source, plan.edits);
    const sheets = await sheetsOf(read, options);
    const edit = (table: CsvTable) => changeModalities(source, planned(table).edits);
    if (isWritten) devices = await writeDevices(context, options, wished, sheets, edit);
  }
  const { certificates = [], sheets = [], warnings = [] } = devices ?? {};
  if (options.json === true) {
    context.exit(errors.length === 0 ? ExitCode.Done : ExitCode.Usage);
    const result = { ok: errors.length === 0, isWritten, ...counts(plan), rows: plan.rows, errors };
    const reload = isWritten ? await reloadForJson(context, options) : null;
    context.print(`${JSON.stringify({ ...result, certificates, sheets, warnings, reload }, undefined, 2)}\n`);
    return;
  }
  if (options.dryRun === true) context.print(preview(plan.rows));
  for (const warning of plan.rows.flatMap((row) => row.warnings)) {
    context.printError(`warning: ${messageAt(file, warning)}\n`);
  }
  for (const warning of warnings) context.printError(`warning: ${warning}\n`);
  const { add, change, keep, refuse } = counts(plan);
  context.print(
    `${countOf(plan.rows.length, 'row')}: ${add} to add, ${change} to change, ${keep} unchanged, ${refuse} with errors\n`,
  );
  if (errors.length > 0) throw new OperatorError([...errors, 'nothing was written'].join('\n'));
  context.exit(ExitCode.Done);
  if (devices === undefined) {
    const { length } = wished.wishes;
    if (length > 0) context.print(`${countOf(length, 'certificate')} to issue in ${options.dir}\n`);
    context.print('nothing was written (--dry-run)\n');
    return;
  }
  if (add + change === 0) context.print(`${options.config} already says all of this\n`);
  else context.print(`written to ${options.config}\n`);
  context.print(safeLines(deviceLines(options, devices)));
  const reload = add + change > 0 ? await offerReload(context, options) : [];
  context.print(safeLines(nextLines(reload, devices)));
}

function deviceLines({ dir, sheetDir }: ImportOptions, { certificates, sheets }: WrittenDevices): string[] {
  const isPasswordGenerated = certificates.some(({ pkcs12PasswordFile }) => pkcs12PasswordFile !== undefined);
  return [
    ...(certificates.length === 0
      ? []
      : [row('certificates', `${certificates.length} in ${dir}: NAME.p12, or .crt and .key`)]),
    ...(isPasswordGenerated ? [row('passwords', 'in NAME.p12.password; delete them afterwards')] : []),
    ...(sheets.length === 0 ? [] : [row('sheets', `${sheets.length} in ${sheetDir}: NAME.html, NAME.md`)]),
  ];
}

function nextLines(reload: readonly string[], { certificates, sheets }: WrittenDevices): string[] {
  const lines = [
    ...reload,
    ...(sheets.length === 0 ? [] : ['give each sheet to its vendor']),
    ...(certificates.length === 0 ? [] : ['send keys and passwords separately']),
  ];
  if (lines.length === 0) return [];
  return lines.length === 1 ? ['', `next: ${lines[0]}`] : ['', 'next:', ...lines.map((line) => `  ${line}`)];
}

/** 10,000 modalities with every column take some 5 MB; more is another kind of file. */
const MAX_CSV_BYTES = 64 * 1024 * 1024;

const SAVE_AS_CSV = 'save it as CSV (in Excel: "CSV UTF-8")';

async function readTable(file: string) {
  const bytes = readBytes(file, {
    maxBytes: MAX_CSV_BYTES,
    folder: 'name the file in it',
    exitCode: ExitCode.Usage,
  });
  try {
    const other = otherFormat(bytes);
    if (other !== undefined) throw new OperatorError(`${file} is ${other}; ${SAVE_AS_CSV}`);
    const text = decodeSpreadsheet(bytes);
    if (text === undefined) {
      throw new OperatorError(`${file} is neither UTF-8 nor UTF-16; ${SAVE_AS_CSV}`);
    }
    const table = readCsvTable(text);
    if (table.problems.length > 0) {
      throw new OperatorError(table.problems.map((problem) => messageAt(file, problem)).join('\n'));
    }
    return table;
  } catch (error) {
    if (!(error instanceof CsvFault)) throw error;
    throw new OperatorError(messageAt(file, error));
  }
}

function errorsOf(file: string, { rows, findings }: ImportPlan): string[] {
  return [
    ...rows.flatMap(({ errors }) => errors).map((error) => messageAt(file, error)),
    ...findings.map(({ path, message }) => `${formatPath(path)} ${message}`),
    ...(rows.length === 0 ? [`${basename(file)} has no row below the names of the columns`] : []),
  ];
}

/** `modalities.csv:14 from "10.1.2.300" is not an IP address …`. */
function messageAt(file: string, { line, column, message }: CsvProblem): string {
  return escapeUnsafe(`${basename(file)}:${line} ${column === undefined ? '' : `${column} `}${message}`);
}

function counts({ rows }: ImportPlan): Record<PlannedRow['action'], number> {
  const result = { add: 0, change: 0, keep: 0, refuse: 0 };
  for (const { action } of rows) result[action] += 1;
  return result;
}

const actionWords: Readonly<Record<PlannedRow['action'], string>> = {
  add: 'add',
  change: 'change',
  keep: 'unchanged',
  refuse: 'error',
};

function preview(rows: readonly PlannedRow[]): string {
  const cells = rows.map(({ line, name, action, changes }) =>
    [
      String(line),
      actionWords[action],
      name,
      changes.map(({ column, from, to }) => `${column} ${from || '(none)'} -> ${to || '(none)'}`).join('; '),
    ].map(escapeUnsafe),
  );
  return `${textTable([['LINE', 'ACTION', 'NAME', 'CHANGES'], ...cells], { hasHeadings: true }).join('\n')}\n\n`;
}

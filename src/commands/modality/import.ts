/**
 * `aegis modality import`: entries out of a spreadsheet, previewed row by row, then all of them or none.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { changeModalities, openConfiguration, saveEdit } from '../../config/editConfiguration';
import { ExitCode, OperatorError } from '../../errors';
import { CsvFault, decodeSpreadsheet } from '../../onboarding/csvCells';
import { type CsvProblem, readCsvTable } from '../../onboarding/csvTable';
import { type ImportPlan, type PlannedRow, planImport } from '../../onboarding/importPlan';
import type { CommandContext } from '../../terminal/command';
import { formatPath } from '../../text/problems';
import { countOf, escapeUnsafe } from '../../text/quote';
import { textTable } from '../../text/table';
import { type OfferOptions, offerReload, reloadForJson } from '../reload/offerReload';

interface ImportOptions extends OfferOptions {
  readonly dryRun?: boolean;
  readonly update?: boolean;
}

export async function importSpreadsheet(
  context: CommandContext,
  options: ImportOptions,
  file: string,
): Promise<void> {
  const source = openConfiguration(options.config);
  const table = await readTable(file);
  const plan = planImport(source, table, options.update === true);
  const errors = errorsOf(file, plan);
  const isWritten = errors.length === 0 && options.dryRun !== true;
  if (errors.length === 0) {
    const edit = changeModalities(source, plan.edits);
    if (isWritten) await saveEdit(edit);
  }
  if (options.json === true) {
    context.exit(errors.length === 0 ? ExitCode.Done : ExitCode.Usage);
    const reload = isWritten ? await reloadForJson(context, options) : null;
    const result = { ok: errors.length === 0, isWritten, ...counts(plan), rows: plan.rows, errors, reload };
    context.print(`${JSON.stringify(result, undefined, 2)}\n`);
    return;
  }
  if (options.dryRun === true) context.print(preview(plan.rows));
  for (const warning of plan.rows.flatMap(({ warnings }) => warnings)) {
    context.printError(`warning: ${messageAt(file, warning)}\n`);
  }
  const { add, change, keep, refuse } = counts(plan);
  context.print(
    `${countOf(plan.rows.length, 'row')}: ${add} to add, ${change} to change, ${keep} unchanged, ${refuse} with errors\n`,
  );
  if (errors.length > 0) throw new OperatorError([...errors, 'nothing was written'].join('\n'));
  context.exit(ExitCode.Done);
  if (!isWritten) context.print('nothing was written (--dry-run)\n');
  else if (add + change === 0) context.print(`${options.config} already says all of this\n`);
  else {
    context.print(`written to ${options.config}\n`);
    for (const line of await offerReload(context, options)) context.print(`\nnext: ${line}\n`);
  }
}

/** 10,000 modalities with every column take some 5 MB; more is another kind of file. */
const MAX_CSV_BYTES = 64 * 1024 * 1024;

async function readTable(file: string) {
  let bytes: Buffer;
  try {
    const { size } = await stat(file);
    if (size > MAX_CSV_BYTES)
      throw new OperatorError(`${file} has ${size} bytes; at most ${MAX_CSV_BYTES} (64 MiB) are read`);
    bytes = await readFile(file);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(`${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    const text = decodeSpreadsheet(bytes);
    if (text === undefined) {
      throw new OperatorError(`${file} is neither UTF-8 nor UTF-16; in Excel, save it as "CSV UTF-8"`);
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

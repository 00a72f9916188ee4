/**
 * `aegis modality import`: entries out of a spreadsheet, previewed row by row, then all of them or none.
 */
import { basename } from 'node:path';
import { ExitCode, OperatorError } from '../../errors';
import type { CsvProblem } from '../../onboarding/csvTable';
import type { ImportPlan, PlannedRow } from '../../onboarding/importPlan';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';

interface ImportOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly update?: boolean;
}

export const registerModalityImport: RegisterCommand = (modality, context) => {
  modality
    .command('import')
    .description('add modalities from CSV, all or none; columns are the keys of an entry, and name')
    .argument(
      '<FILE.csv>',
      'comma, semicolon or tab separated, UTF-8 or UTF-16; the first line names the columns',
    )
    .option('--dry-run', 'show what each row would do and write nothing')
    .option('--update', 'change entries that are there where a row says something else')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality import modalities.csv --dry-run',
          'aegis modality import modalities.csv',
          'aegis modality export > modalities.csv    (to see the columns, or to begin with)',
          'aegis modality import modalities.csv --update',
        ],
        [
          '0  done',
          '1  the configuration file cannot be written, or was changed meanwhile',
          '2  a row has an error, and nothing was written; or the configuration has errors of its own',
        ],
      ),
    )
    .action(async (file: string, _options, command) => {
      await importModalities(file, command.optsWithGlobals() as ImportOptions, context);
    });
};

async function importModalities(
  file: string,
  options: ImportOptions,
  context: CommandContext,
): Promise<void> {
  const { changeModalities, openConfiguration, saveEdit } = await import('../../config/editConfiguration');
  const { planImport } = await import('../../onboarding/importPlan');
  const source = openConfiguration(options.config);
  const table = await readTable(file);
  const plan = planImport(source, table, options.update === true);
  const errors = await errorsOf(file, plan);
  const isWritten = errors.length === 0 && options.dryRun !== true;
  if (errors.length === 0) {
    const edit = changeModalities(source, plan.edits);
    if (isWritten) await saveEdit(edit);
  }
  if (options.json === true) {
    context.exit(errors.length === 0 ? ExitCode.Done : ExitCode.Usage);
    const result = { ok: errors.length === 0, isWritten, ...counts(plan), rows: plan.rows, errors };
    context.print(`${JSON.stringify(result, undefined, 2)}\n`);
    return;
  }
  const { countOf } = await import('../../text/quote');
  if (options.dryRun === true) context.print(await preview(plan.rows));
  for (const warning of plan.rows.flatMap(({ warnings }) => warnings)) {
    context.printError(`warning: ${await tell(file, warning)}\n`);
  }
  const { add, change, keep, refuse } = counts(plan);
  context.print(
    `${countOf(plan.rows.length, 'row')}: ${add} to add, ${change} to change, ${keep} unchanged, ${refuse} with errors\n`,
  );
  if (errors.length > 0) throw new OperatorError([...errors, 'nothing was written'].join('\n'));
  context.exit(ExitCode.Done);
  if (!isWritten) context.print('nothing was written (--dry-run)\n');
  else if (add + change === 0) context.print(`${options.config} says all of this already\n`);
  else context.print(`written to ${options.config}\n\nnext: reload the gateway (SIGHUP)\n`);
}

/** 10,000 modalities with every column take some 5 MB; more is another kind of file. */
const MAX_CSV_BYTES = 64 * 1024 * 1024;

async function readTable(file: string) {
  const { CsvFault } = await import('../../onboarding/csvCells');
  const { decodeSpreadsheet } = await import('../../onboarding/csvEncoding');
  const { readCsvTable } = await import('../../onboarding/csvTable');
  const { readBytes } = await import('../../files/read');
  const bytes = readBytes(file, { maxBytes: MAX_CSV_BYTES, exitCode: ExitCode.Usage });
  try {
    const text = decodeSpreadsheet(bytes);
    if (text === undefined) {
      throw new OperatorError(`${file} is neither UTF-8 nor UTF-16; in Excel, save it as "CSV UTF-8"`);
    }
    const table = readCsvTable(text);
    if (table.problems.length > 0) {
      throw new OperatorError(
        (await Promise.all(table.problems.map((problem) => tell(file, problem)))).join('\n'),
      );
    }
    return table;
  } catch (error) {
    if (!(error instanceof CsvFault)) throw error;
    throw new OperatorError(await tell(file, error));
  }
}

async function errorsOf(file: string, { rows, findings }: ImportPlan): Promise<string[]> {
  const { formatPath } = await import('../../text/problems');
  return [
    ...(await Promise.all(rows.flatMap(({ errors }) => errors).map((error) => tell(file, error)))),
    ...findings.map(({ path, message }) => `${formatPath(path)} ${message}`),
    ...(rows.length === 0 ? [`${basename(file)} has no row below the names of the columns`] : []),
  ];
}

/** `modalities.csv:14 from "10.1.2.300" is not an IP address …`. */
async function tell(file: string, { line, column, message }: CsvProblem): Promise<string> {
  const { escapeUnsafe } = await import('../../text/quote');
  return escapeUnsafe(`${basename(file)}:${line} ${column === undefined ? '' : `${column} `}${message}`);
}

const counts = ({ rows }: ImportPlan): Record<PlannedRow['action'], number> => {
  const result = { add: 0, change: 0, keep: 0, refuse: 0 };
  for (const { action } of rows) result[action] += 1;
  return result;
};

const actionWords: Readonly<Record<PlannedRow['action'], string>> = {
  add: 'add',
  change: 'change',
  keep: 'unchanged',
  refuse: 'error',
};

async function preview(rows: readonly PlannedRow[]): Promise<string> {
  const { escapeUnsafe } = await import('../../text/quote');
  const { textTable } = await import('../../text/table');
  const cells = rows.map(({ line, name, action, changes }) =>
    [
      String(line),
      actionWords[action],
      name,
      changes.map(({ column, from, to }) => `${column} ${from || '(none)'} -> ${to || '(none)'}`).join('; '),
    ].map(escapeUnsafe),
  );
  return `${textTable([['LINE', 'ACTION', 'NAME', 'CHANGES'], ...cells]).join('\n')}\n\n`;
}

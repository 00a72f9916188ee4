/**
 * The certificates and sheets of an import: first which rows get one, then all of them in memory, then everything at once
 * with the entries. Nothing is written before all of it is known to be good.
 */
import { rmdir } from 'node:fs/promises';
import {
  type ConfigurationEdit,
  type ConfigurationSource,
  refuseChanged,
  saveEdit,
} from '../../config/editConfiguration';
import { OperatorError } from '../../errors';
import { type FileToWrite, makeFolder, writeFiles } from '../../files/write';
import { type CsvProblem, type CsvRow, type CsvTable, NAME_COLUMN } from '../../onboarding/csvTable';
import { type EntryField, entryField, valueIn } from '../../onboarding/entryFields';
import { rawConfiguration } from '../../onboarding/findings';
import type { ImportPlan } from '../../onboarding/importPlan';
import {
  refuseReplacedSheets,
  type SheetFiles,
  sheetContents,
  sheetFiles,
} from '../../onboarding/sheetFiles';
import type { CertificateAuthority } from '../../pki/authority';
import {
  findReplacedClientFiles,
  type PreparedClient,
  prepareClient,
  recordAndMove,
} from '../../pki/folderCertificates';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { whileInterruptible } from '../../terminal/interruption';
import { ProgressLine } from '../../terminal/progress';
import { refuseIssued } from '../pki/revokedCertificates';
import {
  givenPkcs12Password,
  openAuthority,
  type Pkcs12PasswordOptions,
  pkcs12Choice,
  warnOfUnfinishedRecord,
} from '../pki/verb';
import { refuseUnwritable } from './add';
import { type SheetOptions, sheetOf } from './sheet';

export interface DeviceOptions extends GlobalOptions, SheetOptions, Pkcs12PasswordOptions {
  readonly issueCertificates?: boolean;
  readonly sheets?: boolean;
  readonly passphraseFile?: string;
  readonly force?: boolean;
}

/** A row that is to get a certificate, and the names of it. */
interface Wish {
  readonly name: string;
  readonly names: readonly string[];
}

export interface TableWithWishes {
  /** Rows with a wish have a fingerprint in it that stands for one that is not issued yet. */
  readonly table: CsvTable;
  readonly wishes: readonly Wish[];
}

const NOT_ISSUED_YET = '(of the certificate that will be issued)';

/** Unlike each other, as the real ones: two entries may differ in nothing else. */
function placeholder(index: number): string {
  const hex = index.toString(16).padStart(64, '0').toUpperCase();
  return `spki-sha256:${hex.match(/../g)!.join(':')}`;
}

function isPlaceholder(text: string): boolean {
  return text.startsWith(`spki-sha256:${'00:'.repeat(24)}`);
}

/** Finds the rows that get a certificate: those of TLS devices that have none. What is in the way is a fault of the row. */
export async function wishesOf(
  source: ConfigurationSource,
  table: CsvTable,
  options: DeviceOptions & { readonly update?: boolean },
): Promise<TableWithWishes> {
  const { modalities } = rawConfiguration(source);
  const wishes: Wish[] = [];
  const rows: CsvRow[] = [];
  for (const row of table.rows) {
    const current = modalities[row.name];
    const mayChange = current === undefined || options.update === true;
    if (!mayChange || !needsCertificate(source, row, current)) {
      rows.push(row);
      continue;
    }
    const problems = await problemsOfName(row, options.dir);
    wishes.push({ name: row.name, names: [effectiveValue(row, current, 'host')].flat().filter(isText) });
    const certificate = [entryField('certificate'), placeholder(wishes.length)] as const;
    rows.push({
      ...row,
      values: new Map<EntryField, unknown>([...row.values, certificate]),
      problems: [...row.problems, ...problems],
    });
  }
  return { table: { ...table, rows }, wishes };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** What the row says, or the entry where the table has no such column. */
function effectiveValue({ values }: CsvRow, current: object | undefined, column: string): unknown {
  const field = entryField(column);
  return values.has(field) ? values.get(field) : valueIn(current, field.path);
}

/** It uses a listener that asks for one, and names none. */
function needsCertificate(source: ConfigurationSource, row: CsvRow, current: object | undefined): boolean {
  if (row.name === '' || effectiveValue(row, current, 'certificate') !== undefined) return false;
  const named = effectiveValue(row, current, 'listeners');
  const names = named === undefined ? undefined : [named].flat();
  return (source.reading.configuration?.listeners ?? []).some(
    ({ name, tls }) => tls?.clientCertificate === 'required' && names?.includes(name) !== false,
  );
}

async function problemsOfName({ line, name }: CsvRow, directory: string): Promise<CsvProblem[]> {
  try {
    await refuseIssued(directory, name);
    await findReplacedClientFiles(directory, name, false);
    return [];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [{ line, column: NAME_COLUMN, message: error.message }];
  }
}

/** With words where a fingerprint stands for one that is not issued yet. */
export function withWords(plan: ImportPlan): ImportPlan {
  const rows = plan.rows.map((row) => ({
    ...row,
    changes: row.changes.map((change) =>
      isPlaceholder(change.to) ? { ...change, to: NOT_ISSUED_YET } : change,
    ),
  }));
  return { ...plan, rows };
}

/** The sheets of all rows, or none. Throws OperatorError where one is there and must not be replaced. */
export async function sheetsOf({ rows }: CsvTable, options: DeviceOptions): Promise<Map<string, SheetFiles>> {
  const sheets = new Map<string, SheetFiles>();
  if (options.sheets !== true) return sheets;
  for (const { name } of rows) sheets.set(name, sheetFiles(options.sheetDir, name));
  await refuseReplacedSheets([...sheets.values()], options.force === true);
  return sheets;
}

export interface WrittenDevices {
  readonly certificates: readonly Omit<PreparedClient, 'certificate' | 'files' | 'record'>[];
  readonly sheets: readonly SheetFiles[];
  readonly warnings: readonly string[];
}

/** Makes everything and writes it with the entries, or, also after Ctrl-C, nothing. `edit` makes the entries. */
export async function writeDevices(
  context: CommandContext,
  options: DeviceOptions,
  { table, wishes }: TableWithWishes,
  sheets: ReadonlyMap<string, SheetFiles>,
  edit: (table: CsvTable) => ConfigurationEdit,
): Promise<WrittenDevices> {
  if (wishes.length > 0 || sheets.size > 0) await refuseUnwritable(options.config);
  const authority = wishes.length === 0 ? undefined : await authorityOf(context, options);
  const password = authority && (await givenPkcs12Password('each .p12 file', options, context));
  return whileInterruptible(async (signal) => {
    const progress = new ProgressLine((text) => context.printError(text), process.stderr.isTTY === true);
    try {
      const prepare = ({ name, names }: Wish, at: CertificateAuthority) =>
        prepareClient(options.dir, at, { name, names, pkcs12: pkcs12Choice(password, options) });
      const issued =
        authority === undefined
          ? new Map<string, PreparedClient>()
          : await issueAll(wishes, (wish) => prepare(wish, authority), progress, signal);
      const final = edit(withFingerprints(table, issued));
      const namesByWarning = new Map<string, string[]>();
      const sheetFilesToWrite: FileToWrite[] = [];
      for (const [name, files] of sheets) {
        const { sheet, warnings: found } = sheetOf(
          name,
          final.result,
          options,
          issued.get(name)?.certificate.certificate,
        );
        for (const warning of found)
          namesByWarning.set(warning, [...(namesByWarning.get(warning) ?? []), name]);
        sheetFilesToWrite.push(...sheetContents(files, sheet));
      }
      progress.show('writing …');
      await writeAll(options, final, [...issued.values()], sheetFilesToWrite, signal);
      const certificates = [...issued.values()].map(
        ({ certificate: _, files: _files, record: _record, ...rest }) => rest,
      );
      return { certificates, sheets: [...sheets.values()], warnings: [...namesByWarning].map(warningOf) };
    } finally {
      progress.end();
    }
  });
}

/** More names than this say nothing more. */
const MAX_NAMES = 3;

/** The same is often true of all of them. */
function warningOf([warning, names]: readonly [string, readonly string[]]): string {
  const rest = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}: ${warning}`;
}

async function authorityOf(context: CommandContext, options: DeviceOptions): Promise<CertificateAuthority> {
  await warnOfUnfinishedRecord(options, context);
  return openAuthority(options, context);
}

/** Node makes keys on four threads. */
const KEYS_AT_ONCE = 4;

async function issueAll(
  wishes: readonly Wish[],
  prepare: (wish: Wish) => Promise<PreparedClient>,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<Map<string, PreparedClient>> {
  const queue = [...wishes];
  const issued = new Map<string, PreparedClient>();
  const work = async (): Promise<void> => {
    for (let wish = queue.shift(); wish !== undefined; wish = queue.shift()) {
      signal.throwIfAborted();
      issued.set(wish.name, await prepare(wish));
      progress.show(`${issued.size} of ${wishes.length} certificates`);
    }
  };
  await Promise.all(Array.from({ length: KEYS_AT_ONCE }, work));
  return issued;
}

function withFingerprints(table: CsvTable, issued: ReadonlyMap<string, PreparedClient>): CsvTable {
  const rows = table.rows.map((row) => {
    const [summary] = issued.get(row.name)?.certificates ?? [];
    if (summary === undefined) return row;
    const certificate = [entryField('certificate'), summary.spkiFingerprint] as const;
    return { ...row, values: new Map<EntryField, unknown>([...row.values, certificate]) };
  });
  return { ...table, rows };
}

async function writeAll(
  { dir, sheetDir }: DeviceOptions,
  edit: ConfigurationEdit,
  issued: readonly PreparedClient[],
  sheets: readonly FileToWrite[],
  signal: AbortSignal,
): Promise<void> {
  const beforeMoving = () => saveEdit(edit);
  const made = sheets.length === 0 ? undefined : await makeFolder(sheetDir);
  try {
    if (issued.length === 0) {
      await writeFiles(sheets, beforeMoving, signal);
      return;
    }
    const beforeRecord = () => refuseChanged(edit.source);
    await recordAndMove(dir, issued, sheets, { beforeRecord, beforeMoving, signal });
  } catch (error) {
    if (made !== undefined) await rmdir(sheetDir).catch(() => undefined);
    throw error;
  }
}

/**
 * What a spreadsheet would do to an allowlist, row by row: added, changed, unchanged, or everything that is wrong with the
 * row. Writes nothing.
 */
import {
  type ConfigurationSource,
  type EntryChange,
  type ModalityChanges,
  type ModalityEntry,
  refuseErrors,
} from '../config/editConfiguration';
import type { Finding } from '../text/problems';
import { quoteValue } from '../text/quote';
import { type CsvProblem, type CsvRow, type CsvTable, NAME_COLUMN } from './csvTable';
import { type EntryField, entryFields, isSameValue, valueIn, withFields } from './entryFields';
import { formatFieldText } from './fieldText';
import { findingsIn, rawConfiguration } from './findings';
import { titlesWithComma, vendorDefaults } from './titleDoubts';

export interface FieldChange {
  readonly column: string;
  /** As in a cell; empty where there is no value. */
  readonly from: string;
  readonly to: string;
}

export interface PlannedRow {
  readonly line: number;
  readonly name: string;
  readonly action: 'add' | 'change' | 'keep' | 'refuse';
  readonly changes: readonly FieldChange[];
  readonly errors: readonly CsvProblem[];
  readonly warnings: readonly CsvProblem[];
}

export interface ImportPlan {
  readonly rows: readonly PlannedRow[];
  /** What the rows bring about in entries that are in no row, such as an overlap. */
  readonly findings: readonly Finding[];
  /** Not to be carried out where a row is refused or there are findings. */
  readonly edits: ModalityChanges;
}

interface RowDraft {
  readonly row: CsvRow;
  /** The entry of that name as it is. */
  readonly current: object | undefined;
  readonly changedFields: readonly EntryField[];
  /** The entry as it is to be; undefined where nothing is to be done. */
  readonly entry: object | undefined;
  readonly errors: CsvProblem[];
  readonly warnings: CsvProblem[];
}

/**
 * `mayChange`: rows may say something else than the entry of that name. Throws ConfigurationError where the
 * configuration has errors of its own.
 */
export function planImport(source: ConfigurationSource, table: CsvTable, mayChange: boolean): ImportPlan {
  refuseErrors(source);
  const current = rawConfiguration(source);
  const drafts: RowDraft[] = [];
  const draftByName = new Map<string, RowDraft>();
  const modalities: Record<string, object> = Object.assign(Object.create(null), current.modalities);
  for (const row of table.rows) {
    const draft = draftOf(row, current.modalities[row.name], draftByName.get(row.name), mayChange);
    drafts.push(draft);
    if (!draftByName.has(row.name)) draftByName.set(row.name, draft);
    if (draft.entry !== undefined) modalities[row.name] = draft.entry;
  }
  const others: Finding[] = [];
  for (const finding of findingsIn({ ...current, modalities })) {
    // A faulty name is a key of `modalities`.
    const draft = draftByName.get(String(finding.path[1] ?? finding.key ?? ''));
    if (draft?.entry !== undefined) report(draft, finding);
    else if (finding.severity !== 'warning') others.push(finding);
  }
  return { rows: drafts.map(plannedRow), findings: others, edits: editsOf(drafts) };
}

function draftOf(
  row: CsvRow,
  current: object | undefined,
  earlier: RowDraft | undefined,
  mayChange: boolean,
): RowDraft {
  const { line, name, values } = row;
  const errors = [...row.problems];
  const changedFields = [...values]
    .filter(([field, value]) => !isSameValue(field, value, valueIn(current, field.path)))
    .map(([field]) => field);
  const warnings: CsvProblem[] = [
    ...vendorDefaults(values).map((message) => ({ line, column: 'callingAeTitle', message })),
    ...commaWarnings(row),
  ];
  const draft = { row, current, changedFields, errors, warnings };
  if (earlier !== undefined) {
    const message = `${quoteValue(name)} is already the name in line ${earlier.row.line}; names must be unique`;
    errors.push({ line, column: NAME_COLUMN, message });
    return { ...draft, entry: undefined };
  }
  if (errors.length > 0 || (current !== undefined && changedFields.length === 0)) {
    return { ...draft, entry: undefined };
  }
  if (current === undefined) return { ...draft, entry: withFields({}, values) };
  if (!mayChange) {
    const columns = changedFields.map(({ column }) => column).join(', ');
    const message = `${quoteValue(name)} exists already and differs in ${columns}; --update changes it`;
    errors.push({ line, column: NAME_COLUMN, message });
    return { ...draft, entry: undefined };
  }
  return {
    ...draft,
    entry: withFields(
      current,
      changedFields.map((field) => [field, values.get(field)]),
    ),
  };
}

/** In an option or on paper a comma separates; in an AE title it is a character. */
function commaWarnings({ line, values }: CsvRow): CsvProblem[] {
  return [...values].flatMap(([field, value]) =>
    titlesWithComma(field, value).map((title) => ({
      line,
      column: field.column,
      message: `${quoteValue(title)} is one AE title with a comma in it; separate several with spaces`,
    })),
  );
}

function report(
  { row: { line }, errors, warnings }: RowDraft,
  { path, key, message, severity }: Finding,
): void {
  if (path.length === 1 && key !== undefined) {
    errors.push({ line, column: NAME_COLUMN, message });
    return;
  }
  const keys = path.slice(2).filter((key) => typeof key === 'string');
  const field = entryFields.find(
    (candidate) => keys.length > 0 && keys.every((key, at) => candidate.path[at] === key),
  );
  const problem = { line, ...(field === undefined ? {} : { column: field.column }), message };
  if (severity === 'warning') warnings.push(problem);
  else errors.push(problem);
}

function plannedRow(draft: RowDraft): PlannedRow {
  const { row, current, entry, changedFields, errors, warnings } = draft;
  const changes =
    current === undefined
      ? []
      : changedFields.map((field) => ({
          column: field.column,
          from: formatFieldText(field, valueIn(current, field.path)),
          to: formatFieldText(field, row.values.get(field)),
        }));
  const action = entry === undefined ? 'keep' : current === undefined ? 'add' : 'change';
  return {
    line: row.line,
    name: row.name,
    action: errors.length > 0 ? 'refuse' : action,
    changes,
    errors,
    warnings,
  };
}

function editsOf(drafts: readonly RowDraft[]): ModalityChanges {
  const wanted = drafts.filter(({ entry }) => entry !== undefined);
  return {
    added: wanted
      .filter(({ current }) => current === undefined)
      .map(({ row, entry }) => [row.name, entry as ModalityEntry]),
    changed: new Map(
      wanted.filter(({ current }) => current !== undefined).map((draft) => [draft.row.name, changeOf(draft)]),
    ),
  };
}

/** Removes the outermost thing that is gone: an address without anything in it is not an address. */
function changeOf({ row, entry, changedFields }: RowDraft): EntryChange {
  const removals = new Map<string, readonly string[]>();
  const settings: [path: readonly string[], value: unknown][] = [];
  for (const field of changedFields) {
    const value = row.values.get(field);
    const depth = field.path.findIndex(
      (_, index) => valueIn(entry, field.path.slice(0, index + 1)) === undefined,
    );
    const gone = field.path.slice(0, depth + 1);
    if (value === undefined) removals.set(gone.join('.'), gone);
    else settings.push([field.path, value]);
  }
  return [...[...removals.values()].map((path) => [path, undefined] as const), ...settings];
}

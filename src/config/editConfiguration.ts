/**
 * Edits the allowlist of a configuration file in place: the only writer of that file. A change is made and checked in
 * memory, can be shown, and reaches the disk only when the result has no error. How a text is edited belongs to
 * editText.ts.
 */
import type * as z from 'zod';
import { OperatorError } from '../errors';
import { FileError } from '../files/systemErrors';
import { replaceText } from '../files/write';
import { lineDiff } from '../text/lineDiff';
import {
  ConfigurationError,
  type ConfigurationPath,
  formatPath,
  formatProblem,
  type Problem,
} from '../text/problems';
import { escapeUnsafe, nearestOf, quoteValue } from '../text/quote';
import { addProperties, changeValues, hasValue, removeProperty, setValue } from './editText';
import {
  type ConfigurationReading,
  type LoadedConfiguration,
  MAX_CONFIGURATION_BYTES,
  parseConfiguration,
  readConfigurationText,
} from './load';
import type { configurationSchema } from './schema';
import { parseSourceText } from './sourceText';

/** An entry of the allowlist as it is written: single values may stand for lists, what has a default may be missing. */
export type ModalityEntry = DeepReadonly<z.input<typeof configurationSchema>['modalities'][string]>;

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** A configuration file as it was when it was read. */
export interface ConfigurationSource {
  /** As the operator named it. */
  readonly file: string;
  readonly text: string;
  readonly env: NodeJS.ProcessEnv;
  /** What it says, with all that is wrong with it: an edit may be what fixes it. */
  readonly reading: ConfigurationReading;
}

/** A change that could be written. */
export interface ConfigurationEdit {
  readonly source: ConfigurationSource;
  readonly text: string;
  /** What it changes, line by line. Empty where it changes nothing. */
  readonly diff: string;
  /** The configuration as it will be. Problems are warnings. */
  readonly result: LoadedConfiguration;
}

/** What becomes of one entry: values to set at paths inside it, and undefined for what is taken out. */
export type EntryChange = readonly (readonly [path: ConfigurationPath, value: unknown])[];

/** Throws ConfigurationError where the file cannot be read, or its text cannot be edited. */
export function openConfiguration(file: string, env: NodeJS.ProcessEnv = process.env): ConfigurationSource {
  const text = readConfigurationText(file);
  const reading = parseConfiguration(text, file, env);
  const value = parseSourceText(text).value as { modalities?: unknown } | undefined;
  if (!isObject(value) || (value.modalities !== undefined && !isObject(value.modalities))) {
    throw new ConfigurationError(reading.problems);
  }
  return { file, text, env, reading };
}

/**
 * Throws ConfigurationError where the file has errors that no entry can fix, before anybody does work for an edit. An
 * empty allowlist is not such an error, nor is a test of the policy that fails.
 */
export function refuseErrors({ reading }: ConfigurationSource): void {
  const errors = reading.problems.filter(
    ({ severity, path }) => severity === 'error' && path !== 'modalities' && !path.startsWith('tests['),
  );
  if (errors.length > 0) throw new ConfigurationError(errors);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * New entries, at the end of `modalities` and in their order. 10,000 are one change and take a second or two.
 * Throws OperatorError where a name is taken or the result would have an error.
 *
 * @example
 * const edit = addModalities(openConfiguration('config/aegis.jsonc'), {
 *   ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', allow: ['echo', 'store'] },
 * });
 * await saveEdit(edit);
 */
export function addModalities(
  source: ConfigurationSource,
  entries: Readonly<Record<string, ModalityEntry>>,
): ConfigurationEdit {
  return changeModalities(source, { added: Object.entries(entries), changed: new Map() });
}

export interface ModalityChanges {
  readonly added: readonly (readonly [name: string, entry: ModalityEntry])[];
  /** By the name of the entry. */
  readonly changed: ReadonlyMap<string, EntryChange>;
}

/** As addModalities, and changes to entries that are there, all or none. */
export function changeModalities(
  source: ConfigurationSource,
  { added, changed }: ModalityChanges,
): ConfigurationEdit {
  const names = namesIn(source);
  for (const [name] of added) {
    if (!names.has(name)) continue;
    throw new OperatorError(
      `${formatPath(['modalities', name])} is in ${escapeUnsafe(source.file)} already; choose another name, or remove it first`,
    );
  }
  const inText = new Set(keysInText(source));
  for (const name of changed.keys()) {
    if (!inText.has(name)) throw unknownModality(source, name);
  }
  const hasModalities = hasValue(source.text, ['modalities']);
  const original = hasModalities ? source.text : setValue(source.text, ['modalities'], {});
  const text = changeValues(original, ['modalities'], changed, (entry, change, style) =>
    change.reduce(
      (changedText, [path, value]) =>
        value === undefined ? withoutValue(changedText, path) : setValue(changedText, path, value, style),
      entry,
    ),
  );
  return checkedEdit(source, added.length === 0 ? text : addProperties(text, ['modalities'], added));
}

/** What only the environment sets is not in the text. */
function withoutValue(text: string, path: ConfigurationPath): string {
  return hasValue(text, path) ? removeProperty(text, path) : text;
}

/** Throws OperatorError where there is no such entry or the result would have an error. */
export function removeModality(source: ConfigurationSource, name: string): ConfigurationEdit {
  const path = ['modalities', name];
  if (!hasValue(source.text, path)) throw unknownModality(source, name);
  return checkedEdit(source, removeProperty(source.text, path));
}

/**
 * Writes it: the file has the new text or, whatever happens, the old one. Throws OperatorError where the file was
 * changed since it was read.
 */
export async function saveEdit({ source, text }: ConfigurationEdit): Promise<void> {
  if (text !== source.text) await replaceText(source.file, source.text, text);
}

/** Throws OperatorError where the file was changed since it was read: to be known before other files are written. */
export async function refuseChanged({ file, text }: ConfigurationSource): Promise<void> {
  if (readConfigurationText(file) === text) return;
  throw new FileError(file, 'was changed by somebody else meanwhile and was left as it is; try again');
}

function checkedEdit(source: ConfigurationSource, text: string): ConfigurationEdit {
  const { file, env } = source;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_CONFIGURATION_BYTES) {
    throw new OperatorError(
      `${escapeUnsafe(file)} would have ${bytes} bytes and was left as it was; a configuration has at most ${MAX_CONFIGURATION_BYTES} (16 MiB)`,
    );
  }
  const result = parseConfiguration(text, file, env);
  const errors = result.problems.filter(({ severity }) => severity === 'error');
  const { configuration } = result;
  if (errors.length > 0 || configuration === undefined) throw refusal(source, errors);
  return {
    source,
    text,
    diff: lineDiff(file, source.text, text),
    result: { ...result, configuration },
  };
}

/** Errors that were there before are reported with their places in the file, new ones with those in the result. */
function refusal({ file, reading }: ConfigurationSource, errors: readonly Problem[]): OperatorError {
  const key = ({ path, message }: Problem) => JSON.stringify([path, message]);
  const remaining = new Set(errors.map(key));
  const earlier = reading.problems.filter(
    (problem) => problem.severity === 'error' && remaining.has(key(problem)),
  );
  if (earlier.length > 0) return new ConfigurationError(earlier);
  return new OperatorError(
    [
      `${escapeUnsafe(file)} was left as it was, because the result would have errors (places are those of the result):`,
      ...errors.map(formatProblem),
    ].join('\n'),
  );
}

/** Those of the text and those of the environment. */
function namesIn(source: ConfigurationSource): ReadonlySet<string> {
  const { modalities = {} } = source.reading.configuration ?? {};
  return new Set([...keysInText(source), ...Object.keys(modalities)]);
}

function keysInText({ text }: ConfigurationSource): string[] {
  const { modalities = {} } = parseSourceText(text).value as { modalities?: object };
  return Object.keys(modalities);
}

/** Says where an entry is that is not in the text, or what was probably meant. */
export function unknownModality(source: ConfigurationSource, name: string): OperatorError {
  const names = namesIn(source);
  const file = escapeUnsafe(source.file);
  if (names.has(name)) {
    return new OperatorError(
      `${formatPath(['modalities', name])} is not in ${file}: it comes from environment variables (AEGIS__MODALITIES__…), change those`,
    );
  }
  const nearest = nearestOf(name, [...names]);
  const help =
    nearest === undefined ? '"aegis modality list" shows all' : `did you mean ${quoteValue(nearest)}?`;
  return new OperatorError(`${quoteValue(name)} is not a modality of ${file}; ${help}`);
}

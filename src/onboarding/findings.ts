/**
 * A configuration before it is written: as its text and the environment have it, with relative paths and without
 * defaults, and what is wrong with it. The checks are those that every file goes through. The gateway itself runs on
 * what config/load.ts makes of a file.
 */

import type { ConfigurationSource } from '../config/editConfiguration';
import { applyEnvironment } from '../config/environment';
import { parseShape } from '../config/parseShape';
import { configurationSchema } from '../config/schema';
import { parseSourceText } from '../config/sourceText';
import { validateConfiguration } from '../config/validate';
import type { Finding } from '../text/problems';
import { type EntryField, entryFields, withFields } from './entryFields';

export interface RawConfiguration {
  readonly [key: string]: unknown;
  /** Without a prototype: names are anything. */
  readonly modalities: Readonly<Record<string, object>>;
}

/** The source has been opened, so its root and `modalities` are objects. */
export function rawConfiguration({ text, env }: ConfigurationSource): RawConfiguration {
  const value = applyEnvironment(parseSourceText(text).value, configurationSchema, env)
    .value as RawConfiguration;
  const modalities = Object.assign(Object.create(null), value.modalities);
  return { ...value, modalities };
}

export function findingsIn(value: unknown): Finding[] {
  const { configuration, isPartial, findings } = parseShape(value);
  return [
    ...findings,
    ...(configuration === undefined ? [] : validateConfiguration(configuration, isPartial)),
  ];
}

/** A name that no entry has, for one that has none yet. */
const UNNAMED = '(new entry)';

/** What is wrong with one field of a new entry, in the surroundings of the others; undefined where it is good. */
export function faultOfField(
  current: RawConfiguration,
  entry: object,
  field: EntryField,
): string | undefined {
  return faultAt(errorsOfEntry(current, entry), field);
}

/**
 * What is wrong with each field of a new entry, all of them at once: what does not show beside a value of the wrong
 * shape is looked for without that value. The entry need not be complete.
 */
export function faultsOfFields(
  current: RawConfiguration,
  values: ReadonlyMap<EntryField, unknown>,
): ReadonlyMap<EntryField, string> {
  const faults = new Map<EntryField, string>();
  // What an entry needs stands in as an empty list, with which nothing is wrong.
  const missing = entryFields.filter((field) => field.isRequired && values.get(field) === undefined);
  const complete = new Map([...missing.map((field) => [field, []] as const), ...values]);
  for (;;) {
    const errors = errorsOfEntry(current, withFields({}, complete));
    const found = [...complete.keys()].flatMap((field) => {
      const message = faultAt(errors, field);
      return message === undefined || faults.has(field) ? [] : [[field, message] as const];
    });
    if (found.length === 0) return faults;
    for (const [field, message] of found) {
      faults.set(field, message);
      complete.set(field, field.isRequired ? [] : undefined);
    }
  }
}

/** With which entry a new one would be mixed up, as far as it is known yet. */
export function overlapOf(current: RawConfiguration, entry: object): string | undefined {
  return errorsOfEntry(current, entry).find(({ path }) => path.length === 2)?.message;
}

function errorsOfEntry(current: RawConfiguration, entry: object): Finding[] {
  const modalities = Object.assign(Object.create(null), current.modalities, { [UNNAMED]: entry });
  return findingsIn({ ...current, modalities }).filter(
    ({ path, severity }) => severity !== 'warning' && path[0] === 'modalities' && path[1] === UNNAMED,
  );
}

function faultAt(errors: readonly Finding[], { path }: EntryField): string | undefined {
  return errors.find((finding) => path.every((key, depth) => finding.path[depth + 2] === key))?.message;
}

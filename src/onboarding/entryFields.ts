/**
 * The keys of an allowlist entry as fields that people fill in: columns of a spreadsheet, options of a command,
 * questions. All of them come out of the schema, so that a new key is a new column. Knows no files and no entries.
 */
import type * as z from 'zod';
import { configurationSchema } from '../config/schema';
import { describeAccepted, type Schema, type Shape, schemaAt, shapeOf, unwrap } from '../config/schemaShape';
import { filePath } from '../config/schemaValues';

export interface EntryField {
  /** Keys from the entry on, e.g. `address`, `host`. */
  readonly path: readonly string[];
  /** Its name in a spreadsheet: the path with dots, or a shorter one. */
  readonly column: string;
  /** Its option, without the dashes. */
  readonly option: string;
  readonly schema: Schema;
  readonly shape: Shape;
  /** Names files: relative to the folder of the configuration. */
  readonly isFile: boolean;
  /** The entry itself needs it. */
  readonly isRequired: boolean;
  readonly description: string;
  /** `a string (AE title) or a list of them`. */
  readonly accepted: string;
}

/** What people call these; every other name follows from the path. */
const shortColumns: Readonly<Record<string, string>> = { 'address.host': 'host', 'address.port': 'port' };
const shortOptions: Readonly<Record<string, string>> = {
  callingAeTitle: 'calling',
  calledAeTitle: 'called',
  listeners: 'listener',
  services: 'service',
  storeSopClasses: 'store-sop-class',
  moveDestinations: 'move-destination',
  'address.calledAeTitle': 'address-called',
  'address.callingAeTitle': 'address-calling',
};

/** In the order of the schema, which is that of docs/configuration.md. */
export const entryFields: readonly EntryField[] = [
  ...fieldsIn(schemaAt(configurationSchema, ['modalities', 'any'])!, []),
];

function* fieldsIn(schema: Schema, parent: readonly string[]): Generator<EntryField> {
  const shape = shapeOf(schema);
  if (shape.kind === 'object') {
    for (const [key, child] of Object.entries(shape.keys)) yield* fieldsIn(child, [...parent, key]);
    return;
  }
  // Rules are written in the file: neither a cell nor an option holds them well.
  if (shape.kind === 'list' && shapeOf(shape.items).kind === 'object') return;
  const dotted = parent.join('.');
  const kebab = parent.join('-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  yield {
    path: parent,
    column: shortColumns[dotted] ?? dotted,
    option: shortOptions[dotted] ?? kebab,
    schema,
    shape,
    isFile: unwrap(shape.kind === 'list' ? shape.items : schema) === filePath,
    isRequired: parent.length === 1 && !(schema as z.ZodType).safeParse(undefined).success,
    description: (schema as z.ZodType).description ?? '',
    accepted: describeAccepted(schema),
  };
}

/**
 * The name of an entry where none is given: its first calling AE title in lower case, with a hyphen for whatever a file
 * name or a command would have to quote. Unlike the names that are `taken`; empty without a title.
 */
export function defaultEntryName(callingAeTitle: unknown, taken: ReadonlySet<string> = new Set()): string {
  const [first = ''] = [callingAeTitle].flat();
  const title = String(first).trim();
  if (title === '') return '';
  const plain = title
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const base = plain === '' ? 'modality' : plain;
  let name = base;
  for (let number = 2; taken.has(name); number += 1) name = `${base}-${number}`;
  return name;
}

/** The field with this name in a spreadsheet. Throws where the schema has no such key. */
export function entryField(column: string): EntryField {
  const field = entryFields.find((candidate) => candidate.column === column);
  if (field === undefined) throw new TypeError(`an entry has no ${column}`);
  return field;
}

/** The words that a field accepts, in the order of the schema; empty where it accepts others too. */
export function choicesOf({ shape }: EntryField): readonly (string | number)[] {
  const item = shape.kind === 'list' ? shapeOf(shape.items) : shape;
  return item.kind === 'choice' ? item.values : [];
}

/** Where an entry is `value`, what stands at `path` in it. */
export function valueIn(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}

/**
 * A copy of `value` with the fields set, or taken out where they are undefined, and without objects that became
 * empty by that.
 */
export function withFields(
  value: object,
  fields: Iterable<readonly [field: EntryField, value: unknown]>,
): Record<string, unknown> {
  const copy = structuredClone(value) as Record<string, unknown>;
  for (const [{ path }, content] of fields) setIn(copy, path, content);
  return copy;
}

function setIn(object: Record<string, unknown>, [key, ...rest]: readonly string[], content: unknown): void {
  if (key === undefined) return;
  if (rest.length === 0) {
    if (content === undefined) delete object[key];
    else object[key] = content;
    return;
  }
  const inner = (object[key] ?? {}) as Record<string, unknown>;
  setIn(inner, rest, content);
  if (Object.keys(inner).length === 0) delete object[key];
  else object[key] = inner;
}

/** Whether both say the same once defaults are filled in and single values are lists; wrong values as they are. */
export function isSameValue({ schema }: EntryField, one: unknown, other: unknown): boolean {
  const normal = (value: unknown) => {
    const parsed = (schema as z.ZodType).safeParse(value);
    return JSON.stringify(parsed.success ? [parsed.data] : { wrong: value ?? null });
  };
  return normal(one) === normal(other);
}

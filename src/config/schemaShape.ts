/**
 * What the schema accepts at a place, as a small closed union: for suggestions, for overrides from the
 * environment and for finding the file paths. The only file that looks inside zod's definitions.
 */
import type * as z from 'zod';
import { nearestOf, quoteChoices, quoteValue } from '../text/quote';

export type Schema = z.core.$ZodType;

export type Shape =
  | { readonly kind: 'object'; readonly keys: Readonly<Record<string, Schema>> }
  | { readonly kind: 'record'; readonly values: Schema }
  /** `isOneOrMore`: a single item may stand for a list of one. */
  | { readonly kind: 'list'; readonly items: Schema; readonly isOneOrMore: boolean }
  | { readonly kind: 'choice'; readonly values: readonly (string | number)[] }
  | { readonly kind: 'number'; readonly isWhole: boolean; readonly range: string }
  | { readonly kind: 'string'; readonly title: string | undefined }
  | { readonly kind: 'boolean' };

/** The schema behind optional, default and transformed ones. */
export function unwrap(schema: Schema): Schema {
  const definition = (schema as z.core.$ZodTypes)._zod.def;
  switch (definition.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return unwrap(definition.innerType);
    case 'pipe':
      return unwrap(definition.in);
    case 'union':
      // As `audit.chain`: an object, or true or false in its place; or only one of the two, as `audit.allowed`.
      return ['boolean', 'literal'].includes(typeOf(definition.options[1]) ?? '')
        ? unwrap(definition.options[0]!)
        : schema;
    default:
      return schema;
  }
}

function typeOf(schema: Schema | undefined): string | undefined {
  return (schema as z.core.$ZodTypes | undefined)?._zod.def.type;
}

/** Throws on a kind of schema that the configuration does not use yet. */
export function shapeOf(wrapped: Schema): Shape {
  const schema = unwrap(wrapped);
  const definition = (schema as z.core.$ZodTypes)._zod.def;
  switch (definition.type) {
    case 'object':
      return { kind: 'object', keys: definition.shape };
    case 'record':
      return { kind: 'record', values: definition.valueType };
    case 'array':
      return { kind: 'list', items: definition.element, isOneOrMore: false };
    case 'union':
      return { kind: 'list', items: definition.options[0]!, isOneOrMore: true };
    case 'enum':
      return { kind: 'choice', values: Object.values(definition.entries) };
    case 'literal':
      return { kind: 'choice', values: definition.values.filter((value) => typeof value === 'string') };
    case 'number':
      return { kind: 'number', ...rangeOf(definition.checks ?? []) };
    case 'string':
      return { kind: 'string', title: (schema as z.ZodString).meta()?.title };
    case 'boolean':
      return { kind: 'boolean' };
    default:
      throw new TypeError(`the configuration schema uses ${definition.type}, which has no shape`);
  }
}

/** The schema of what stands under `key`, or undefined where nothing may. */
export function schemaUnder(schema: Schema, key: string | number): Schema | undefined {
  const shape = shapeOf(schema);
  if (shape.kind === 'object') {
    return typeof key === 'string' && Object.hasOwn(shape.keys, key) ? shape.keys[key] : undefined;
  }
  if (shape.kind === 'record') return typeof key === 'string' ? shape.values : undefined;
  return shape.kind === 'list' && typeof key === 'number' ? shape.items : undefined;
}

/** The schema of what stands at `path`, or undefined where nothing may. */
export function schemaAt(schema: Schema, path: readonly (string | number)[]): Schema | undefined {
  return path.reduce<Schema | undefined>(
    (parent, key) => (parent === undefined ? undefined : schemaUnder(parent, key)),
    schema,
  );
}

/** `a whole number from 0 to 65535`, `"close" or "reject"`, `a string (AE title) or a list of them`. */
export function describeAccepted(schema: Schema): string {
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case 'object':
      return `an object with the keys ${Object.keys(shape.keys).join(', ')}`;
    case 'record':
      return 'an object with one entry for each name';
    case 'list':
      return shape.isOneOrMore
        ? `${describeAccepted(shape.items)} or a list of them`
        : describeList(describeAccepted(shape.items));
    case 'choice':
      return quoteChoices(shape.values);
    case 'number':
      return `${shape.isWhole ? 'a whole number' : 'a number'} ${shape.range}`;
    case 'string':
      return shape.title === undefined ? 'a string' : `a string (${shape.title})`;
    case 'boolean':
      return 'true or false';
  }
}

/** `unknown key "callingAET"; did you mean "callingAeTitle"?`, else the keys that are accepted. */
export function describeUnknownKey(key: string, accepted: readonly string[]): string {
  const nearest = nearestOf(key, accepted);
  return nearest === undefined
    ? `unknown key ${quoteValue(key)}; accepted are ${accepted.join(', ')}`
    : `unknown key ${quoteValue(key)}; did you mean ${quoteValue(nearest)}?`;
}

function describeList(item: string): string {
  return item.startsWith('"') ? `a list of ${item}` : `a list, each item ${item}`;
}

/** `from 0 to 65535`, `above 0 to 86400`, `from 1 upwards`. */
function rangeOf(checks: readonly z.core.$ZodCheck[]): { isWhole: boolean; range: string } {
  let isWhole = false;
  let lower = '';
  let upper = 'upwards';
  for (const check of checks) {
    const definition = (check as z.core.$ZodChecks)._zod.def;
    if (definition.check === 'number_format') isWhole = true;
    if (definition.check === 'greater_than')
      lower = `${definition.inclusive ? 'from' : 'above'} ${definition.value}`;
    if (definition.check === 'less_than') upper = `to ${definition.value}`;
  }
  return { isWhole, range: `${lower} ${upper}` };
}

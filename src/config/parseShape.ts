/**
 * A plain value to a configuration, by the schema. The issues of zod are reported in our own words:
 * what was wrong, what is accepted, what was probably meant. Knows nothing of files and places.
 */
import type * as z from 'zod';
import { type ConfigurationPath, type Finding, formatPath } from '../text/problems';
import { nearestOf, quoteValue } from '../text/quote';
import { type Configuration, configurationSchema } from './schema';
import { describeAccepted, describeUnknownKey, type Schema, schemaAt, shapeOf } from './schemaShape';

export interface ShapeResult {
  readonly findings: readonly Finding[];
  /**
   * The configuration; where something was wrong, the same without unknown keys and without the modalities
   * that have a problem, so that the rest can be checked in the same run. Undefined where that is not enough.
   */
  readonly configuration: Configuration | undefined;
  /** Some modalities are not in `configuration`. */
  readonly isPartial: boolean;
}

export function parseShape(value: unknown): ShapeResult {
  const result = configurationSchema.safeParse(value, {
    error: (issue) => describeRefusal(issue.input, (issue.schema ?? issue.inst) as Schema),
  });
  if (result.success) return { findings: [], configuration: result.data, isPartial: false };
  const faults = [...faultsOf(result.error.issues, [])];
  const rest = configurationSchema.safeParse(withoutFaults(value, faults));
  return {
    findings: withoutConsequences(faults),
    configuration: rest.success ? rest.data : undefined,
    isPartial: faults.some(isOfOneModality),
  };
}

/** A finding, and of an unknown key what was probably meant. */
interface Fault extends Finding {
  readonly meant?: string | undefined;
  readonly isUnknownKey?: boolean;
}

type Issue = z.core.$ZodIssue;

function* faultsOf(issues: readonly Issue[], parent: ConfigurationPath): Generator<Fault> {
  for (const issue of issues) {
    const path = [...parent, ...(issue.path as (string | number)[])];
    if (issue.code === 'unrecognized_keys') {
      const schema = schemaAt(configurationSchema, path);
      const shape = schema === undefined ? undefined : shapeOf(schema);
      const accepted = shape?.kind === 'object' ? Object.keys(shape.keys) : [];
      for (const key of issue.keys) {
        // Of an entry that overrides part of what the root has, as `timeouts` does.
        const isOfRoot = schemaAt(configurationSchema, [...path.slice(-1), key]) !== undefined;
        const message = isOfRoot
          ? `${quoteValue(key)} is for the whole gateway; set ${formatPath([...path.slice(-1), key])}`
          : describeUnknownKey(key, accepted);
        const meant = isOfRoot ? undefined : nearestOf(key, accepted);
        yield { path, key, message, isUnknownKey: true, meant };
      }
    } else if (issue.code === 'invalid_key') {
      for (const { message } of issue.issues)
        yield { path: path.slice(0, -1), key: String(path.at(-1)), message };
    } else if (issue.code === 'invalid_union') {
      const branch = issue.errors.findLast((errors) => !errors.some(isOtherType));
      if (branch === undefined) yield { path, message: issue.message };
      else yield* faultsOf(branch, path);
    } else {
      yield { path, message: issue.message };
    }
  }
}

/**
 * Whether a branch of a one-or-more union is for another type of value: its message would only confuse. The
 * branch of the list is asked first, because an enumeration refuses a list without speaking of types.
 */
function isOtherType(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

/** What zod refused without a message of the schema's own, in words. */
function describeRefusal(value: unknown, schema: Schema): string {
  const accepted = describeAccepted(schema);
  const shape = shapeOf(schema);
  if (value === undefined) return `is missing; accepted is ${accepted}`;
  if (value === null) return `null is not accepted; accepted is ${accepted}`;
  if (typeof value === 'string' && shape.kind === 'choice') {
    const nearest = nearestOf(value, shape.values.map(String));
    const help = nearest === undefined ? `accepted is ${accepted}` : `did you mean ${quoteValue(nearest)}?`;
    return `${quoteValue(value)} is not accepted; ${help}`;
  }
  if (typeof value === 'number' && shape.kind === 'number') {
    const fault = shape.isWhole && !Number.isInteger(value) ? 'is not a whole number' : 'is out of range';
    return `${value} ${fault}; accepted is ${accepted}`;
  }
  if (value === '' && shape.kind === 'string') return '"" is empty; at least one character is needed';
  if (Array.isArray(value)) {
    return shape.kind === 'list' ? 'is empty; at least one is needed' : `is a list; accepted is ${accepted}`;
  }
  if (typeof value === 'object') return `is an object; accepted is ${accepted}`;
  return `${quoteValue(value)} is a ${typeof value}; accepted is ${accepted}`;
}

/** A key that is missing because it was misspelt is one fault, not two. */
function withoutConsequences(faults: readonly Fault[]): Finding[] {
  const meant = new Set(faults.map((fault) => pathKey([...fault.path, fault.meant ?? ''])));
  return faults
    .filter((fault) => fault.isUnknownKey === true || !meant.has(pathKey(fault.path)))
    .map(({ path, message, key }) => (key === undefined ? { path, message } : { path, message, key }));
}

function pathKey(path: ConfigurationPath): string {
  return JSON.stringify(path);
}

/** A copy of `value` without the unknown keys, and without each modality that has another fault. */
function withoutFaults(value: unknown, faults: readonly Fault[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const fault of faults) {
    if (isOfOneModality(fault)) deleteAt(copy, [...fault.path, fault.key ?? ''].slice(0, 2));
    else if (fault.isUnknownKey === true) deleteAt(copy, [...fault.path, fault.key ?? '']);
  }
  return copy;
}

function isOfOneModality({ path, key, isUnknownKey, meant }: Fault): boolean {
  // Its name is at fault.
  if (path[0] === 'modalities' && path.length === 1) return key !== undefined;
  // Without an unknown key, the entry is still what it was meant to be.
  const isHarmless = isUnknownKey === true && meant === undefined;
  return path[0] === 'modalities' && path.length > 1 && !isHarmless;
}

function deleteAt(value: unknown, path: ConfigurationPath): void {
  let container = value as Record<string | number, unknown> | undefined;
  for (const key of path.slice(0, -1)) container = container?.[key] as typeof container;
  if (container !== undefined) delete container[path.at(-1)!];
}

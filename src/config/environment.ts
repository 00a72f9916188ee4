/**
 * What the environment adds to the text of a configuration: `${NAME}` in string values, as Orthanc has it, and
 * `AEGIS__LISTENERS__0__PORT=2762`, which overrides any key. Never judges a value: the schema does.
 */
import type { ConfigurationPath, Finding } from '../text/problems';
import { quoteValue } from '../text/quote';
import { describeUnknownKey, type Schema, type Shape, schemaAt, schemaUnder, shapeOf } from './schemaShape';
import { parseSourceText } from './sourceText';

const PREFIX = 'AEGIS__';
const SEPARATOR = '__';

/** A place whose value came from the environment. */
export interface Origin {
  readonly path: ConfigurationPath;
  readonly variable: string;
  /** `reference`: a `${NAME}` in the text; `override`: the text has no part in it. */
  readonly kind: 'reference' | 'override';
}

export interface EnvironmentResult {
  readonly value: unknown;
  readonly origins: readonly Origin[];
  readonly findings: readonly Finding[];
  /** Faults of overrides, each with the name of its variable. */
  readonly overrideFindings: readonly (Finding & { readonly variable: string })[];
}

type Container = Record<string | number, unknown>;

/** `value` is what the text holds; it is changed in place where it is an object or a list. */
export function applyEnvironment(value: unknown, schema: Schema, env: NodeJS.ProcessEnv): EnvironmentResult {
  const origins: Origin[] = [];
  const findings: Finding[] = [];
  const replaced = replaceReferences(value, [], { schema, env, origins, findings });
  const overrideFindings: (Finding & { variable: string })[] = [];
  const root: Container = { value: replaced };
  for (const variable of overridesIn(env)) {
    const finding = applyOverride(root, schema, variable, env[variable] ?? '', origins);
    if (finding !== undefined) overrideFindings.push({ ...finding, variable });
  }
  return { value: root.value, origins, findings, overrideFindings };
}

/** Few segments first, so that a variable for a whole list comes before those for its items. */
function overridesIn(env: NodeJS.ProcessEnv): string[] {
  const segments = (name: string) => name.split(SEPARATOR).length;
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX));
  if (names.length === 0) return names;
  const order = new Intl.Collator('en', { numeric: true });
  return names.sort((a, b) => segments(a) - segments(b) || order.compare(a, b));
}

interface Replacement {
  readonly schema: Schema;
  readonly env: NodeJS.ProcessEnv;
  readonly origins: Origin[];
  readonly findings: Finding[];
}

function replaceReferences(value: unknown, path: ConfigurationPath, replacement: Replacement): unknown {
  if (typeof value === 'string') return replaceInText(value, path, replacement);
  if (typeof value !== 'object' || value === null) return value;
  const container = value as Container;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    container[key] = replaceReferences(container[key], [...path, key], replacement);
  }
  return value;
}

function replaceInText(text: string, path: ConfigurationPath, replacement: Replacement): unknown {
  const { schema, env, origins, findings } = replacement;
  const names: string[] = [];
  const unset: Finding[] = [];
  const replaced = text.replace(/\$\{([^}]*)\}/g, (reference, content: string) => {
    const separator = content.indexOf(':-');
    const name = separator < 0 ? content : content.slice(0, separator);
    names.push(name);
    // Not env.constructor: what is inherited is not a variable.
    if (Object.hasOwn(env, name)) return env[name] ?? '';
    if (separator >= 0) return content.slice(separator + 2);
    unset.push({
      path,
      message: `${quoteValue(reference)}: the environment variable ${quoteValue(name)} is not set; set it, or give a default as in \${NAME:-default}`,
    });
    return reference;
  });
  findings.push(...unset);
  if (names.length === 0 || unset.length > 0) return text;
  origins.push({ path, variable: names.join(', '), kind: 'reference' });
  // `"port": "${PORT}"`: Orthanc replaces before it parses, so there the same text gives a number.
  return /^\$\{[^}]*\}$/.test(text) ? scalarOf(replaced, schemaAt(schema, path)) : replaced;
}

/** The number or boolean that a text stands for where only that is accepted, else the text. */
function scalarOf(text: string, schema: Schema | undefined): unknown {
  const shape = schema === undefined ? undefined : shapeOf(schema);
  if (shape?.kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (shape?.kind === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text;
}

/** Sets one value; returns what is wrong with the name of the variable. */
function applyOverride(
  root: Container,
  rootSchema: Schema,
  variable: string,
  text: string,
  origins: Origin[],
): Finding | undefined {
  let container = root;
  let key: string | number = 'value';
  let schema = rootSchema;
  const path: (string | number)[] = [];
  for (const segment of variable.slice(PREFIX.length).split(SEPARATOR)) {
    const shape = shapeOf(schema);
    if (container[key] === undefined) origins.push({ path: [...path], variable, kind: 'override' });
    const inner = containerAt(container, key, shape);
    if (inner === undefined) {
      return { path, message: `has no keys of its own, so ${quoteValue(segment)} leads nowhere` };
    }
    const step = stepTo(segment, shape, inner);
    if (typeof step === 'object') return { path, message: step.message };
    container = inner;
    key = step;
    path.push(key);
    schema = schemaUnder(schema, key)!;
  }
  container[key] = overrideValue(text, schema);
  origins.push({ path, variable, kind: 'override' });
  return undefined;
}

/**
 * The object or list under `key`, made where there is none; the one item of a one-or-more list becomes a list.
 * Undefined where the schema accepts neither.
 */
function containerAt(parent: Container, key: string | number, shape: Shape): Container | undefined {
  const existing = parent[key];
  if (shape.kind !== 'object' && shape.kind !== 'record' && shape.kind !== 'list') return undefined;
  if (typeof existing === 'object' && existing !== null) return existing as Container;
  const list = existing === undefined ? [] : [existing];
  parent[key] = shape.kind === 'list' ? list : Object.create(null);
  return parent[key] as Container;
}

/** The key or index that a segment of a variable's name stands for, or why it stands for none. */
function stepTo(segment: string, shape: Shape, container: Container): string | number | { message: string } {
  if (shape.kind === 'object') {
    const keys = Object.keys(shape.keys);
    const key = keys.find((candidate) => plain(candidate) === plain(segment));
    return key ?? { message: describeUnknownKey(segment, keys) };
  }
  if (shape.kind === 'list') {
    const length = Array.isArray(container) ? container.length : 0;
    if (/^\d{1,6}$/.test(segment) && Number(segment) <= length) return Number(segment);
    return {
      message: `${quoteValue(segment)} is not an index of this list; accepted is 0 to ${length}, where ${length} adds an item`,
    };
  }
  if (segment === '') return { message: 'a name between two double underscores is empty' };
  const keys = Object.keys(container);
  return keys.find((key) => key === segment) ?? keys.find((key) => sameName(key, segment)) ?? segment;
}

/** `CT_1` stands for `ct-1` too: names of variables have neither case nor hyphens. */
function sameName(one: string, other: string): boolean {
  const normal = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, '_');
  return normal(one) === normal(other);
}

/** Environment variables have no case, and some like `CALLING_AE_TITLE` better than `CALLINGAETITLE`. */
function plain(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

/** JSON where it is JSON of a type that the key accepts, else the text as it is. */
function overrideValue(text: string, schema: Schema): unknown {
  const shape = shapeOf(schema);
  const item = shape.kind === 'list' && shape.isOneOrMore ? shapeOf(shape.items) : shape;
  const { value, faults } = parseSourceText(text);
  if (faults.length > 0) return text;
  const isScalar = typeof value !== 'object' || value === null;
  return isScalar && (item.kind === 'string' || item.kind === 'choice') && typeof value !== 'string'
    ? text
    : value;
}

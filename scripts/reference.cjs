/**
 * The parts of docs/configuration.md and config/aegis.example.jsonc that follow from the JSON Schema: keys, types and
 * defaults. Texts in, texts out; every other word in them is written by hand and stays.
 */

/** Every key as the documentation writes it, such as `listeners[].tls.crl`, with its schema. */
function keysOf(schema, prefix = '') {
  const keys = new Map();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${name}`;
    keys.set(path, { schema: property, isRequired: schema.required?.includes(name) ?? false });
    const inner = [
      ...keysOf(property, `${path}.`),
      ...keysOf(objectOrBoolean(property), `${path}.`),
      ...keysOf(property.items ?? {}, `${path}[].`),
      ...keysOf(property.additionalProperties || {}, `${path}.*.`),
    ];
    for (const [key, value] of inner) keys.set(key, value);
  }
  return keys;
}

/** The object of `audit.chain`, which may also be true or false. */
function objectOrBoolean({ anyOf: [object, other] = [] }) {
  return other?.type === 'boolean' ? object : {};
}

function typeOf(schema) {
  if (schema.anyOf !== undefined) {
    const [first, second] = schema.anyOf.map(typeOf);
    return second === 'list' ? `${first} or list` : `${first}, ${second}`;
  }
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  const words = { integer: 'whole number', boolean: 'true or false', array: 'list' };
  return words[schema.type] ?? schema.type;
}

function defaultOf({ schema, isRequired }) {
  if (isRequired) return 'required';
  return schema.default === undefined ? 'none' : code(schema.default);
}

function code(value) {
  return `\`${JSON.stringify(value)}\``;
}

const ROW = /^\| `([^`]+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$/;

/** The text of docs/configuration.md with a row for each key, below the key that is before it in the schema. */
function documented(text, keys) {
  const lines = text.split('\n').map((line) => {
    const [, name, , , example, meaning] = ROW.exec(line) ?? [];
    const key = keys.get(name);
    return key === undefined ? line : rowOf(name, key, example, meaning);
  });
  let at = 0;
  for (const [name, key] of keys) {
    const found = lines.findIndex((line) => ROW.exec(line)?.[1] === name);
    if (found < 0) lines.splice(at + 1, 0, rowOf(name, key, code(exampleOf(key)), key.schema.description));
    at = found < 0 ? at + 1 : found;
  }
  return lines.join('\n');
}

function rowOf(name, key, example, meaning) {
  return `| \`${name}\` | ${typeOf(key.schema)} | ${defaultOf(key)} | ${example} | ${meaning} |`;
}

/** Good enough to begin with: what the default is, else the simplest value of the type. */
function exampleOf({ schema }) {
  const [{ type, enum: choices } = schema] = schema.anyOf ?? [];
  const simplest = { integer: 1, number: 1, boolean: true, array: [], object: {} };
  return schema.default ?? schema.const ?? choices?.[0] ?? simplest[type] ?? '…';
}

/** The text of config/aegis.example.jsonc with the keys of limits and timeouts that it lacks, as comments. */
function exemplified(text, keys) {
  return ['limits', 'timeouts'].reduce((whole, object) => {
    const missing = [...keys]
      .filter(
        ([name]) => name.startsWith(`${object}.`) && !whole.includes(`"${name.slice(object.length + 1)}"`),
      )
      .map(
        ([name, { schema }]) =>
          `    // "${name.slice(object.length + 1)}": ${JSON.stringify(schema.default)},\n`,
      );
    return whole.replace(
      new RegExp(`^ {2}"${object}": \\{\\n(?: {4}//.*\\n)*`, 'm'),
      (found) => found + missing.join(''),
    );
  }, text);
}

module.exports = { keysOf, typeOf, defaultOf, documented, exemplified };

/**
 * Keeps docs/configuration.md, config/aegis.schema.json and config/aegis.example.jsonc true to the schema.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { generateSchema } from '../../../src/config/generateSchema';
import { loadConfiguration, parseConfiguration } from '../../../src/config/load';
import { configurationSchema } from '../../../src/config/schema';
import { schemaAt } from '../../../src/config/schemaShape';
import { commandPermissions } from '../../../src/dimse/permissions';
import type { Problem } from '../../../src/text/problems';

const root = join(__dirname, '../../..');

function read(name: string) {
  return readFileSync(join(root, name), 'utf8');
}

/** What of JSON Schema the generated file uses. */
interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
}

interface Key {
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

/** What `npm run schema` writes the reference with. */
const { keysOf, typeOf, defaultOf, documented, exemplified } = require('../../../scripts/reference.cjs') as {
  keysOf(schema: JsonSchema): Map<string, Key>;
  typeOf(schema: JsonSchema): string;
  defaultOf(key: Key): string;
  documented(text: string, keys: ReadonlyMap<string, Key>): string;
  exemplified(text: string, keys: ReadonlyMap<string, Key>): string;
};

const keys = keysOf(JSON.parse(generateSchema()) as JsonSchema);

describe('docs/configuration.md', () => {
  const text = read('docs/configuration.md');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$/gm)].map(
    ([, key, type, byDefault, example, meaning]) => ({
      key: key!,
      type,
      byDefault,
      example,
      meaning: meaning!,
    }),
  );

  it('describes every key once, and no other', () => {
    expect(rows.map(({ key }) => key).sort()).toEqual([...keys.keys()].sort());
  });

  it.each([...keys.keys()])('tells type, default, an example and the meaning of %s', (key) => {
    const row = rows.find((candidate) => candidate.key === key)!;
    expect(row.type).toBe(typeOf(keys.get(key)!.schema));
    expect(row.byDefault).toBe(defaultOf(keys.get(key)!));
    expect(row.meaning.length).toBeGreaterThan(10);
    const path = key.replaceAll('[]', '.0').split('.');
    const schema = schemaAt(
      configurationSchema,
      path.map((part) => (/^\d$/.test(part) ? Number(part) : part)),
    );
    const example: unknown = JSON.parse(row.example!.replaceAll('`', ''));
    expect((schema as z.ZodType).safeParse(example)).toMatchObject({ success: true });
  });

  it('is what the schema gives; otherwise run "npm run schema"', () => {
    expect(documented(text, keys)).toBe(text);
  });

  it('gets a row for a new key below the one before it', () => {
    const schema = { type: 'integer', default: 8, description: 'Rejected associations in a row.' };
    const order = [...keys];
    const index = order.findIndex(([key]) => key === 'limits.maxCommandSetBytes');
    order.splice(index + 1, 0, ['limits.maxRejections', { schema, isRequired: false }]);
    expect(documented(text, new Map(order))).toMatch(
      /^\| `limits\.maxCommandSetBytes` .*\n\| `limits\.maxRejections` \| whole number \| `8` \| `8` \| Rejected associations in a row\. \|$/m,
    );
  });

  it('names every permission', () => {
    const described = [...text.matchAll(/^\| `(\w+)` \| [^|]+ \|$/gm)].map(([, permission]) => permission);
    expect([...described].sort()).toEqual([...commandPermissions].sort());
  });

  it('gives variables that work', () => {
    const variables = [...text.matchAll(/^\| `(AEGIS__\w+)=(.*?)` \|/gm)];
    expect(variables.length).toBeGreaterThan(3);
    const env = Object.fromEntries(variables.map(([, name, value]) => [name, value!.replaceAll("'", '')]));
    const { configuration } = loadConfiguration(join(root, 'config/aegis.example.jsonc'), {
      ...env,
      AEGIS__UPSTREAMS__ORTHANC__ALLOW_REMOTE_PLAINTEXT: 'true',
    });
    expect(configuration).toMatchObject({
      strictAeTitles: true,
      listeners: [{ port: 2763 }, {}],
      upstreams: { ORTHANC: { servers: ['orthanc:4242'] } },
      modalities: { ct1: { from: ['10.1.2.10', '10.1.2.11'], callingAeTitle: ['CT1'] } },
    });
  });
});

describe('config/aegis.schema.json', () => {
  it('is what the schema gives; otherwise run "npm run schema"', () => {
    expect(read('config/aegis.schema.json')).toBe(generateSchema());
  });

  it('describes every key, with its default where it has one', () => {
    for (const [key, { schema }] of keys)
      expect([key, schema.description]).toEqual([key, expect.any(String)]);
    expect(keys.get('modalities.*.allow')!.schema.default).toEqual([]);
    expect(keys.get('timeouts.artimSeconds')!.schema.default).toBe(30);
    expect(keys.get('modalities.*.mode')!.schema.default).toBe('enforce');
  });

  it('lets a configuration name it, comment and end lists with a comma', () => {
    expect(keys.has('$schema')).toBe(true);
    expect(JSON.parse(generateSchema())).toMatchObject({ allowComments: true, allowTrailingCommas: true });
  });
});

describe('config/aegis.example.jsonc', () => {
  const example = read('config/aegis.example.jsonc');
  /** What is observed is warned of, as it should be. */
  const beyondObserveMode = (problems: readonly Problem[]) =>
    problems.filter(({ path, severity }) => severity === 'error' || !path.startsWith('modalities.mr1.'));

  it('loads without a problem', () => {
    const { problems } = loadConfiguration(join(root, 'config/aegis.example.jsonc'), {});
    expect(problems).toHaveLength(1);
    expect(beyondObserveMode(problems)).toEqual([]);
  });

  it('loads too with everything that is commented out, and that shows the defaults', () => {
    const uncommented = example.replace(/^( *)\/\/ (( *"\w+": .*,)|( *\},?)|( *"\w+": \{))$/gm, '$1$2');
    const { configuration, problems } = parseConfiguration(uncommented, 'a.jsonc', {});
    expect(beyondObserveMode(problems)).toEqual([]);
    expect(uncommented).toContain('\n    "artimSeconds"');
    const { limits, timeouts, strictAeTitles, unknownAddresses } = configurationSchema.parse({
      listeners: [{ name: 'plain', port: 104 }],
      upstreams: {},
      modalities: {},
    });
    expect(configuration).toMatchObject({ limits, timeouts, strictAeTitles, unknownAddresses });
  });

  it('shows a new limit once "npm run schema" has run', () => {
    const key = { schema: { type: 'integer', default: 8 }, isRequired: false };
    expect(exemplified(example, keys)).toBe(example);
    expect(exemplified(example, new Map([...keys, ['limits.maxRejections', key]]))).toMatch(
      /^ {4}\/\/ "\w+": \d+,\n {4}\/\/ "maxRejections": 8,\n {2}\},$/m,
    );
  });

  it('shows every key', () => {
    const missing = [...keys.keys()]
      .map((key) => key.split(/[.]/).at(-1)!)
      .filter((name) => !example.includes(`"${name}"`));
    expect(missing).toEqual([]);
  });
});

/**
 * Keeps docs/migrating.md true to the configuration, where the programs that it speaks of are missing too; what it says
 * of those is tried in test/integration/peers/migrating.test.ts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '../../../src/config/load';
import { configurationSchema } from '../../../src/config/schema';
import { schemaAt } from '../../../src/config/schemaShape';
import { shownBlock } from '../../support/documentation';

const PAGE = 'docs/migrating.md';
const text = readFileSync(join(__dirname, '../../..', PAGE), 'utf8');

describe(PAGE, () => {
  it.each(['stunnel', 'nginx', 'HAProxy'])(
    'what %s becomes is a configuration, in observe mode',
    (heading) => {
      const { problems } = parseConfiguration(shownBlock(PAGE, heading, 'jsonc'), 'aegis.jsonc', {});
      expect(problems.map(({ path, severity }) => `${severity} ${path}`)).toEqual([
        expect.stringMatching(/^warning modalities\.ct1\.(mode|observeUntil)$/),
      ]);
    },
  );

  it('names keys that exist', () => {
    const keys = [
      ...text.matchAll(/`((?:listeners\[\]|upstreams|modalities|egress|timeouts|limits)\.[^` ]+)`/g),
    ];
    expect(keys.length).toBeGreaterThan(80);
    const unknown = keys.filter(([, key]) => {
      const path = key!.replaceAll('[]', '.0').split('.');
      const numbered = path.map((part) => (/^\d$/.test(part) ? Number(part) : part));
      return schemaAt(configurationSchema, numbered) === undefined;
    });
    expect(unknown.map(([, key]) => key)).toEqual([]);
  });

  it('says what has no counterpart wherever a table refers to that', () => {
    expect(text).toContain('## What has no counterpart\n');
    const references = [...text.matchAll(/\| none, see \[below\]\(#what-has-no-counterpart\) \|/g)];
    expect(references).toHaveLength(3);
  });
});

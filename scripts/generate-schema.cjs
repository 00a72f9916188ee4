/**
 * Writes what follows from the schema that validates; run by `npm run schema`, after a build. config/aegis.schema.json is
 * written whole, docs/configuration.md and config/aegis.example.jsonc get what they lack.
 */
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { generateSchema } = require('../dist/generateSchema');
const { documented, exemplified, keysOf } = require('./reference.cjs');

const keys = keysOf(JSON.parse(generateSchema()));
const change = (name, changed) => {
  const path = join(__dirname, '..', name);
  writeFileSync(path, changed(readFileSync(path, 'utf8')));
};
change('config/aegis.schema.json', generateSchema);
change('docs/configuration.md', (text) => documented(text, keys));
change('config/aegis.example.jsonc', (text) => exemplified(text, keys));

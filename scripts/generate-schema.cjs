// Writes config/aegis.schema.json from the schema that validates; run by `npm run schema`, after a build.
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { generateSchema } = require('../dist/generateSchema');

writeFileSync(join(__dirname, '..', 'config', 'aegis.schema.json'), generateSchema());

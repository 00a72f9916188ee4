/**
 * Who may import whom. The layers are the table of docs/architecture.md: a folder imports only from the folders above
 * it there. `npm run check:imports` refuses everything else, so that the parts that decide and decode stay pure.
 */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const architecture = readFileSync(join(__dirname, 'docs/architecture.md'), 'utf8');
const layers = [...architecture.split('<!-- layers -->')[1].matchAll(/^\| `([\w/]+)` \|/gm)].map(
  ([, folder]) => folder,
);
if (layers.length === 0) throw new Error('docs/architecture.md has no table of layers');

/** The files of a folder itself; a folder inside it is a layer of its own where the table names it. */
function filesOf(folder) {
  const inner = layers.filter((other) => other.startsWith(`${folder}/`));
  const others = inner.map((other) => other.slice(folder.length + 1)).join('|');
  return others === '' ? `^src/${folder}/` : `^src/${folder}/(?!(${others})/)`;
}

const schema = '^src/config/schema';
const everywhere = '^src/errors\\.ts$';

const layerRules = layers.flatMap((folder, index) => {
  const allowed = [...layers.slice(0, index + 1).map(filesOf), everywhere];
  return [
    {
      name: `${folder}-layer`,
      comment: `src/${folder} may import what stands above it in docs/architecture.md`,
      severity: 'error',
      from: { path: filesOf(folder) },
      to: { path: '^src/', pathNot: [...allowed, schema] },
    },
    {
      name: `${folder}-schema-types-only`,
      comment: `src/${folder} may import nothing but types from the schema`,
      severity: 'error',
      from: { path: filesOf(folder) },
      to: { path: schema, pathNot: allowed, dependencyTypesNot: ['type-only'] },
    },
  ];
});

/** A folder that the table does not name has no place. */
const unknownFolderRule = {
  name: 'every-folder-has-a-place',
  comment: 'each folder of src is in the table of docs/architecture.md',
  severity: 'error',
  from: { path: '^src/.+/', pathNot: layers.map(filesOf) },
  to: {},
};

/** Libraries that have one home each. */
const homes = {
  'node-forge': ['^src/x509/pkcs12\\.ts$', '^test/'],
  'dcmjs|dcmjs-dimse': ['^src/commands/', '^src/demo', '^test/', '^bench/'],
  winston: ['^src/audit/', '^test/'],
  commander: ['^src/(commands|terminal)/', '^src/cli\\.ts$', '^test/'],
  'fastify|prom-client': ['^src/admin/', '^test/'],
  'csv-parse': ['^src/onboarding/', '^test/'],
  'jsonc-parser': ['^src/config/', '^test/', '^src/orthanc/'],
  nodemailer: ['^src/alerts/', '^test/'],
  koffi: ['^src/net/', '^test/'],
  preact: ['^src/dashboard/'],
  'fast-xml-builder': ['^src/atna/'],
  ioredis: ['^src/shared/'],
};

const homeRules = Object.entries(homes).map(([library, folders]) => ({
  name: `home-of-${library}`,
  comment: `only ${folders.join(', ')} may import ${library}`,
  severity: 'error',
  from: { pathNot: folders },
  to: { path: `(^|/)node_modules/(${library})/` },
}));

/** No sockets, files, timers, clock or logging: what decides and decodes is a function of its arguments. */
const pureFolders = '^src/(pdu|dimse|policy)/|^src/association/states\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    unknownFolderRule,
    ...homeRules,
    {
      name: 'pure',
      comment:
        'pdu, dimse, policy and association/states.ts import nothing of Node but Buffer, X509Certificate, comparisons and inflating',
      severity: 'error',
      // BlockList and isIP are the only things of node:net that touch no network.
      from: { path: pureFolders, pathNot: '^src/text/addresses\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|crypto|util|zlib)$' },
    },
    {
      name: 'orthanc-reads-in-one-place',
      comment: 'of src/orthanc, load.ts alone touches the disk, and nothing the network',
      severity: 'error',
      from: { path: '^src/orthanc/', pathNot: '^src/orthanc/load\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?path$' },
    },
    {
      name: 'page-is-for-the-browser',
      comment:
        'of the rest, src/dashboard imports only types, words from src/text and names from src/dimse: it runs where there is no Node',
      severity: 'error',
      from: { path: '^src/dashboard/' },
      to: { path: '^src/', pathNot: '^src/(dashboard|text|dimse)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-node-in-the-page',
      severity: 'error',
      from: { path: '^src/dashboard/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nobody-imports-cli',
      severity: 'error',
      from: {},
      to: { path: '^src/cli\\.ts$' },
    },
    {
      name: 'independent-test-peers',
      comment: 'what tests build, send and read must not repeat a mistake of the product',
      severity: 'error',
      from: {
        path: '^test/support/(certificationRequests|dataElements|dcmtk|dicom|der|exposition|orthanc|pduBytes|processes|rawScu|spy|stunnel|synthetic|transcript|tshark|uids)',
      },
      to: { path: '^src/' },
    },
    {
      name: 'no-cycle',
      comment: 'imports of types are erased and may point back',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'product-needs-no-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/', dependencyTypesNot: ['npm'] },
    },
    {
      name: 'no-development-dependency',
      severity: 'error',
      // What the page needs is in its bundle.
      from: { path: '^src/', pathNot: '^src/dashboard/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    // csv-parse/sync is a name that only the exports of its package know.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['require', 'node', 'default'] },
  },
};

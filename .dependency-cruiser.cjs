/**
 * Imports point down the data path: commands → gateway → net, policy, pdu, dimse → nothing. `npm run check:imports`
 * refuses everything else, so that the parts that decide and decode stay pure.
 */

/** Every src folder and what of src it may import besides itself and src/errors.ts. */
const layers = {
  pdu: { values: [], types: [] },
  dimse: { values: [], types: ['config/schema'] },
  policy: {
    values: ['dimse', 'pdu/types', 'config/quote', 'config/problems', 'config/moments'],
    types: ['config/schema'],
  },
  net: { values: ['policy'], types: ['audit/events', 'config/schema'] },
  audit: { values: ['policy/reasons'], types: [] },
  // Names in requests come from devices: errors quote them as safely as values of the configuration.
  pki: { values: ['config/quote'], types: [] },
  // Validation asks the very code that will use what was configured.
  config: { values: ['policy', 'net', 'dimse'], types: [] },
  // What people fill in and are given: the allowlist as forms, spreadsheets and sheets. Writes the sheets itself.
  onboarding: { values: ['config', 'net', 'policy', 'pki/atomicFiles'], types: [] },
  // Orthanc's files are read as ours are, and mirrored from the policy, never from the text of ours.
  orthanc: {
    values: [
      'policy',
      'net/hostAndPort',
      'config/problems',
      'config/quote',
      'config/readText',
      'config/sourceText',
    ],
    types: ['config/schema'],
  },
  gateway: { values: ['net', 'policy', 'pdu', 'dimse'], types: ['audit/events', 'config'] },
  // Asks about the past what policy decides about the present.
  observe: {
    values: ['policy', 'dimse', 'config/quote', 'config/schemaModality'],
    types: ['audit/events', 'config/schema'],
  },
  admin: {
    // What it writes is written as keys are: whole, and for its owner only.
    values: [
      'policy',
      'audit',
      'net',
      'gateway/verification',
      'gateway/serverCheck',
      'config/quote',
      'config/problems',
      'pki/atomicFiles',
    ],
    types: ['config', 'gateway'],
  },
};

const inSrc = (names) => names.map((name) => `^src/${name}(/|\\.ts$)`);

const layerRules = Object.entries(layers).flatMap(([folder, { values, types }]) => {
  const own = [folder, 'errors'];
  return [
    {
      name: `${folder}-layer`,
      comment: `src/${folder} may import: ${[...values, ...types.map((name) => `types of ${name}`)].join(', ') || 'nothing'}`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: inSrc([...own, ...values, ...types]) },
    },
    {
      name: `${folder}-types-only`,
      comment: `src/${folder} may import nothing but types from: ${types.join(', ') || 'nothing'}`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: {
        path: inSrc(types).join('|') || '^$',
        pathNot: inSrc([...own, ...values]),
        dependencyTypesNot: ['type-only'],
      },
    },
  ];
});

/** Libraries that have one home each. */
const homes = {
  'node-forge': ['^src/pki/', '^test/'],
  'dcmjs|dcmjs-dimse': ['^src/commands/', '^src/demo', '^test/', '^bench/'],
  winston: ['^src/audit/', '^test/'],
  commander: ['^src/commands/', '^src/cli\\.ts$', '^test/'],
  'fastify|prom-client': ['^src/admin/', '^test/'],
  'csv-parse': ['^src/onboarding/', '^test/'],
  'jsonc-parser': ['^src/config/', '^test/', '^src/orthanc/'],
  koffi: ['^src/net/', '^test/'],
};

const homeRules = Object.entries(homes).map(([library, folders]) => ({
  name: `home-of-${library}`,
  comment: `only ${folders.join(', ')} may import ${library}`,
  severity: 'error',
  from: { pathNot: folders },
  to: { path: `(^|/)node_modules/(${library})/` },
}));

/** No sockets, files, timers, clock or logging: what decides and decodes is a function of its arguments. */
const pureFolders = '^src/(pdu|dimse|policy)/|^src/gateway/states\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    ...homeRules,
    {
      name: 'pure',
      comment:
        'pdu, dimse, policy and gateway/states.ts import nothing of Node but Buffer and X509Certificate',
      severity: 'error',
      // BlockList and isIP are the only things of node:net that touch no network.
      from: { path: pureFolders, pathNot: '^src/policy/addresses\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|crypto)$' },
    },
    {
      name: 'orthanc-reads-in-one-place',
      comment: 'of src/orthanc, load.ts alone touches the disk, and nothing the network',
      severity: 'error',
      from: { path: '^src/orthanc/', pathNot: '^src/orthanc/load\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?path$' },
    },
    {
      name: 'commands-on-top',
      comment: 'nobody imports commands but the command line',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(commands/|cli\\.ts$)' },
      to: { path: '^src/commands/' },
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
      from: { path: '^src/' },
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

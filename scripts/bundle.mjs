/**
 * dist/: the command line in few files, because most of a start is the loading of modules
 * (docs/decisions/0015-bundled.md). What a command imports inside its action stays a file of its own.
 * dist/dashboard/: the page, a few files for the browser.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'rolldown';

/** The licences of what is in the bundle ask that they go with every copy. */
const licences = {
  name: 'licences',
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
    const folders = new Set(modules.filter((id) => id.includes('node_modules')).map(packageFolder));
    const source = [...folders]
      .sort()
      .map(licenceOf)
      .join(`\n${'-'.repeat(80)}\n\n`);
    this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source });
  },
};

/** Of a text with one character that is not ASCII, V8 keeps every character in two bytes. */
const ascii = {
  name: 'ascii',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle).filter(({ type }) => type === 'chunk')) {
      chunk.code = chunk.code.replace(/[\u0080-\uffff]/g, escaped);
    }
  },
};

const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

function packageFolder(module) {
  let folder = dirname(module);
  // A folder in a package may have a package.json that only says what kind of modules is in it.
  while (!existsSync(join(folder, 'package.json')) || manifestOf(folder).version === undefined) {
    folder = dirname(folder);
  }
  return folder;
}

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

function licenceOf(folder) {
  const { name, version, licenses, license = licenses?.[0]?.type, author } = manifestOf(folder);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [
    `${name} ${version}, ${license}`,
    ...(texts.length > 0 ? texts : [author?.name ?? author ?? '']),
  ].join('\n\n');
}

/** What only the demo loads. It sends and stores data sets as they are, so 4 MB of codecs can stay away. */
const demo = {
  name: 'demo',
  resolveId: (source) => (source === 'dcmjs-codecs' ? '\0no-codecs' : undefined),
  load: (id) => (id === '\0no-codecs' ? 'export default {};' : undefined),
  transform(code, id) {
    // Node warns of `new Buffer` outside of node_modules.
    if (!id.includes('node_modules/memorystream/')) return;
    const sized = code.replaceAll('new Buffer(this.', 'Buffer.alloc(this.');
    return { code: sized.replaceAll('new Buffer(', 'Buffer.from('), map: null };
  },
};

await build({
  input: {
    cli: 'src/cli.ts',
    workerProcess: 'src/gateway/workers/workerProcess.ts',
    generateSchema: 'src/config/generateSchema.ts',
  },
  platform: 'node',
  external: [
    // Finds its binary beside itself.
    'koffi',
    // Fastify would load them for what the admin HTTP has none of: schemas, requests without a port, a log.
    '@fastify/ajv-compiler',
    '@fastify/fast-json-stringify-compiler',
    'light-my-request',
    'pino',
  ],
  // The bundle names its sources: where node_modules is a link, no folder of this machine.
  resolve: { mainFields: ['module', 'main'], symlinks: false },
  transform: { target: 'es2022' },
  plugins: [demo, licences, ascii],
  // What one command imports when it runs, another may need at once.
  checks: { ineffectiveDynamicImport: false },
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'cjs',
    // One folder for all, so that each finds the others beside itself. The names are those of the sources.
    chunkFileNames: '[name].js',
    // Names and lines stay, for the stack of an error; comments would be held in memory.
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
    comments: { legal: true, annotation: false, jsdoc: false },
    codeSplitting: {
      groups: [
        // Of both and of the command line, whose help needs neither; the version is in package.json. zod looks at
        // its configuration when a schema is made, so that comes before all schemas.
        {
          name: 'words',
          test: /src\/(errors|interpretedSchemas|capture\/order|text\/(moments|quote|aeTitle)|x509\/(algorithms|revocationReasons))\.ts$|zod\/v4\/core\/core\.js$|^(?!.*node_modules).*package\.json$/,
          priority: 3,
        },
        { name: 'gateway', test: /src\/gateway\/gateway\.ts$/, priority: 2 },
        { name: 'start', test: /src\/service\/runGateway\.ts$/, priority: 1 },
      ],
    },
  },
});

const PAGE_FOLDER = 'src/dashboard';

/** What is beside the code of the page. The parts of the style count in the order of their names. */
const page = {
  name: 'page',
  generateBundle() {
    const styles = readdirSync(`${PAGE_FOLDER}/styles`).sort();
    const css = styles.map((name) => readFileSync(`${PAGE_FOLDER}/styles/${name}`, 'utf8')).join('\n');
    this.emitFile({ type: 'asset', fileName: 'page.css', source: css });
    for (const fileName of ['index.html', 'icon.svg']) {
      this.emitFile({ type: 'asset', fileName, source: readFileSync(`${PAGE_FOLDER}/${fileName}`) });
    }
  },
};

await build({
  input: { page: `${PAGE_FOLDER}/main.tsx` },
  platform: 'browser',
  transform: { target: 'es2022' },
  plugins: [licences, page],
  output: {
    dir: 'dist/dashboard',
    format: 'es',
    entryFileNames: '[name].js',
    // A browser loads it over the network, and nobody reads its stack: the types are checked instead.
    minify: true,
    comments: false,
  },
});

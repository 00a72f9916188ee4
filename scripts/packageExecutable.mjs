/**
 * The single executable: Node.js with dist/ inside (a single executable application). Quick acknowledgement is off in it,
 * because koffi has a binary of its own, and Node.js loads such from files only.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manifest, ROOT, run } from './packageBuild.mjs';
import { stageProgram } from './packageFiles.mjs';
import { copyNode } from './packageNode.mjs';
import { billOfMaterials } from './packageSbom.mjs';

/** Node.js looks for it in itself; postject marks it. It is the same in every release. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

export async function makeExecutable({ work, output, node }) {
  const folder = join(work, 'executable');
  stageProgram(folder);
  writeFileSync(join(folder, 'dist/LICENSE.node'), node.licence);
  const files = readdirSync(join(folder, 'dist'), { recursive: true, withFileTypes: true });
  const names = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const base = join(folder, 'dist/');
  const assets = Object.fromEntries(
    names.sort().map((file) => [file.slice(base.length), file.slice(folder.length + 1)]),
  );
  cpSync(join(ROOT, 'scripts/executableMain.cjs'), join(folder, 'main.cjs'));
  // Relative paths: the name of the main script becomes a part of the executable.
  const configuration = {
    main: 'main.cjs',
    output: 'aegis.blob',
    disableExperimentalSEAWarning: true,
    assets,
  };
  writeFileSync(join(folder, 'sea.json'), JSON.stringify(configuration));
  run('putting dist/ together', node.file, ['--experimental-sea-config', 'sea.json'], { cwd: folder });
  const file = join(output, `aegis-${manifest.version}-linux-${process.arch}`);
  mkdirSync(output, { recursive: true });
  copyNode(node, file);
  const sbom = `${file}.cdx.json`;
  writeFileSync(sbom, billOfMaterials({ beside: [], node }));
  chmodSync(file, 0o755);
  const { inject } = await import('postject');
  await inject(file, 'NODE_SEA_BLOB', readFileSync(join(folder, 'aegis.blob')), { sentinelFuse: FUSE });
  return [file, sbom];
}

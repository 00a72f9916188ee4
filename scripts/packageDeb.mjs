/**
 * The package for Debian and Ubuntu: the program with its own Node.js, the unit, the account and the folders. What dpkg
 * runs is in deploy/debian. Needs dpkg-deb, and no other tool of Debian.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { EPOCH, manifest, ROOT, run, settle } from './packageBuild.mjs';
import { koffiPackages, referenceOf, SBOM_FILE, stageProgram } from './packageFiles.mjs';
import { copyNode } from './packageNode.mjs';
import { billOfMaterials } from './packageSbom.mjs';

const NAME = manifest.name;
const SOURCES = join(ROOT, 'deploy/debian');
/** Debian sorts 1.0.0~rc.1 before 1.0.0. */
const VERSION = manifest.version.replace('-', '~');
const ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch;
const LIBRARIES_FILE = 'licenses-of-libraries.txt';
const NODE_FILE = 'license-of-node.txt';
const SCRIPTS = ['postinst', 'prerm', 'postrm'];
/** Where the unit of deploy/ has the command of npm. */
const NPM_COMMAND = '/usr/local/bin/aegis';

export function makeDeb({ work, output, node, isFast }) {
  const folder = join(work, 'deb');
  const documentation = join(folder, 'usr/share/doc', NAME);
  stageProgram(join(folder, 'usr/lib/aegis'));
  // Debian has glibc.
  rmSync(
    join(folder, `usr/lib/aegis/node_modules/@koromix/koffi-linux-${process.arch}/musl_${process.arch}`),
    {
      recursive: true,
      force: true,
    },
  );
  copyNode(node, join(folder, 'usr/lib/aegis/node'));
  put(join(folder, 'usr/bin/aegis'), readFileSync(join(SOURCES, 'aegis')));
  forOwnNode(join(folder, 'usr/lib/aegis/dist/cli.js'));
  put(join(folder, 'usr/share/man/man1/aegis.1.gz'), zipped(manualPage(node)));
  put(join(folder, 'usr/share/lintian/overrides', NAME), readFileSync(join(SOURCES, 'lintian-overrides')));
  for (const unit of readdirSync(join(ROOT, 'deploy')).filter((file) =>
    /^aegis\.(service|socket)$/.test(file),
  )) {
    const text = readFileSync(join(ROOT, 'deploy', unit), 'utf8').replaceAll(NPM_COMMAND, '/usr/bin/aegis');
    put(join(folder, 'usr/lib/systemd/system', unit), text);
  }
  put(join(folder, 'etc/logrotate.d', NAME), readFileSync(join(ROOT, 'deploy/logrotate.conf')));
  mkdirSync(join(folder, 'etc/aegis'));
  stageDocumentation(documentation, node);
  writeControl(join(folder, 'DEBIAN'), folder);
  settle(folder);
  const programs = ['usr/bin/aegis', 'usr/lib/aegis/node'];
  for (const file of [...programs, ...SCRIPTS.map((name) => `DEBIAN/${name}`)]) {
    chmodSync(join(folder, file), 0o755);
  }
  const file = join(output, `${NAME}_${VERSION}_${ARCHITECTURE}.deb`);
  // Blocks that several threads compress are cut elsewhere than those of one.
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(EPOCH), DPKG_DEB_THREADS_MAX: '1' };
  run(
    'packing the .deb',
    'dpkg-deb',
    ['--root-owner-group', isFast ? '-Znone' : '-Zxz', '--build', folder, file],
    { env },
  );
  return file;
}

function zipped(text) {
  return gzipSync(text, { level: 9 });
}

/** usr/bin/aegis runs it with the Node.js of the package. Its first line asks for one of the system. */
function forOwnNode(file) {
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^#!.*/, ''));
}

/** The help, as `man aegis` shows it. */
function manualPage(node) {
  const cli = join(ROOT, 'dist/cli.js');
  const help = run('asking for the help', node.file, [cli, '--help'], {
    env: { AEGIS_CONFIG: '/etc/aegis/aegis.jsonc' },
  });
  // Dots and quotation marks at the beginning of a line are commands of the manual.
  const shown = help
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
  const date = new Date(EPOCH * 1000).toISOString().slice(0, 10);
  return [
    `.TH AEGIS 1 ${date} "${NAME} ${VERSION}" "User Commands"`,
    `.SH NAME\naegis \\- ${manifest.description}`,
    `.SH SYNOPSIS\n.nf\n${shown.trim()}\n.fi`,
    '.SH SEE ALSO\n"aegis COMMAND \\-\\-help" shows the options of a command.',
    `The documentation is in /usr/share/doc/${NAME}.\n`,
  ].join('\n');
}

function put(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function stageDocumentation(folder, node) {
  mkdirSync(folder, { recursive: true });
  for (const name of ['README.md', 'docs', 'CHANGELOG.md']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  cpSync(join(ROOT, 'certs/README.md'), join(folder, 'certs/README.md'));
  for (const name of ['aegis.example.jsonc', 'aegis.schema.json']) {
    cpSync(join(ROOT, 'config', name), join(folder, 'examples', name));
  }
  put(join(folder, SBOM_FILE), billOfMaterials({ beside: koffiPackages().map(referenceOf), node }));
  put(join(folder, 'copyright'), copyright());
  put(join(folder, LIBRARIES_FILE), librariesText());
  put(join(folder, NODE_FILE), node.licence);
  put(join(folder, 'changelog.gz'), zipped(debianChangelog()));
}

/** Machine-readable (DEP 5). The texts of the libraries and of Node.js are long, and have files of their own. */
function copyright() {
  const ours = readFileSync(join(ROOT, 'LICENSE'), 'utf8')
    .trim()
    .replace(/^/gm, ' ')
    .replace(/^ \s*$/gm, ' .');
  const elsewhere = (files, holder, licence, file) =>
    `Files: ${files}\nCopyright: ${holder}\nLicense: ${licence}\n The texts are in /usr/share/doc/${NAME}/${file}.\n`;
  return [
    `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: ${NAME}\n`,
    `Files: *\nCopyright: ${manifest.author}\nLicense: Expat\n${ours}\n`,
    elsewhere(
      'usr/lib/aegis/dist/* usr/lib/aegis/node_modules/*',
      'their authors',
      'libraries',
      LIBRARIES_FILE,
    ),
    elsewhere('usr/lib/aegis/node', 'the Node.js contributors and others', 'node', NODE_FILE),
  ].join('\n');
}

function librariesText() {
  const [koffi] = koffiPackages();
  const bundled = ['dist/LICENSES.txt', 'dist/dashboard/LICENSES.txt'].map((file) => join(ROOT, file));
  const texts = bundled.map((file) => readFileSync(file, 'utf8'));
  if (koffi !== undefined) {
    texts.push(`koffi ${koffi.version}\n\n${readFileSync(join(koffi.folder, 'LICENSE.txt'), 'utf8')}`);
  }
  return texts.join('\n\n');
}

/** dpkg's own form. What has changed is in CHANGELOG.md. */
function debianChangelog() {
  const date = new Date(EPOCH * 1000).toUTCString().replace('GMT', '+0000');
  const changes = `  * What is new is in /usr/share/doc/${NAME}/CHANGELOG.md.`;
  const maintainer = /^Maintainer: (.*)$/m.exec(readFileSync(join(SOURCES, 'control'), 'utf8'))[1];
  return `${NAME} (${VERSION}) stable; urgency=medium\n\n${changes}\n\n -- ${maintainer}  ${date}\n`;
}

function writeControl(control, folder) {
  mkdirSync(control);
  const files = filesBelow(folder).filter((file) => !file.startsWith(control));
  const kibibytes = files.reduce((sum, file) => sum + Math.ceil(lstatSync(file).size / 1024), 0);
  const values = { VERSION, ARCHITECTURE, INSTALLED_SIZE: kibibytes };
  const template = readFileSync(join(SOURCES, 'control'), 'utf8');
  put(
    join(control, 'control'),
    template.replace(/@(\w+)@/g, (_match, name) => values[name]),
  );
  const inFolder = files.map((file) => relative(folder, file));
  put(
    join(control, 'conffiles'),
    inFolder
      .filter((file) => file.startsWith('etc/'))
      .map((file) => `/${file}\n`)
      .join(''),
  );
  const sums = inFolder
    .filter((file) => !file.startsWith('etc/'))
    .map((file) => {
      const sum = createHash('md5')
        .update(readFileSync(join(folder, file)))
        .digest('hex');
      return `${sum}  ${file}\n`;
    });
  put(join(control, 'md5sums'), sums.join(''));
  for (const name of SCRIPTS) cpSync(join(SOURCES, name), join(control, name));
}

function filesBelow(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * What all products of `npm run package` are made with: one version, one time for every file, programs that are run,
 * progress, and archives that come out the same each time. Knows nothing of what is in them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
export const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** Of a source without its history, and without SOURCE_DATE_EPOCH: any fixed time does. */
const UNKNOWN_TIME = 1_767_225_600;
/** Nothing is a program, and everybody may enter folders. */
const SAME_MODES = 'a-x,u=rwX,go=rX';
/** What tools say at most, such as a list of components. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Something that the person who builds can put right. It is printed without its stack. */
export class PackageError extends Error {}

/** Runs a program and returns its stdout. `what` is the work in words, for the message of a failure. */
export function run(what, command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
    ...options,
  });
  if (error?.code === 'ENOENT') throw new PackageError(`${what}: the program ${command} is not installed`);
  if (error !== undefined || status !== 0) {
    throw new PackageError(`${what}: ${command} failed\n${error?.message ?? `${stdout}${stderr}`.trim()}`);
  }
  return stdout;
}

/** The time of every file in every product, in seconds: that of the last commit, so that two builds are the same. */
export const EPOCH = Number(process.env.SOURCE_DATE_EPOCH ?? commitTime());

function commitTime() {
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : UNKNOWN_TIME;
}

/** Does one piece of work; the line on stderr says what it is, and then how long it took. */
export async function step(words, work) {
  process.stderr.write(`${words} ... `);
  const begin = Date.now();
  const result = await work();
  process.stderr.write(`${((Date.now() - begin) / 1000).toFixed(1)} s\n`);
  return result;
}

/** The same modes and times, whatever the umask and the modes in the source. Programs get theirs back from the caller. */
export function settle(folder) {
  run('setting modes', 'chmod', ['-R', SAME_MODES, folder]);
  for (const name of ['', ...readdirSync(folder, { recursive: true })])
    utimesSync(join(folder, name), EPOCH, EPOCH);
}

/** Packs a folder so that owner, umask, order and time of the machine leave no trace. */
export function packTarball(parent, folder, file) {
  const same = [
    '--sort=name',
    `--mtime=@${EPOCH}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mode=${SAME_MODES}`,
    '--format=ustar',
  ];
  const compress = ['--use-compress-program', 'gzip -9 --no-name'];
  run('packing the tarball', 'tar', ['--create', '--file', file, ...same, ...compress, '-C', parent, folder]);
}

export function sha256Of(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

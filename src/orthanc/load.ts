/**
 * Orthanc's files from the disk: single ones, and folders of which Orthanc takes every .json file. The only file of
 * this folder that touches the disk.
 */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { readUtf8 } from '../files/read';
import { fileError } from '../files/systemErrors';
import { type OrthancConfiguration, parseOrthancConfiguration } from './configuration';

export const READ_OPTIONS = {
  missing: 'name the file or folder that Orthanc is started with',
  folder: 'name the files in it',
  forbidden: 'run this as an account that may read it, such as that of Orthanc',
  maxBytes: 16 * 1024 * 1024,
  exitCode: ExitCode.Usage,
} as const;

/** Throws OperatorError (exit code 2) where Orthanc itself could not read them. */
export function loadOrthancConfiguration(
  paths: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): OrthancConfiguration {
  const files = paths.flatMap(filesAt).map((file) => ({ file, text: readUtf8(file, READ_OPTIONS) }));
  return parseOrthancConfiguration(files, env);
}

/** In the order of their names, so that the same folder always gives the same order. */
function filesAt(path: string): string[] {
  const names = namesIn(path);
  if (names === undefined) return [path];
  const files = names.filter((name) => extname(name).toLowerCase() === '.json');
  if (files.length === 0) throw new OperatorError(`${path} has no .json file; ${READ_OPTIONS.missing}`);
  return files.sort().map((name) => join(path, name));
}

/** Undefined for anything but a folder: reading it as a file reports what is wrong with it. */
function namesIn(path: string): string[] | undefined {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' || code === 'ENOENT') return undefined;
    throw fileError('read', error, path, READ_OPTIONS, ExitCode.Usage);
  }
}

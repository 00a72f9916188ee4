/**
 * Paths where systems differ: how one is written into a configuration, and whether two names mean one file. Reads nothing.
 */
import nodePath from 'node:path';

/**
 * A path, absolute or relative to the working folder, for a configuration in `folder`. An absolute path stays as it is: the
 * operator named that place. Another one becomes relative to `folder`. With `/` on Windows too, so that the file fits every
 * system.
 */
export function configuredPath(folder: string, path: string, system = nodePath): string {
  const written = system.isAbsolute(path) ? path : system.relative(folder, path) || '.';
  return system.sep === '/' ? written : written.replaceAll(system.sep, '/');
}

/** Of `Stats`. */
export interface Inode {
  readonly dev: number;
  readonly ino: number;
}

/**
 * By what the system says of each. On Windows, Node 22.12 to 22.16, 24.0 and 24.1 say 0 instead of the volume where a file
 * is asked for by its name (libuv before 1.51).
 */
export function areSameFile(one: Inode, other: Inode, platform = process.platform): boolean {
  return one.ino === other.ino && (one.dev === other.dev || platform === 'win32');
}

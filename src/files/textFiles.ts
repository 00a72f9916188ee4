/**
 * Reads text files whose owner and mode matter, or whose absence has to be told in words. Knows nothing of what is in
 * them, and never shows it.
 */
import { closeSync, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import { OperatorError } from '../errors';

/** Refuses a file that others could read; `secret` names what is in it. Throws OperatorError. */
export function readSecretFile(file: string, secret: string, needed: string): string {
  return readTextFile(file, needed, (stats) => refuseShared(file, secret, stats));
}

/**
 * `needed` says what kind of file it has to be. `inspect` looks at the very file that is read: between a look at the
 * path and the reading, it could be another one. Throws OperatorError.
 */
export function readTextFile(
  file: string,
  needed: string,
  inspect: (stats: Stats) => void = () => {},
): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    inspect(fstatSync(descriptor));
    return readFileSync(descriptor, 'utf8');
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw unreadable(file, needed, error as NodeJS.ErrnoException);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function unreadable(file: string, needed: string, error: NodeJS.ErrnoException): OperatorError {
  if (error.code === 'ENOENT') return new OperatorError(`${file} does not exist`);
  if (error.code === 'EISDIR') return new OperatorError(`${file} is a folder; ${needed} is needed`);
  if (error.code === 'EACCES') {
    return new OperatorError(`${file} cannot be read by the user that runs aegis (EACCES); change its owner`);
  }
  return new OperatorError(`${file} cannot be read: ${error.message}`);
}

/** What `readSecretFile` would refuse, for secrets that are only warned of. Undefined where there is nothing to say. */
export function describeSharing(file: string, secret: string): string | undefined {
  try {
    const stats = statSync(file);
    // What comes through a pipe of the shell lies nowhere.
    if (stats.isFile()) refuseShared(file, secret, stats);
    return undefined;
  } catch (error) {
    return error instanceof OperatorError ? error.message : undefined;
  }
}

const GROUP_READ = 0o040;
const GROUP_AND_OTHERS = 0o077;

/**
 * The file of a secret is its owner's alone, and the owner is us. Root may own it too (it can read everything anyway)
 * and may then share it with our group: that is how secrets are handed to a service without root's rights.
 */
function refuseShared(file: string, secret: string, stats: Stats): void {
  const self = process.getuid?.();
  // No owners and modes on this system.
  if (self === undefined) return;
  if (stats.uid !== self && stats.uid !== 0) {
    throw new OperatorError(
      `${file} belongs to user ${stats.uid}, who could read or replace the ${secret}; run "chown ${self} ${file}"`,
    );
  }
  const allowed = stats.uid === self ? 0 : GROUP_READ;
  const shared = stats.mode & GROUP_AND_OTHERS & ~allowed;
  if (shared !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(3, '0');
    throw new OperatorError(
      `${file} has mode ${mode}, so others than its owner have access to the ${secret}; run "chmod 600 ${file}"`,
    );
  }
}

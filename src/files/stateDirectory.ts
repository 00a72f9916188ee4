/**
 * The folder of what the gateway keeps across restarts (`stateDirectory`): where a file in it is, and how it is
 * replaced. Its owner alone can enter it, because who writes it decides who is refused. Knows no file in it.
 */
import { join } from 'node:path';
import { makeFolder, SECRET_MODE, syncFolder, writeFiles } from './write';

const OWNER_ONLY_MODE = 0o700;

export function stateFile(directory: string, name: string): string {
  return join(directory, name);
}

/** Makes the folder where it is not there. Throws FileError. */
export async function makeStateDirectory(directory: string): Promise<void> {
  await makeFolder(directory, OWNER_ONLY_MODE);
}

/**
 * Replaces the file whole, and makes the folder where it is not there. On the disk when it resolves. Root leaves the
 * file to the owner of the folder, which is the account of the gateway. Throws FileError.
 */
export async function writeStateFile(
  directory: string,
  name: string,
  content: string | Buffer,
): Promise<void> {
  await makeStateDirectory(directory);
  const path = stateFile(directory, name);
  await writeFiles([{ path, content, mode: SECRET_MODE, keepsOwner: true }]);
  await syncFolder(directory);
}

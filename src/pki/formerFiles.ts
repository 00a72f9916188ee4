/**
 * Where certificates and keys of the folder of a CA are kept after they were renewed: in a folder of their own, so that
 * whoever copies `*.crt` gets what is in use.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../files/systemErrors';
import { pemPaths } from './folderRecord';

const formerFolder = (directory: string): string => join(directory, 'former');

/** Certificate and key; the serial number makes them unique, so that none ever replaces another. */
export const formerPaths = (directory: string, fileName: string, serialNumber: string): [string, string] =>
  pemPaths(formerFolder(directory), `${fileName}.${serialNumber}`);

/** Readable by its owner only, as the folder of the CA is. */
export async function makeFormerFolder(directory: string): Promise<void> {
  const folder = formerFolder(directory);
  // Not `recursive`: on a file system that is read-only, Node then says that the folder does not exist.
  await mkdir(folder, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw fileError('write', cause, folder);
  });
}

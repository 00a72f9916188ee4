/**
 * Reads and writes the files of the CA's folder: all of them or none, complete or not at all, with the modes that
 * keys need. Knows nothing of what is in them.
 */
import { randomBytes } from 'node:crypto';
import { access, open, readFile, rename, rm } from 'node:fs/promises';
import { ExitCode, OperatorError } from '../errors';

/** Readable by its owner only: private keys, passwords. */
export const secretMode = 0o600;
/** Readable by everyone, whatever the umask: certificates and CRLs are public, and the gateway runs as another user. */
export const publicMode = 0o644;

export interface FileToWrite {
  readonly path: string;
  readonly content: string | Buffer;
  readonly mode: typeof secretMode | typeof publicMode;
}

/**
 * Writes every file beside its place first and only then moves them there, so that a full disk or a crash leaves
 * no half-written key and hardly ever a key without its certificate. Replaces what is there: ask `existingOf` first.
 */
export async function writeFiles(files: readonly FileToWrite[]): Promise<void> {
  const suffix = `.${randomBytes(6).toString('hex')}.tmp`;
  try {
    for (const { path, content, mode } of files) {
      const file = await open(path + suffix, 'wx', mode);
      try {
        await file.chmod(mode);
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    for (const { path } of files) await rename(path + suffix, path);
  } catch (cause) {
    for (const { path } of files) await rm(path + suffix, { force: true });
    throw fileError('write', cause);
  }
}

/** Those of `paths` where something is already. */
export async function existingOf(paths: readonly string[]): Promise<string[]> {
  const exists = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => exists[index]);
}

/** Throws OperatorError with `whatToDo` when there is no such file. */
export async function readText(path: string, whatToDo: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new OperatorError(`${path} does not exist; ${whatToDo}`, ExitCode.Failed);
    }
    throw fileError('read', cause);
  }
}

/** Node's message names the system's error, the call and the path. */
export function fileError(verb: 'read' | 'write', cause: unknown): OperatorError {
  return new OperatorError(`cannot ${verb} a file: ${(cause as Error).message}`, ExitCode.Failed);
}

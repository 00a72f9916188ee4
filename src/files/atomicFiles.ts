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
 * no half-written key and hardly ever a key without its certificate. `beforeMoving` is called in between; where it throws,
 * nothing is moved. Replaces what is there: ask `existingOf` first.
 */
export async function writeFiles(
  files: readonly FileToWrite[],
  beforeMoving: () => Promise<void> = async () => undefined,
): Promise<void> {
  const suffix = `.${randomBytes(6).toString('hex')}.tmp`;
  let current: string | undefined;
  try {
    for (const { path, content, mode } of files) {
      current = path;
      const file = await open(path + suffix, 'wx', mode);
      try {
        await file.chmod(mode);
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await beforeMoving();
    for (const { path } of files) {
      current = path;
      await rename(path + suffix, path);
    }
  } catch (cause) {
    for (const { path } of files) await rm(path + suffix, { force: true }).catch(() => undefined);
    throw fileError('write', cause, current);
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
    throw fileError('read', cause, path);
  }
}

/** What is wrong with `path`, and what to do; errors of operators stay as they are. Node names the path of some errors only. */
export function fileError(verb: 'read' | 'write', cause: unknown, path?: string): OperatorError {
  if (cause instanceof OperatorError) return cause;
  const { code = '', message, path: named } = cause as NodeJS.ErrnoException;
  const file = path ?? named;
  const words = file === undefined ? undefined : wordsOf(verb, code, file);
  return new OperatorError(words ?? `cannot ${verb} a file: ${message}`, ExitCode.Failed);
}

function wordsOf(verb: 'read' | 'write', code: string, file: string): string | undefined {
  const cannot = `${file} cannot be ${verb === 'read' ? 'read' : 'written'}`;
  switch (code) {
    case 'ENOENT':
      return verb === 'read'
        ? `${file} does not exist; correct the path`
        : `${cannot}: its folder does not exist (ENOENT); make the folder, or correct the path`;
    case 'EISDIR':
      return `${file} is a folder; name a file, or move the folder away`;
    case 'ENOTDIR':
      return `${cannot}: a part of its path is no folder (ENOTDIR); correct the path`;
    case 'EACCES':
    case 'EPERM':
      return `${cannot} by the user that runs aegis (${code}); run it as the owner, or change owner or mode`;
    case 'EROFS':
      return `${cannot}: the file system is read-only (EROFS); mount it for writing, or choose another folder`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `${cannot}: the disk is full (${code}); free some space and try again`;
    default:
      return undefined;
  }
}

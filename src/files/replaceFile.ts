/**
 * Puts a new text into a file that others read and write too: whole or not at all, with the mode and the owner that
 * it had, behind symbolic links, and never over what somebody else has written meanwhile. Knows nothing of the text.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { escapeUnsafe } from '../text/quote';
import { whileLocked } from './lockFile';

/** What of a mode the system may be asked for. */
const PERMISSION_BITS = 0o7777;

/**
 * `expected` is what the new text was made from, both without a byte order mark, which stays if there is one. Throws
 * OperatorError, and leaves the file as it was, where it has another text by now or cannot be replaced.
 */
export async function replaceFile(path: string, expected: string, text: string): Promise<void> {
  try {
    // A symbolic link goes on pointing to the file: only what is behind it is replaced.
    const target = await realpath(path);
    await whileLocked(target, () => replaceTarget(path, target, expected, text));
    await syncFolder(dirname(target));
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    const { message } = cause as Error;
    throw new OperatorError(`${escapeUnsafe(path)} cannot be replaced: ${message}`, ExitCode.Failed);
  }
}

async function replaceTarget(path: string, target: string, expected: string, text: string): Promise<void> {
  const { mode, uid, gid } = await stat(target);
  const mark = markOf(await readFile(target));
  const beside = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await giveTo(file, uid, gid, path);
      await file.chmod(mode & PERMISSION_BITS);
      await file.writeFile(mark + text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (!(await readFile(target)).equals(Buffer.from(mark + expected))) {
      throw new OperatorError(
        `${escapeUnsafe(path)} was changed by somebody else meanwhile and was left as it is; try again`,
        ExitCode.Failed,
      );
    }
    await rename(beside, target);
  } catch (cause) {
    await rm(beside, { force: true });
    throw cause;
  }
}

/** The byte order mark that some editors write, or nothing. */
function markOf(bytes: Buffer): string {
  return bytes.subarray(0, 3).equals(Buffer.from('\ufeff')) ? '\ufeff' : '';
}

/** Only root may give a file away; who is neither root nor the owner would make it his own by replacing it. */
async function giveTo(file: FileHandle, uid: number, gid: number, path: string): Promise<void> {
  const own = await file.stat();
  if (own.uid === uid && own.gid === gid) return;
  try {
    await file.chown(uid, gid);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') throw cause;
    throw new OperatorError(
      `${escapeUnsafe(path)} belongs to another account (uid ${uid}, gid ${gid}) and would change hands; run this as that account or as root`,
      ExitCode.Failed,
    );
  }
}

/** So that the new name outlives a power cut. Where folders cannot be opened, that is the system's own affair. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  try {
    await folder?.sync().catch(() => undefined);
  } finally {
    await folder?.close();
  }
}

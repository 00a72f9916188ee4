/**
 * Writes files: whole or not at all, several of them all or none, with the modes that keys need. Also replaces a text
 * that others read and write: never over what somebody else has written meanwhile. Knows nothing of what is in them.
 */
import { randomBytes } from 'node:crypto';
import { renameSync, type Stats } from 'node:fs';
import { access, type FileHandle, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { whileLocked } from './lock';
import { FileError, fileError } from './systemErrors';

/** Readable by its owner only: private keys, passwords. */
export const SECRET_MODE = 0o600;
/** Readable by everyone, whatever the umask: certificates and CRLs are public, and the gateway runs as another user. */
export const PUBLIC_MODE = 0o644;
/** What of a mode the system may be asked for. */
const PERMISSION_BITS = 0o7777;

export interface FileToWrite {
  readonly path: string;
  readonly content: string | Buffer;
  readonly mode: typeof SECRET_MODE | typeof PUBLIC_MODE;
  /** Root gives it to the owner of the file that is there, or else of its folder, who must go on reading it. */
  readonly keepsOwner?: boolean;
}

/**
 * Writes every file beside its place and only then moves them there. So a full disk or a crash leaves no half-written
 * key, and hardly ever a key without its certificate. `beforeMoving` is called in between; where it throws, nothing is
 * moved. Nor is it where `signal` is aborted before that. Replaces what is there: ask `existingOf` first.
 */
export async function writeFiles(
  files: readonly FileToWrite[],
  beforeMoving: () => Promise<void> = async () => undefined,
  signal?: AbortSignal,
): Promise<void> {
  const suffix = temporarySuffix();
  let current = '';
  try {
    for (const { path, content, mode, keepsOwner = false } of files) {
      current = path;
      signal?.throwIfAborted();
      await writeNew(path + suffix, content, async (file) => {
        const former = keepsOwner && process.getuid?.() === 0 ? await formerOwner(path) : undefined;
        if (former !== undefined) await file.chown(former.uid, former.gid);
        await file.chmod(mode);
      });
    }
    signal?.throwIfAborted();
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

/** Opens a file that is not there yet, for its owner only. Throws FileError. */
export async function openNew(path: string): Promise<FileHandle> {
  return await open(path, 'wx', SECRET_MODE).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw fileError('write', cause, path);
    throw new FileError(path, 'exists already and is left as it is; name another file');
  });
}

async function formerOwner(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => stat(dirname(path)).catch(() => undefined));
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

/**
 * Puts `text` in the place of `expected`, which it was made from, both without a byte order mark; the mark stays if
 * there is one, and so do mode, owner and symbolic links. Throws OperatorError, and leaves the file as it was, where it
 * has another text in the meantime or cannot be replaced.
 */
export async function replaceText(path: string, expected: string, text: string): Promise<void> {
  try {
    // A symbolic link goes on pointing to the file: only what is behind it is replaced.
    const target = await realpath(path);
    await whileLocked(target, () => replaceTarget(path, target, expected, text));
    await syncFolder(dirname(target));
  } catch (cause) {
    throw fileError('write', cause, path);
  }
}

async function replaceTarget(path: string, target: string, expected: string, text: string): Promise<void> {
  const { mode, uid, gid } = await stat(target);
  const mark = markOf(await readFile(target));
  const beside = target + temporarySuffix();
  try {
    await writeNew(beside, mark + text, async (file) => {
      await giveTo(file, uid, gid, path);
      await file.chmod(mode & PERMISSION_BITS);
    });
    if (!(await readFile(target)).equals(Buffer.from(mark + expected))) {
      throw new FileError(path, 'was changed by somebody else meanwhile and was left as it is; try again');
    }
    await rename(beside, target);
  } catch (cause) {
    await rm(beside, { force: true });
    throw cause;
  }
}

function temporarySuffix(): string {
  return `.${randomBytes(6).toString('hex')}.tmp`;
}

/** Nobody else can open the file before `prepare` has set who may. On the disk when it resolves. */
async function writeNew(
  path: string,
  content: string | Buffer,
  prepare: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, 'wx', SECRET_MODE);
  try {
    await prepare(file);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The byte order mark that some editors write, or nothing. */
function markOf(bytes: Buffer): string {
  return bytes.subarray(0, 3).equals(Buffer.from('\ufeff')) ? '\ufeff' : '';
}

/** Only root may give a file away. Anybody else who is not the owner would become it by replacing the file. */
async function giveTo(file: FileHandle, uid: number, gid: number, path: string): Promise<void> {
  const own = await file.stat();
  if (own.uid === uid && own.gid === gid) return;
  try {
    await file.chown(uid, gid);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') throw cause;
    throw new FileError(
      path,
      `belongs to another account (uid ${uid}, gid ${gid}) and would change hands; run this as that account or as root`,
    );
  }
}

/** So that the new name survives a power cut. Some systems cannot open folders; they have ways of their own. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  try {
    await folder?.sync().catch(() => undefined);
  } finally {
    await folder?.close();
  }
}

/** With those above it. Returns the topmost one that was made; undefined where the folder was there. */
export async function makeFolder(folder: string, mode = 0o777): Promise<string | undefined> {
  return mkdir(folder, { recursive: true, mode }).catch((cause: unknown) => {
    throw fileError('write', cause, folder);
  });
}

/** Keeps a damaged file as FILE.damaged, so that a new one can take its place. Returns what became of it, in words. */
export function putAside(path: string): string {
  try {
    renameSync(path, `${path}.damaged`);
    return `it is kept as ${path}.damaged`;
  } catch (error) {
    return `it cannot be put aside (${(error as Error).message}) and will be replaced`;
  }
}

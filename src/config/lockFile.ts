/**
 * The file of the locks, `locks.json` in `stateDirectory`: its shape, reading it, and changing it whole. A file that cannot
 * be understood is an error and never an empty list: it would let in a device that somebody has shut out. What a lock does
 * is not known here.
 */
import * as z from 'zod';
import { ExitCode, OperatorError } from '../errors';
import { whileLocked } from '../files/lock';
import { readUtf8 } from '../files/read';
import { makeStateDirectory, stateFile, writeStateFile } from '../files/stateDirectory';
import { FileError } from '../files/systemErrors';
import { locksInForce, type ModalityLock } from '../policy/locks';
import { escapeUnsafe } from '../text/quote';
import type { Configuration } from './schema';
import { freeName } from './schemaValues';

const FILE = 'locks.json';
const VERSION = 1;
/** Some 1,000 locks with long reasons. */
const MAX_FILE_BYTES = 1024 * 1024;
/** Stands in every line about the lock. */
export const MAX_LOCK_REASON_LENGTH = 200;

const time = z.iso.datetime();

export const lockReason = z
  .string()
  .trim()
  .min(1)
  .max(MAX_LOCK_REASON_LENGTH)
  .refine((text) => escapeUnsafe(text) === text);

export const modalityLock = z.object({
  modality: freeName,
  reason: lockReason,
  since: time,
  until: time.exactOptional(),
  by: freeName.exactOptional(),
});

const fileSchema = z.object({
  version: z.literal(VERSION),
  locks: z.array(modalityLock),
});

export function lockFile(stateDirectory: string): string {
  return stateFile(stateDirectory, FILE);
}

/** Undefined where there is no file. Throws OperatorError, with what to do, where it cannot be understood. */
export function readLockFile(stateDirectory: string): readonly ModalityLock[] | undefined {
  const file = lockFile(stateDirectory);
  let text: string;
  try {
    text = readUtf8(file, { maxBytes: MAX_FILE_BYTES, exitCode: ExitCode.Usage });
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const { success, data } = fileSchema.safeParse(parsed(text));
  if (success) return data.locks;
  throw new OperatorError(
    `${escapeUnsafe(file)} cannot be understood, so it is not known which modalities are locked; correct it, or delete it to end every lock`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a command can show: the locks in force by name, and why they are not known where they are not. */
export function knownLocks(
  { stateDirectory }: Pick<Configuration, 'stateDirectory'>,
  nowMs: number,
): { readonly locks: ReadonlyMap<string, ModalityLock>; readonly problem?: string } {
  try {
    const inForce = locksInForce(readLockFile(stateDirectory) ?? [], nowMs);
    return { locks: new Map(inForce.map((lock) => [lock.modality, lock])) };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { locks: new Map(), problem: `which modalities are locked is not known: ${error.message}` };
  }
}

/** Replaces the locks by what `change` makes of them. On the disk when it resolves. Throws OperatorError. */
export async function changeLockFile(
  stateDirectory: string,
  change: (locks: readonly ModalityLock[]) => readonly ModalityLock[],
): Promise<readonly ModalityLock[]> {
  await makeStateDirectory(stateDirectory);
  return await whileLocked(lockFile(stateDirectory), async () => {
    const locks = change(readLockFile(stateDirectory) ?? []);
    await writeStateFile(
      stateDirectory,
      FILE,
      `${JSON.stringify({ version: VERSION, locks }, undefined, 2)}\n`,
    );
    return locks;
  });
}

/** The locks with this one, in place of one of the same modality. */
export function withLock(locks: readonly ModalityLock[], lock: ModalityLock): readonly ModalityLock[] {
  return [...withoutLock(locks, lock.modality), lock];
}

export function withoutLock(locks: readonly ModalityLock[], modality: string): readonly ModalityLock[] {
  return locks.filter((lock) => lock.modality !== modality);
}

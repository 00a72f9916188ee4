/**
 * The file that keeps pending callers across restarts: read at the start, written some seconds after a change, always
 * whole. A file that cannot be read or written costs the list, never the gateway. Decides nothing about callers.
 */
import * as z from 'zod';
import { DamagedFile, parseKept, recovered } from '../files/keptJson';
import { readText } from '../files/read';
import { FileError } from '../files/systemErrors';
import { SECRET_MODE, writeFiles } from '../files/write';
import { type PendingCaller, pendingCallerSchema } from './pendingCaller';

/** A device may try again every second, and is written this often. A crash loses so much. */
export const PENDING_WRITE_DELAY_MS = 5_000;
/** 10,000 callers with all that they can say are less. Anything longer is another file. */
const MAX_PENDING_BYTES = 128 * 1024 * 1024;
const VERSION = 1;

const fileSchema = z.object({ version: z.literal(VERSION), callers: z.array(pendingCallerSchema) });

/** Throws where the file is damaged, or cannot be read; an absent one is an empty list. */
export function readPendingFile(file: string): PendingCaller[] {
  let text: string;
  try {
    text = readText(file, { maxBytes: MAX_PENDING_BYTES });
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOENT') return [];
    // Too long for a list: something else wrote it.
    if (error instanceof FileError && error.code === undefined) throw new DamagedFile(error.problem);
    throw error;
  }
  return parseKept(fileSchema, text).callers;
}

/** Replaces the file. Only its owner can read it: it says who tries to get in. Throws OperatorError. */
export async function writePendingFile(file: string, callers: readonly PendingCaller[]): Promise<void> {
  const content = `${JSON.stringify({ version: VERSION, callers })}\n`;
  await writeFiles([{ path: file, content, mode: SECRET_MODE, keepsOwner: true }]);
}

/** Reads the file. A damaged one is kept as FILE.damaged, with a warning, and the list starts empty. */
export function recoverPendingFile(file: string, warn: (message: string) => void): PendingCaller[] {
  const callers = recovered(
    file,
    () => readPendingFile(file),
    (what) => warn(`pending.file ${what}; the list of pending callers starts empty`),
  );
  return callers ?? [];
}

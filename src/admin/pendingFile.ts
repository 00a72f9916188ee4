/**
 * The file that keeps pending callers across restarts: read at the start, written some seconds after a change, always
 * whole. A file that cannot be read or written costs the list, never the gateway. Decides nothing about callers.
 */
import * as z from 'zod';
import { readText } from '../files/read';
import { FileError } from '../files/systemErrors';
import { putAside, SECRET_MODE, writeFiles } from '../files/write';
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
    if (error instanceof FileError && error.code === undefined) throw new DamagedPendingFile(error.problem);
    throw error;
  }
  return parsePending(text);
}

function parsePending(text: string): PendingCaller[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedPendingFile('it is not JSON');
  }
  const { success, data, error } = fileSchema.safeParse(value);
  if (success) return data.callers;
  const [issue] = error.issues;
  throw new DamagedPendingFile(`${issue?.path.join('.')} is not what the gateway writes`);
}

/** The text is not what this file writes; the message does not show it. */
class DamagedPendingFile extends Error {
  override readonly name = 'DamagedPendingFile';
}

/** Replaces the file. Only its owner can read it: it says who tries to get in. Throws OperatorError. */
export async function writePendingFile(file: string, callers: readonly PendingCaller[]): Promise<void> {
  const content = `${JSON.stringify({ version: VERSION, callers })}\n`;
  await writeFiles([{ path: file, content, mode: SECRET_MODE, keepsOwner: true }]);
}

/** Reads the file. A damaged one is kept as FILE.damaged, with a warning, and the list starts empty. */
export function recoverPendingFile(file: string, warn: (message: string) => void): PendingCaller[] {
  try {
    return readPendingFile(file);
  } catch (error) {
    const { message } = error as Error;
    const what =
      error instanceof DamagedPendingFile ? `${file} is damaged: ${message}; ${putAside(file)}` : message;
    warn(`pending.file ${what}; the list of pending callers starts empty`);
    return [];
  }
}

/**
 * The file that keeps pending callers across restarts: read at the start, written some seconds after a change, always
 * whole. A file that cannot be read or written costs the list, never the gateway. Decides nothing about callers.
 */
import * as z from 'zod';
import { readKept, recoverKept } from '../files/keptJson';
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
  return readKept(file, fileSchema, MAX_PENDING_BYTES)?.callers ?? [];
}

/** Replaces the file. Only its owner can read it: it says who tries to get in. Throws OperatorError. */
export async function writePendingFile(file: string, callers: readonly PendingCaller[]): Promise<void> {
  const content = `${JSON.stringify({ version: VERSION, callers })}\n`;
  await writeFiles([{ path: file, content, mode: SECRET_MODE, keepsOwner: true }]);
}

/** Reads the file. A damaged one is kept as FILE.damaged, with a warning, and the list starts empty. */
export function recoverPendingFile(file: string, warn: (message: string) => void): PendingCaller[] {
  const kept = recoverKept(file, fileSchema, MAX_PENDING_BYTES, (what) =>
    warn(`pending.file ${what}; the list of pending callers starts empty`),
  );
  return kept?.callers ?? [];
}

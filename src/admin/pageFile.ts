/**
 * What the page remembers across restarts: `page.json` in `stateDirectory`, with the history and the reloads. A file that
 * cannot be understood counts as none: nothing but a chart depends on it.
 */
import * as z from 'zod';
import { recoverKept } from '../files/keptJson';
import { stateFile, writeStateFile } from '../files/stateDirectory';
import { keptReloadsSchema } from './configurationHistory';
import { keptHistorySchema } from './history';

const FILE = 'page.json';
/** 50 reloads with long lines, and the history. */
const MAX_FILE_BYTES = 1024 * 1024;
/** A crash loses so much of the chart. */
export const PAGE_WRITE_DELAY_MS = 60_000;

const fileSchema = z.object({
  version: z.literal(1),
  history: keptHistorySchema,
  reloads: keptReloadsSchema,
});

export type KeptPage = Omit<z.output<typeof fileSchema>, 'version'>;

export function readPageFile(directory: string, warn: (message: string) => void): Partial<KeptPage> {
  const kept = recoverKept(stateFile(directory, FILE), fileSchema, MAX_FILE_BYTES, (what) =>
    warn(`${what}; the history of the page starts empty`),
  );
  return kept ?? {};
}

export async function writePageFile(directory: string, { history, reloads }: KeptPage): Promise<void> {
  const { from, associations, bytes, refusals } = history;
  const kept = { version: 1, history: { from, associations, bytes, refusals }, reloads };
  await writeStateFile(directory, FILE, `${JSON.stringify(kept)}\n`);
}

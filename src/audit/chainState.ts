/**
 * What the gateway remembers of the chain outside of the audit log: `audit-chain.json` in `stateDirectory`. A file that is
 * cut off at its end looks whole by itself. This says how far it went.
 */
import * as z from 'zod';
import { readKept } from '../files/keptJson';
import { stateFile, writeStateFile } from '../files/stateDirectory';
import { FileError } from '../files/systemErrors';

const FILE = 'audit-chain.json';
const VERSION = 1;
const MAX_FILE_BYTES = 64 * 1024;

const schema = z.object({
  version: z.literal(VERSION),
  /** The audit log file that it is about. */
  file: z.string(),
  seq: z.int().min(0),
  /** What the next line has as `previous`. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** The gateway has stopped in order: this was the last line. */
  isClosed: z.boolean(),
});

export type ChainState = Readonly<Omit<z.output<typeof schema>, 'version'>>;

/** `unreadable`, with why, is not the same as none: somebody may have damaged it. */
export type ReadState = ChainState | { readonly unreadable: string } | undefined;

/** Undefined where there is none, or one of another file. */
export function readChainState(stateDirectory: string, file: string): ReadState {
  const path = stateFile(stateDirectory, FILE);
  try {
    const state = readKept(path, schema, MAX_FILE_BYTES);
    return state?.file === file ? state : undefined;
  } catch (error) {
    return { unreadable: error instanceof FileError ? error.message : `${path} cannot be understood` };
  }
}

/** On the disk when it resolves. Throws FileError. */
export async function writeChainState(stateDirectory: string, state: ChainState): Promise<void> {
  await writeStateFile(stateDirectory, FILE, `${JSON.stringify({ version: VERSION, ...state })}\n`);
}

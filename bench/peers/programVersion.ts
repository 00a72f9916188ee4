/**
 * Asks an installed program for its version.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isInstalled, PROGRAM_PATH } from '../processes';

const run = promisify(execFile);

/** The first thing like a version in what it prints; undefined where it is not installed. */
export async function programVersion(program: string, option: string): Promise<string | undefined> {
  if (!isInstalled(program)) return undefined;
  const { stdout, stderr } = await run(program, [option], { env: { PATH: PROGRAM_PATH } });
  return /\d+\.\d+(\.\d+)?[\w.+-]*/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

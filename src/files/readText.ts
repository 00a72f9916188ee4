/**
 * The text of one file that an operator wrote, or why it cannot be had. Knows nothing of what is in it.
 */
import { readFileSync, statSync } from 'node:fs';
import { ConfigurationError } from '../text/problems';

/**
 * 16 MiB hold some 30,000 modalities with every key; what is longer is not a configuration but the wrong file,
 * and would be held in memory several times over.
 */
export const LONGEST_FILE_BYTES = 16 * 1024 * 1024;

/** What to do where there is no such file, where it is a folder, and where it must not be read. */
export interface ReadAdvice {
  readonly missing: string;
  readonly folder: string;
  readonly forbidden: string;
}

/** Throws ConfigurationError. */
export function readText(path: string, advice: ReadAdvice): string {
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > LONGEST_FILE_BYTES) {
      throw refusal(path, `has ${size} bytes; a configuration has at most ${LONGEST_FILE_BYTES} (16 MiB)`);
    }
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throw refusal(path, describeReadError(error as NodeJS.ErrnoException, advice));
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refusal(path, 'is not UTF-8; save it in that encoding');
  }
}

function refusal(file: string, message: string): ConfigurationError {
  return new ConfigurationError([{ file, path: '', message, severity: 'error', kind: 'configuration' }]);
}

function describeReadError({ code, message }: NodeJS.ErrnoException, advice: ReadAdvice): string {
  switch (code) {
    case 'ENOENT':
      return `does not exist; ${advice.missing}`;
    case 'EISDIR':
      return `is a folder; ${advice.folder}`;
    case 'EACCES':
      return `cannot be read (EACCES); ${advice.forbidden}`;
    default:
      return `cannot be read (${code ?? message})`;
  }
}

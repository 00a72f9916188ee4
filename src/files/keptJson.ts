/**
 * JSON that the gateway wrote for its next start: what is done with a text that is something else. It costs what was kept,
 * never the gateway. Knows no file in particular.
 */
import type * as z from 'zod';
import { readText } from './read';
import { FileError } from './systemErrors';
import { putAside } from './write';

/** The text is not what the gateway writes; the message does not show it. */
class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** Undefined where the file is missing. Throws DamagedFile where it holds something else, and FileError. */
export function readKept<T extends z.ZodType>(
  file: string,
  schema: T,
  maxBytes: number,
): z.output<T> | undefined {
  let text: string;
  try {
    text = readText(file, { maxBytes });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.code === 'ENOENT') return undefined;
    // Too long: something else wrote it.
    if (error.code === undefined) throw new DamagedFile(error.problem);
    throw error;
  }
  return parseKept(schema, text);
}

function parseKept<T extends z.ZodType>(schema: T, text: string): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedFile('it is not JSON');
  }
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new DamagedFile(`${error.issues[0]?.path.join('.')} is not what the gateway writes`);
}

/** Undefined also where it throws, with why in words. A damaged file is kept as FILE.damaged. */
export function recoverKept<T extends z.ZodType>(
  file: string,
  schema: T,
  maxBytes: number,
  warn: (what: string) => void,
): z.output<T> | undefined {
  try {
    return readKept(file, schema, maxBytes);
  } catch (error) {
    const { message } = error as Error;
    warn(error instanceof DamagedFile ? `${file} is damaged: ${message}; ${putAside(file)}` : message);
    return undefined;
  }
}

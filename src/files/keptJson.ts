/**
 * JSON that the gateway wrote for its next start: what is done with a text that is something else. It costs what was kept,
 * never the gateway. Knows no file in particular.
 */
import type * as z from 'zod';
import { putAside } from './write';

/** The text is not what the gateway writes; the message does not show it. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** Throws DamagedFile where it is something else. */
export function parseKept<T extends z.ZodType>(schema: T, text: string): z.output<T> {
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

/** What `read` returns; undefined where it throws, with why in words. A damaged file is kept as FILE.damaged. */
export function recovered<T>(file: string, read: () => T, warn: (what: string) => void): T | undefined {
  try {
    return read();
  } catch (error) {
    const { message } = error as Error;
    warn(error instanceof DamagedFile ? `${file} is damaged: ${message}; ${putAside(file)}` : message);
    return undefined;
  }
}

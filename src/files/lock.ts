/**
 * Keeps others of our commands away from a file while one of them replaces it: `FILE.lock` beside it, which only one
 * can create. Editors know nothing of it.
 */
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { FileError } from './systemErrors';

/** A command holds the lock for some milliseconds; a sluggish network folder is waited for too. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 10;

/**
 * Runs `action` while nobody else runs one for the same file. Throws OperatorError where the lock is not free in time:
 * a command that was killed at the wrong moment leaves it behind, and a person decides about that.
 */
export async function whileLocked<T>(
  file: string,
  action: () => Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const lock = `${file}.lock`;
  const handle = await acquire(lock, Date.now() + patienceMs);
  try {
    await handle.writeFile(`${process.pid}\n`);
    return await action();
  } finally {
    await handle.close();
    await rm(lock, { force: true });
  }
}

async function acquire(lock: string, deadline: number): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(lock, 'wx', 0o644);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    }
    if (Date.now() > deadline) {
      const holder = (await readFile(lock, 'utf8').catch(() => '')).trim();
      const who = /^\d{1,10}$/.test(holder) ? `process ${holder}` : 'another command';
      throw new FileError(
        lock,
        `says that ${who} is writing the file; try again, or delete it if no aegis command is running`,
      );
    }
    await delay(RETRY_MS);
  }
}

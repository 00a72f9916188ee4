/**
 * Owns the end of everything that a test file starts: processes, servers, sockets, folders. Runs after the
 * file's last test, whatever its result, so that nothing outlives a failed test.
 */
import { afterAll } from '@jest/globals';

type CleanUp = () => void | Promise<void>;

const pending: CleanUp[] = [];

/** Registers what ends a resource; last started, first ended. */
export function onCleanUp(cleanUp: CleanUp): void {
  pending.push(cleanUp);
}

afterAll(async () => {
  const failures: unknown[] = [];
  for (let cleanUp = pending.pop(); cleanUp !== undefined; cleanUp = pending.pop()) {
    try {
      await cleanUp();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'not everything could be cleaned up');
}, 60_000);

/**
 * Owns the end of everything that a test file starts: processes, servers, sockets, folders. Runs after the
 * file's last test, whatever its result, so that nothing outlives a failed test. Outside of Jest, as in the soak, the
 * program calls it.
 */

type CleanUp = () => void | Promise<void>;

const pending = new Set<CleanUp>();

/** Registers what ends a resource; last started, first ended. Returns how to forget what has ended by itself. */
export function onCleanUp(cleanUp: CleanUp): () => void {
  pending.add(cleanUp);
  return () => pending.delete(cleanUp);
}

export async function cleanUpAll(): Promise<void> {
  const failures: unknown[] = [];
  for (let last = [...pending].at(-1); last !== undefined; last = [...pending].at(-1)) {
    pending.delete(last);
    try {
      await last();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'not everything could be cleaned up');
}

const { afterAll } = globalThis as { afterAll?: (hook: () => Promise<void>, timeoutMs: number) => void };
afterAll?.(cleanUpAll, 60_000);

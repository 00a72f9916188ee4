/**
 * Whether the process may open as many sockets as the configuration allows associations. A kernel that refuses a socket
 * tells Node nothing: connections would be closed without a word.
 */
import { readFileSync } from 'node:fs';

/** The peer's and the archive's. */
const SOCKETS_PER_ASSOCIATION = 2;
/** Listeners, logs, certificates being read, connections that are not associations yet. */
const OTHER_FILES = 64;

/** What to warn of; undefined where the limit is high enough, or not known. */
export function openFilesWarning(maxAssociations: number, limit = openFileLimit()): string | undefined {
  const needed = SOCKETS_PER_ASSOCIATION * maxAssociations + OTHER_FILES;
  if (limit === undefined || limit >= needed) return undefined;
  return (
    `this process may open ${limit} files, limits.maxAssociations ${maxAssociations} can need ${needed}; ` +
    'connections beyond that are closed without a word in the log. ' +
    `Allow more (LimitNOFILE=${needed} in the unit of systemd, ulimit -n ${needed} in a shell), or lower limits.maxAssociations`
  );
}

/** The limit of this process: of the soft one nothing is left, Node has raised it to the hard one. Linux only. */
function openFileLimit(): number | undefined {
  try {
    const line = /^Max open files +(\d+) /m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}

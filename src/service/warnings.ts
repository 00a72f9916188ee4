/**
 * What does not keep the gateway from starting or from a reload, but what the operator should know: dates that come
 * near, and a limit of open files that is too low. Finds and says it; changes nothing.
 */
import { inspectTlsFiles } from '../config/files';
import type { LoadedConfiguration } from '../config/load';
import { openFileLimit } from '../gateway/connectionRoom';
import { formatProblem, type Problem } from '../text/problems';

/** For the operator, on stderr. */
export type Say = (text: string) => void;

/** An expired certificate is only a warning: it still serves peers that do not check the date. Returns the problems. */
export function warn({ configuration, problems, place }: LoadedConfiguration, say: Say): readonly Problem[] {
  const expiring = place(inspectTlsFiles(configuration)).filter(({ kind }) => kind === 'expiry');
  const all = [...problems, ...expiring];
  for (const problem of all) say(`warning: ${formatProblem(problem)}`);
  const openFiles = openFilesWarning(configuration.limits.maxAssociations);
  if (openFiles !== undefined) say(`warning: ${openFiles}`);
  return all;
}

/** The peer's and the archive's. */
const SOCKETS_PER_ASSOCIATION = 2;
/** Listeners, logs, certificates being read, connections that are not associations yet. */
const OTHER_FILES = 64;

/**
 * What to warn of; undefined where the limit is high enough or not known. A kernel that refuses a socket reports nothing
 * to Node, so the gateway closes connections before that.
 */
export function openFilesWarning(maxAssociations: number, limit = openFileLimit()): string | undefined {
  const needed = SOCKETS_PER_ASSOCIATION * maxAssociations + OTHER_FILES;
  if (limit === undefined || limit >= needed) return undefined;
  return (
    `this process may open ${limit} files, limits.maxAssociations ${maxAssociations} can need ${needed}; ` +
    'with all files open, connections without an association are closed. ' +
    `Allow more (LimitNOFILE=${needed} in the unit of systemd, ulimit -n ${needed} in a shell), or lower limits.maxAssociations`
  );
}

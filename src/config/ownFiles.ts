/**
 * Checks the files of the gateway itself: those that it writes, and the one that holds the token of the admin HTTP.
 * The files of TLS are checked in files.ts.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatorError } from '../errors';
import { describeLock, locksInForce } from '../policy/locks';
import type { ConfigurationPath, Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import { readSigningKey } from '../x509/tlsFiles';
import { inspectAlertFiles } from './alertChannels';
import { readBearerToken } from './bearerToken';
import { readLockFile } from './lockFile';
import type { Configuration } from './schema';
import { inspectRedisPassword } from './sharedRedis';

const GROUP_AND_OTHERS_WRITE = 0o022;
/** What is in `stateDirectory`. */
const KEPT =
  'locks, fetched revocation lists, the inventory, counters, the history of the page, the last addresses of devices, the end of the audit chain, what waits for the syslog server';

export function inspectOwnFiles(configuration: Configuration): Finding[] {
  const { audit, pending, admin, pidFile } = configuration;
  return [
    ...(audit.file === undefined
      ? []
      : inspectAppended(['audit', 'file'], audit.file, audit.rotate !== undefined)),
    ...(audit.chain?.key === undefined ? [] : inspectSigningKey(['audit', 'chain', 'key'], audit.chain.key)),
    ...(pending.file === undefined ? [] : inspectReplaced(['pending', 'file'], pending.file)),
    ...(pidFile === undefined ? [] : inspectReplaced(['pidFile'], pidFile)),
    ...inspectStateDirectory(['stateDirectory'], configuration),
    ...inspectLocks(configuration),
    ...(admin?.tokenFile === undefined ? [] : inspectToken(['admin', 'tokenFile'], admin.tokenFile)),
    ...inspectAlertFiles(configuration),
    ...inspectRedisPassword(configuration),
  ];
}

/** The audit log is appended to, or made in its folder. Where it is rotated, new ones are made later. */
function inspectAppended(path: ConfigurationPath, file: string, isRotated: boolean): Finding[] {
  if (isFolder(file)) return [aFolder(path, file)];
  const isThere = existsSync(file);
  const inFolder = isThere && !isRotated ? [] : inspectWritable(path, dirname(file), true);
  return inFolder.length === 0 && isThere ? inspectWritable(path, file, false) : inFolder;
}

/** Written beside its place and then moved there: the rights of its folder count. */
function inspectReplaced(path: ConfigurationPath, file: string): Finding[] {
  return isFolder(file) ? [aFolder(path, file)] : inspectWritable(path, dirname(file), true);
}

/** Made when it is first needed. Only with a syslog server does the gateway not run without it: else it is a warning. */
function inspectStateDirectory(path: ConfigurationPath, { stateDirectory, audit }: Configuration): Finding[] {
  const fault = stateDirectoryFault(stateDirectory);
  if (fault === undefined) return [];
  const isNeeded = fault.isUnusable && audit.syslog !== undefined;
  const { message } = fault;
  return [{ path, message, kind: 'file', ...(isNeeded ? {} : { severity: 'warning' }) }];
}

function stateDirectoryFault(
  directory: string,
): { readonly message: string; readonly isUnusable: boolean } | undefined {
  let place = directory;
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  const shown = escapeUnsafe(directory);
  if (!isFolder(place) || !isWritable(place)) {
    const fault = place === directory ? 'cannot be written' : 'cannot be made';
    return {
      isUnusable: true,
      message: `the folder ${shown} ${fault}, so nothing outlives a restart: ${KEPT}; let the account that runs aegis write it, or name another folder`,
    };
  }
  if (place !== directory || !isWritableByOthers(directory)) return undefined;
  return {
    isUnusable: false,
    message: `others than its owner can write the folder ${shown}, and so end a lock or put back an older revocation list; run "chmod 700 ${shown}"`,
  };
}

/** A lock is meant to be seen: what it shuts out looks like a fault. */
function inspectLocks({ stateDirectory, modalities }: Configuration): Finding[] {
  try {
    return locksInForce(readLockFile(stateDirectory) ?? [], Date.now()).map((lock) => ({
      path: ['modalities', lock.modality],
      message: Object.hasOwn(modalities, lock.modality)
        ? `is ${describeLock(lock)}`
        : `is not an entry, but is ${describeLock(lock)}; end that with "aegis modality unlock"`,
      severity: 'warning',
      kind: 'file',
    }));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [{ path: ['stateDirectory'], message: escapeUnsafe(error.message), kind: 'file' }];
  }
}

/** Never on a system without owners and modes. */
function isWritableByOthers(folder: string): boolean {
  return process.getuid !== undefined && (statSync(folder).mode & GROUP_AND_OTHERS_WRITE) !== 0;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isFolder(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    // Not there, or behind a folder that cannot be entered: the rights are looked at next.
    return false;
  }
}

function aFolder(path: ConfigurationPath, file: string): Finding {
  const message = `${escapeUnsafe(file)} is a folder; name a file, or move the folder away`;
  return { path, message, kind: 'file' };
}

function inspectWritable(path: ConfigurationPath, place: string, isForNewFile: boolean): Finding[] {
  try {
    // Making a file in a folder needs the right to enter it too.
    accessSync(place, isForNewFile ? constants.W_OK | constants.X_OK : constants.W_OK);
    return [];
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing
      ? `the folder ${escapeUnsafe(place)} does not exist; make it, or name another file`
      : `${escapeUnsafe(place)} cannot be written; let the account that runs aegis write it`;
    return [{ path, message, kind: 'file' }];
  }
}

function inspectSigningKey(path: ConfigurationPath, file: string): Finding[] {
  return inspectReading(path, () => readSigningKey(file));
}

function inspectToken(path: ConfigurationPath, file: string): Finding[] {
  return inspectReading(path, () => readBearerToken(file));
}

function inspectReading(path: ConfigurationPath, read: () => unknown): Finding[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [{ path, message: escapeUnsafe(error.message), kind: 'file' }];
  }
}

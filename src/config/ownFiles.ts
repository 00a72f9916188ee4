/**
 * Checks the files of the gateway itself: those that it writes, and the one that holds the token of the admin HTTP.
 * The files of TLS are checked in files.ts.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatorError } from '../errors';
import type { ConfigurationPath, Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import { readBearerToken } from './bearerToken';
import type { Configuration } from './schema';

export function inspectOwnFiles({ audit, pending, admin }: Configuration): Finding[] {
  return [
    ...(audit.file === undefined ? [] : inspectAppended(['audit', 'file'], audit.file)),
    // Written beside its place and then moved there: the folder alone counts.
    ...(pending.file === undefined ? [] : inspectWritable(['pending', 'file'], dirname(pending.file), true)),
    ...(admin?.tokenFile === undefined ? [] : inspectToken(['admin', 'tokenFile'], admin.tokenFile)),
  ];
}

/** The audit log is appended to or made, so its folder has to be there and to be writable. */
function inspectAppended(path: ConfigurationPath, file: string): Finding[] {
  const isThere = existsSync(file);
  return inspectWritable(path, isThere ? file : dirname(file), !isThere);
}

function inspectWritable(path: ConfigurationPath, place: string, isFolder: boolean): Finding[] {
  try {
    // Making a file in a folder needs the right to enter it too.
    accessSync(place, isFolder ? constants.W_OK | constants.X_OK : constants.W_OK);
    return [];
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing
      ? `the folder ${escapeUnsafe(place)} does not exist; make it, or name another file`
      : `${escapeUnsafe(place)} cannot be written; let the account that runs aegis write it`;
    return [{ path, message, kind: 'file' }];
  }
}

function inspectToken(path: ConfigurationPath, file: string): Finding[] {
  try {
    readBearerToken(file);
    return [];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [{ path, message: escapeUnsafe(error.message), kind: 'file' }];
  }
}

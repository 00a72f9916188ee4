/**
 * Reads files that somebody else wrote: regular files or pipes, never more than a bound, and those with secrets only
 * where nobody else can read them. Knows nothing of what is in them, and never shows it.
 */
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { ExitCode, OperatorError } from '../errors';
import { type FileAdvice, FileError, fileError } from './systemErrors';

/** The revocation lists of large authorities have some tens of megabytes; nothing else that we read is as long. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;
/** Most files are read at once; a pipe does not say how long it is. */
const MIN_CHUNK_BYTES = 4 * 1024;
const MAX_CHUNK_BYTES = 1024 * 1024;

export interface ReadOptions extends FileAdvice {
  /** Longer files are refused, and not held in memory. */
  readonly maxBytes?: number;
  /** What to do about a file that is longer. */
  readonly tooLong?: string;
  /** What is secret in the file, such as `private key`: a file that others could read is then refused. */
  readonly secret?: string;
  /** Of the error. Default: 1. */
  readonly exitCode?: ExitCode;
}

/** Throws FileError where the file cannot be read, is too long, or shares its secret. */
export function readBytes(file: string, options: ReadOptions = {}): Buffer {
  const { secret, exitCode = ExitCode.Failed } = options;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    // Of the very file that is read: between a look at the path and the reading, it could become another one.
    const stats = fstatSync(descriptor);
    if (secret !== undefined) refuseShared(file, secret, stats);
    const bytes = readAll(descriptor, stats.size, options.maxBytes ?? MAX_FILE_BYTES);
    if (bytes !== undefined) return bytes;
  } catch (cause) {
    throw fileError('read', cause, file, options, exitCode);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  throw new FileError(file, describeTooLong(options), exitCode);
}

/** The first bytes of a file, as many as there are. Throws FileError where it cannot be read. */
export function readStart(file: string, maxBytes: number, advice: FileAdvice = {}): Buffer {
  const start = Buffer.alloc(maxBytes);
  let length = 0;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    for (let read = -1; read !== 0 && length < maxBytes; length += read) {
      read = readSync(descriptor, start, length, maxBytes - length, null);
    }
    return start.subarray(0, length);
  } catch (cause) {
    throw fileError('read', cause, file, advice, ExitCode.Usage);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** As readBytes, with anything that is not UTF-8 replaced: PEM files may have comments in any encoding. */
export function readText(file: string, options: ReadOptions = {}): string {
  return readBytes(file, options).toString('utf8');
}

/** As readBytes, without a byte order mark; what is not UTF-8 is refused. */
export function readUtf8(file: string, options: ReadOptions = {}): string {
  const bytes = readBytes(file, options);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FileError(file, 'is not UTF-8; save it in that encoding', options.exitCode);
  }
}

/** What readBytes would refuse of a secret, for secrets that are only warned of. Undefined where there is nothing to say. */
export function describeSharing(file: string, secret: string): string | undefined {
  try {
    const stats = statSync(file);
    // What comes through a pipe of the shell is not kept anywhere.
    if (stats.isFile()) refuseShared(file, secret, stats);
    return undefined;
  } catch (error) {
    return error instanceof OperatorError ? error.message : undefined;
  }
}

/** Undefined where there is more. */
function readAll(descriptor: number, expectedBytes: number, maxBytes: number): Buffer | undefined {
  const chunkBytes = Math.min(Math.max(expectedBytes + 1, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES);
  const chunks: Buffer[] = [];
  for (let length = 0; length <= maxBytes; ) {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const read = readSync(descriptor, chunk);
    if (read === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, read));
    length += read;
  }
  return undefined;
}

function describeTooLong({
  maxBytes = MAX_FILE_BYTES,
  tooLong = 'name the right file',
}: ReadOptions): string {
  const kib = maxBytes / 1024;
  return `has more than ${kib < 1024 ? `${kib} KiB` : `${kib / 1024} MiB`}; ${tooLong}`;
}

const GROUP_READ = 0o040;
const GROUP_AND_OTHERS = 0o077;

/**
 * The file of a secret is its owner's alone, and the owner is us. Root may own it too (it can read everything anyway)
 * and may then share it with our group: that is how secrets are handed to a service without root's rights.
 */
function refuseShared(file: string, secret: string, stats: Stats): void {
  const self = process.getuid?.();
  // No owners and modes on this system.
  if (self === undefined) return;
  if (stats.uid !== self && stats.uid !== 0) {
    throw new FileError(
      file,
      `belongs to user ${stats.uid}, who could read or replace the ${secret}; run "chown ${self} ${file}"`,
      ExitCode.Usage,
    );
  }
  const allowed = stats.uid === self ? 0 : GROUP_READ;
  const shared = stats.mode & GROUP_AND_OTHERS & ~allowed;
  if (shared !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(3, '0');
    // Of a service that has an account of its own, where root looks. "chmod 600" would lock the service out.
    const isOfService = self === 0 && stats.gid !== 0 && shared === GROUP_READ;
    const remedy = isOfService
      ? `run this command as the account of the gateway, as in "runuser -u aegis -- aegis check"`
      : `run "chmod 600 ${file}"`;
    throw new FileError(
      file,
      `has mode ${mode}, so others than its owner have access to the ${secret}; ${remedy}`,
      ExitCode.Usage,
    );
  }
}

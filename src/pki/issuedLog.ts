/**
 * issued.jsonl: what the CA of a folder has issued and revoked, only ever appended to, so that two commands at once
 * lose nothing. A line is what one command recorded: a JSON object, or an array of several, which holds all or nothing.
 * Knows nothing of keys; CRLs are made from what it says.
 *
 * A full disk or a crash leaves a line without its end. What it was to record was not done, so it is passed over, and the
 * next command closes it with a mark. It is not cut off: between the look and the cut, another command may have recorded a
 * revocation behind it.
 */
import { open } from 'node:fs/promises';
import * as z from 'zod';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { fileError } from '../files/systemErrors';
import { revocationReasons } from '../x509/revocationReason';

const issuedEntry = z.strictObject({
  event: z.literal('issued'),
  time: z.iso.datetime(),
  serialNumber: z.string().regex(/^[0-9A-F]{32}$/),
  name: z.string(),
  kind: z.enum(['server', 'client']),
  file: z.string(),
  names: z.array(z.string()),
  notAfter: z.iso.datetime(),
  fingerprint: z.string(),
  /** Records of earlier versions have none. */
  spkiFingerprint: z.string().optional(),
});
const revokedEntry = z.strictObject({
  event: z.literal('revoked'),
  time: z.iso.datetime(),
  serialNumber: z.string(),
  reason: z.enum(revocationReasons).optional(),
});
const logEntry = z.discriminatedUnion('event', [issuedEntry, revokedEntry]);
const logLine = z.union([logEntry, z.array(logEntry)]);

/** Ends a line that is to be passed over. No record ends like this: they end with a bracket. */
const unfinishedMark = ' #unfinished';
/** How every record begins. */
const recordBeginnings = ['{"event":"', '[{"event":"'];

export type IssuedEntry = z.output<typeof issuedEntry>;
type RevokedEntry = z.output<typeof revokedEntry>;
type LogEntry = z.output<typeof logEntry>;

export interface IssuedLog {
  readonly issued: readonly IssuedEntry[];
  readonly revokedBySerialNumber: ReadonlyMap<string, RevokedEntry>;
  /** The last record was not written to its end, and is passed over. */
  readonly isUnfinished: boolean;
}

/**
 * Reads the whole log. Throws OperatorError when it is missing or damaged: a CRL made from less than all of it would
 * let revoked certificates in again.
 */
export async function readIssuedLog(path: string): Promise<IssuedLog> {
  const text = readText(path, {
    missing:
      'it lists what was issued and revoked: restore it from a backup, or create it empty for a CA that was made elsewhere',
  });
  const issued: IssuedEntry[] = [];
  const revokedBySerialNumber = new Map<string, RevokedEntry>();
  const isUnfinished = hasUnfinishedEnd(text);
  const lines = text.split('\n');
  for (const [index, line] of (isUnfinished ? lines.slice(0, -1) : lines).entries()) {
    if (line === '' || line.endsWith(unfinishedMark)) continue;
    const entries = parseLine(line);
    if (entries === undefined) {
      throw new OperatorError(
        `${path}:${index + 1} is no record of an issued or revoked certificate; restore the file from a backup`,
        ExitCode.Failed,
      );
    }
    for (const entry of entries) {
      if (entry.event === 'issued') issued.push(entry);
      else revokedBySerialNumber.set(entry.serialNumber, entry);
    }
  }
  return { issued, revokedBySerialNumber, isUnfinished };
}

/**
 * Appends in one write, which the system does not mix with that of another process. Throws OperatorError where not all
 * of it was written; then none of it counts.
 */
export async function appendToIssuedLog(path: string, entries: readonly LogEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const record = JSON.stringify(entries.length === 1 ? entries[0] : entries);
  try {
    const file = await open(path, 'a+');
    try {
      const bytes = Buffer.from(`${closingOf(await file.readFile('utf8'))}${record}\n`);
      const { bytesWritten } = await file.write(bytes);
      // Going on with the rest could put it behind what another process has written meanwhile.
      if (bytesWritten < bytes.length) throw Object.assign(new Error('cut short'), { code: 'ENOSPC' });
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fileError('write', cause, path);
  }
}

/** What makes the next record a line of its own. Harmless where another process was only about to end the line. */
function closingOf(text: string): string {
  if (text === '' || text.endsWith('\n')) return '';
  return hasUnfinishedEnd(text) ? `${unfinishedMark}\n` : '\n';
}

/** Anything else without a line break at its end is whole and lacks nothing else, or is damage. */
function hasUnfinishedEnd(text: string): boolean {
  const line = text.slice(text.lastIndexOf('\n') + 1);
  const isBegun = recordBeginnings.some(
    (beginning) => line.startsWith(beginning) || beginning.startsWith(line),
  );
  return line !== '' && isBegun && parseJson(line) === undefined;
}

function parseLine(line: string): LogEntry[] | undefined {
  const parsed = logLine.safeParse(parseJson(line));
  return parsed.success ? [parsed.data].flat() : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Those that peers still accept. */
export function acceptedOf({ issued, revokedBySerialNumber }: IssuedLog): IssuedEntry[] {
  const now = new Date().toISOString();
  return issued.filter((entry) => entry.notAfter > now && !revokedBySerialNumber.has(entry.serialNumber));
}

/** Those of `name` that peers still accept. */
export const acceptedCertificates = (log: IssuedLog, name: string): IssuedEntry[] =>
  acceptedOf(log).filter((entry) => entry.name === name);

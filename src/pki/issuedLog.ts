/**
 * issued.jsonl: what the CA of a folder has issued and revoked, one JSON object a line, only ever appended to, so
 * that two commands at once lose nothing. Knows nothing of keys; CRLs are made from what it says.
 */
import { appendFile } from 'node:fs/promises';
import { z } from 'zod';
import { ExitCode, OperatorError } from '../errors';
import { fileError, readText } from './atomicFiles';
import { revocationReasons } from './revocationReason';

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

export type IssuedEntry = z.output<typeof issuedEntry>;
type RevokedEntry = z.output<typeof revokedEntry>;
type LogEntry = z.output<typeof logEntry>;

export interface IssuedLog {
  readonly issued: readonly IssuedEntry[];
  readonly revokedBySerialNumber: ReadonlyMap<string, RevokedEntry>;
}

/**
 * Reads the whole log. Throws OperatorError when it is missing or damaged: a CRL made from less than all of it would
 * let revoked certificates in again.
 */
export async function readIssuedLog(path: string): Promise<IssuedLog> {
  const text = await readText(
    path,
    'it lists what was issued and revoked: restore it from a backup, or create it empty for a CA that was made elsewhere',
  );
  const issued: IssuedEntry[] = [];
  const revokedBySerialNumber = new Map<string, RevokedEntry>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const entry = parseLine(line);
    if (entry === undefined) {
      throw new OperatorError(
        `${path}:${index + 1} is no record of an issued or revoked certificate; restore the file from a backup`,
        ExitCode.Failed,
      );
    }
    if (entry.event === 'issued') issued.push(entry);
    else revokedBySerialNumber.set(entry.serialNumber, entry);
  }
  return { issued, revokedBySerialNumber };
}

/** Appends in one write, which the system does not mix with that of another process. */
export async function appendToIssuedLog(path: string, entries: readonly LogEntry[]): Promise<void> {
  try {
    await appendFile(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { flush: true });
  } catch (cause) {
    throw fileError('write', cause);
  }
}

function parseLine(line: string): LogEntry | undefined {
  try {
    return logEntry.parse(JSON.parse(line));
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

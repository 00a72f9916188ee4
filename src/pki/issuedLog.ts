/**
 * issued.jsonl: what the CA of a folder has issued and revoked, only ever appended to, so that two commands at once
 * lose nothing. A line is what one command recorded: a JSON object, or an array of several, which holds all or nothing.
 * CRLs are made from what it says, and it answers whether a key was revoked or a name is taken.
 *
 * A full disk or a crash leaves a line without its end. What it was to record was not done, so the line is passed over. The
 * next command closes it with a mark. It does not cut it off: another command may have recorded a revocation behind it
 * meanwhile.
 */
import type { KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import * as z from 'zod';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { fileError } from '../files/systemErrors';
import { formatDay } from '../text/moments';
import { publicKeyFingerprint } from '../x509/fingerprints';
import { type RevocationReason, revocationReasons } from '../x509/revocationReasons';

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
const UNFINISHED_MARK = ' #unfinished';
/** How every record begins. */
const RECORD_BEGINNINGS = ['{"event":"', '[{"event":"'];

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
    if (line === '' || line.endsWith(UNFINISHED_MARK)) continue;
    const entries = parseLine(line);
    if (entries === undefined) {
      throw new OperatorError(
        `${path}:${index + 1} is not a record of an issued or revoked certificate; restore the file from a backup`,
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
  return hasUnfinishedEnd(text) ? `${UNFINISHED_MARK}\n` : '\n';
}

/** Anything else without a line break at its end is whole and lacks nothing else, or is damage. */
function hasUnfinishedEnd(text: string): boolean {
  const line = text.slice(text.lastIndexOf('\n') + 1);
  const isBegun = RECORD_BEGINNINGS.some(
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
export function acceptedCertificates(log: IssuedLog, name: string): IssuedEntry[] {
  return acceptedOf(log).filter((entry) => entry.name === name);
}

/** With these reasons the key itself is as good as before. A revocation without a reason is not one of them. */
const HARMLESS_REASONS: readonly (RevocationReason | undefined)[] = ['superseded', 'cessationOfOperation'];

/** A certificate with which a key was revoked. A new certificate would let the owner of the key back in. */
export interface RevokedKey {
  readonly name: string;
  readonly serialNumber: string;
  /** Calendar day. */
  readonly date: string;
}

/** The certificate with which the key was revoked; undefined where it was not. */
export function revokedKeyOf(
  { issued, revokedBySerialNumber }: IssuedLog,
  publicKey: KeyObject,
): RevokedKey | undefined {
  const fingerprint = publicKeyFingerprint(publicKey);
  for (const { serialNumber, name, spkiFingerprint } of issued) {
    const revocation = revokedBySerialNumber.get(serialNumber);
    if (spkiFingerprint !== fingerprint || revocation === undefined) continue;
    if (HARMLESS_REASONS.includes(revocation.reason)) continue;
    return { name, serialNumber, date: formatDay(revocation.time) };
  }
  return undefined;
}

export interface NameOfOther {
  /** DNS name or IP address. */
  readonly name: string;
  /** Name of the modality that has it, or `server`. */
  readonly owner: string;
}

/** Those of `names`, wanted for `name`, that an accepted certificate of another owner has. */
export function findNamesOfOthers(log: IssuedLog, name: string, names: readonly string[]): NameOfOther[] {
  const owners = new Map<string, string>();
  for (const entry of acceptedOf(log)) {
    if (entry.name !== name) for (const owned of entry.names) owners.set(owned, entry.name);
  }
  return names.flatMap((wanted) => {
    const owner = owners.get(wanted);
    return owner === undefined ? [] : [{ name: wanted, owner }];
  });
}

/** For a warning: with the new certificate, its owner can pose as the other. */
export function describeNameOfOther({ name, owner }: NameOfOther): string {
  return `the certificate of "${owner}" is for ${name}, too; the owner of this one can pose as it`;
}

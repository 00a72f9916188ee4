/**
 * `aegis modality list --seen`: when each modality was last let in, from where, with which certificate, and its last
 * trouble. What is open now comes from the gateway, if it runs; the rest from the audit log.
 */
import { existsSync } from 'node:fs';
import { AdminClient, adminTarget, UnreachableError } from '../../admin/adminClient';
import type { AssociationStatus } from '../../admin/statusReport';
import { type LastSeen, readLastSeenOf, type SeenEvent } from '../../audit/lastSeen';
import type { Configuration } from '../../config/schema';
import { OperatorError } from '../../errors';
import type { CommandContext } from '../../terminal/command';
import { formatMinute } from '../../text/moments';
import { escapeUnsafe } from '../../text/quote';
import { textTable } from '../../text/table';

interface SeenModality {
  readonly name: string;
  /** Open associations; undefined where no gateway could be asked. */
  readonly open: readonly AssociationStatus[] | undefined;
  /** Undefined where there is no audit log. */
  readonly seen: LastSeen | undefined;
}

export async function listSeen(
  { print, printError }: CommandContext,
  configuration: Configuration,
  isJson: boolean,
): Promise<void> {
  const notes: string[] = [];
  const associations = await openAssociations(configuration, notes);
  const seenByName = seenInLog(configuration, notes);
  const modalities = Object.keys(configuration.modalities).map((name): SeenModality => {
    const open = associations?.filter(
      ({ modality, direction }) => modality === name && direction === 'ingress',
    );
    return { name, open, seen: seenByName?.get(name) };
  });
  if (isJson) {
    print(`${JSON.stringify({ modalities: modalities.map(jsonOf), notes }, undefined, 2)}\n`);
    return;
  }
  const rows = modalities.map((modality) => cellsOf(modality).map(escapeUnsafe));
  print(`${textTable([HEADER, ...rows]).join('\n')}\n`);
  for (const note of notes) printError(`note: ${escapeUnsafe(note)}\n`);
}

async function openAssociations(
  { admin }: Configuration,
  notes: string[],
): Promise<readonly AssociationStatus[] | undefined> {
  if (admin === undefined) {
    notes.push('admin is not configured, so what is open now is not known');
    return undefined;
  }
  try {
    return (await new AdminClient(adminTarget(admin)).status()).associations;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const why = error instanceof UnreachableError ? 'the gateway does not answer' : error.message;
    notes.push(`${why}, so what is open now is not known`);
    return undefined;
  }
}

function seenInLog(
  { audit: { file }, modalities }: Configuration,
  notes: string[],
): ReadonlyMap<string, LastSeen> | undefined {
  const missing = file === undefined ? 'audit.file is not configured' : `${file} does not exist yet`;
  if (file === undefined || !existsSync(file)) {
    notes.push(`${missing}, so who was seen before is not known`);
    return undefined;
  }
  try {
    const seen = readLastSeenOf(file, new Map(Object.entries(modalities)));
    if ([...seen.values()].some(({ isCutShort }) => isCutShort))
      notes.push('only the last 64 MiB of the audit log were read; "-" may have been seen before');
    return seen;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    notes.push(error.message);
    return undefined;
  }
}

const HEADER = ['NAME', 'LAST SEEN', 'FROM', 'CERTIFICATE', 'LAST TROUBLE'];
/** The table has to fit 80 columns; JSON has the whole name. */
const MAX_CERTIFICATE_LENGTH = 18;

function cellsOf({ name, open, seen }: SeenModality): string[] {
  const now = open?.[0];
  const { accepted } = seen ?? {};
  const trouble = lastOf(seen?.denied, seen?.failed);
  const subject = accepted?.tls?.subject ?? '-';
  return [
    name,
    now !== undefined
      ? 'now'
      : accepted === undefined
        ? unknownOr('never', seen)
        : formatMinute(accepted.time),
    now?.sourceAddress ?? accepted?.sourceAddress ?? '-',
    subject.length <= MAX_CERTIFICATE_LENGTH ? subject : `${subject.slice(0, MAX_CERTIFICATE_LENGTH - 1)}…`,
    trouble === undefined ? '-' : `${formatMinute(trouble.time)} ${trouble.reason ?? trouble.event}`,
  ];
}

function unknownOr(word: string, seen: LastSeen | undefined): string {
  return seen === undefined ? 'unknown' : seen.isCutShort ? '-' : word;
}

function lastOf(one: SeenEvent | undefined, other: SeenEvent | undefined): SeenEvent | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.time > other.time ? one : other;
}

function jsonOf({ name, open, seen }: SeenModality): object {
  const { accepted, denied, failed, command, isCutShort } = seen ?? {};
  return {
    name,
    open: open ?? null,
    lastAccepted: accepted ?? null,
    lastCommand: command ?? null,
    lastDenied: denied ?? null,
    lastFailed: failed ?? null,
    isComplete: seen !== undefined && isCutShort !== true,
  };
}

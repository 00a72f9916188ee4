/**
 * What the audit log last said of one modality: when it was let in, when it was refused or failed, and why. Reads the
 * file from its end, so that the size of the log does not matter. Writes nothing, and knows only what the file says.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { ExitCode, OperatorError } from '../errors';
import { fileError } from '../files/systemErrors';
import { AddressSet } from '../text/addresses';
import type { AuditEvent } from './events';

/** Some 150,000 lines, a day or more of a busy gateway, read in a second. What is older is not "last seen" any more. */
export const MAX_LOOK_BACK_BYTES = 64 * 1024 * 1024;
/** Little memory, and few reads for what has just happened. */
const CHUNK_BYTES = 256 * 1024;
/** Audit lines are shorter. Without a bound, a file without line ends would be held in memory whole. */
const MAX_LINE_BYTES = 64 * 1024;

const LINE_FEED = 0x0a;

/** Undefined where there is no file to read. */
export function lastSeenIfKnown(
  file: string | undefined,
  modality: string,
  entry: LookedFor,
): LastSeen | undefined {
  // The gateway creates it when it first starts.
  return file !== undefined && existsSync(file) ? readLastSeen(file, modality, entry) : undefined;
}

export type SeenEvent = AuditEvent & { readonly time: string };

export interface LastSeen {
  readonly accepted: SeenEvent | undefined;
  /** A connection, an association or a command. */
  readonly denied: SeenEvent | undefined;
  /** It was let in, and then something failed: the archive did not answer, or the association broke off. */
  readonly failed: SeenEvent | undefined;
  /** The last command that was completed. */
  readonly command: SeenEvent | undefined;
  /** The file goes further back than was read. */
  readonly isCutShort: boolean;
}

/** Of the entry. */
export interface LookedFor {
  readonly callingAeTitle: readonly string[];
  readonly from: readonly string[];
}

/** What of a line says whose it is. */
type Whose = Readonly<
  Partial<
    Record<'modality' | 'outcome' | 'event' | 'direction' | 'callingAeTitle' | 'sourceAddress', unknown>
  >
>;

/**
 * Whether an event is about the modality: it names it, or it is a refusal without a name that used one of its AE titles.
 * With a wrong address or certificate no entry matches, so no modality is named. A connection that was refused before it
 * said a title, e.g. for its certificate, counts for each entry with its address.
 */
export function concernOf(
  modality: string,
  { callingAeTitle: callingAeTitles, from }: LookedFor,
): (event: Whose) => boolean {
  const titles = new Set(callingAeTitles.map((title) => title.toUpperCase()));
  const addresses = new AddressSet(from);
  const isOfIt = ({ callingAeTitle, sourceAddress, direction, event }: Whose) =>
    callingAeTitle === undefined
      ? event === 'connection.refused' && direction !== 'egress' && addresses.has(String(sourceAddress))
      : titles.has(String(callingAeTitle).trim().toUpperCase());
  return (event) =>
    event.modality === modality ||
    (event.modality === undefined && event.outcome === 'denied' && isOfIt(event));
}

/** Takes the events that concern the modality. Throws OperatorError if the file cannot be read. */
export function readLastSeen(file: string, modality: string, entry: LookedFor): LastSeen {
  const concernsIt = concernOf(modality, entry);
  let accepted: SeenEvent | undefined;
  let denied: SeenEvent | undefined;
  let failed: SeenEvent | undefined;
  let command: SeenEvent | undefined;
  const lines = linesFromTheEnd(file);
  let next = lines.next();
  for (; next.done !== true; next = lines.next()) {
    const event = parseEvent(next.value);
    if (event === undefined || !concernsIt(event)) continue;
    if (event.event === 'association.accepted') accepted ??= event;
    else if (event.outcome === 'denied') denied ??= event;
    else if (event.outcome === 'failed') failed ??= event;
    else if (event.event === 'command.completed') command ??= event;
    if ([accepted, denied, failed, command].every((found) => found !== undefined)) break;
  }
  lines.return(false);
  return { accepted, denied, failed, command, isCutShort: next.done === true && next.value };
}

/** A full disk may have cut a line, or the file may be something else: what is not an event is skipped. */
function parseEvent(line: string): SeenEvent | undefined {
  try {
    const event = JSON.parse(line) as SeenEvent | null;
    return typeof event?.event === 'string' && typeof event.time === 'string' ? event : undefined;
  } catch {
    return undefined;
  }
}

/** The last line first. Returns whether the beginning of the file was not reached. */
function* linesFromTheEnd(file: string): Generator<string, boolean> {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw new OperatorError(`audit.file ${fileError('read', error, file).message}`, ExitCode.Failed);
  }
  try {
    const { size } = fstatSync(descriptor);
    const stop = Math.max(0, size - MAX_LOOK_BACK_BYTES);
    let position = size;
    let rest = Buffer.alloc(0);
    while (position > stop) {
      const length = Math.min(CHUNK_BYTES, position - stop);
      position -= length;
      const chunk = Buffer.alloc(length + rest.length);
      const read = readSync(descriptor, chunk, 0, length, position);
      // Shorter only if the file was emptied meanwhile.
      if (read < length) return false;
      rest.copy(chunk, length);
      let end = chunk.length;
      for (
        let at = chunk.lastIndexOf(LINE_FEED, end - 1);
        at >= 0;
        at = end === 0 ? -1 : chunk.lastIndexOf(LINE_FEED, end - 1)
      ) {
        if (end > at + 1) yield chunk.toString('utf8', at + 1, end);
        end = at;
      }
      rest = end > MAX_LINE_BYTES ? Buffer.alloc(0) : chunk.subarray(0, end);
    }
    if (stop === 0 && rest.length > 0) yield rest.toString('utf8');
    return stop > 0;
  } finally {
    closeSync(descriptor);
  }
}

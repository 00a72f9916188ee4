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
  return readLastSeenOf(file, new Map([[modality, entry]])).get(modality)!;
}

/** The same for many modalities, by their names, in one reading. */
export function readLastSeenOf(
  file: string,
  entries: ReadonlyMap<string, LookedFor>,
): ReadonlyMap<string, LastSeen> {
  const concerns = [...entries].map(([name, entry]) => ({ name, concernsIt: concernOf(name, entry) }));
  /** Refusals without a name, by title and address: a peer that tries again and again is looked up once. */
  const namesByPeer = new Map<string, readonly string[]>();
  const namesOf = (event: SeenEvent): readonly string[] => {
    if (event.modality !== undefined) return entries.has(event.modality) ? [event.modality] : [];
    if (event.outcome !== 'denied') return [];
    const { event: what, direction, callingAeTitle, sourceAddress } = event;
    const peer = JSON.stringify([what, direction, callingAeTitle, sourceAddress]);
    const known = namesByPeer.get(peer);
    if (known !== undefined) return known;
    const names = concerns.filter(({ concernsIt }) => concernsIt(event)).map(({ name }) => name);
    if (namesByPeer.size < MAX_PEERS) namesByPeer.set(peer, names);
    return names;
  };
  const seen = new Map([...entries.keys()].map((name) => [name, nothingSeen()]));
  const incomplete = new Set(entries.keys());
  const lines = linesFromTheEnd(file);
  let next = lines.next();
  for (; next.done !== true && incomplete.size > 0; next = lines.next()) {
    const event = parseEvent(next.value);
    for (const name of event === undefined ? [] : namesOf(event)) {
      const of = seen.get(name)!;
      take(of, event!);
      if ([of.accepted, of.denied, of.failed, of.command].every((found) => found !== undefined))
        incomplete.delete(name);
    }
  }
  lines.return(false);
  if (next.done === true && next.value) for (const of of seen.values()) of.isCutShort = true;
  return seen;
}

/** Different peers that were refused without a name. More than these are looked up each time. */
const MAX_PEERS = 10_000;

type Seeing = { -readonly [Key in keyof LastSeen]: LastSeen[Key] };

function nothingSeen(): Seeing {
  return { accepted: undefined, denied: undefined, failed: undefined, command: undefined, isCutShort: false };
}

/** The newest comes first. What the archive sends to the modality does not say that the modality was there. */
function take(seen: Seeing, event: SeenEvent): void {
  if (event.event === 'association.accepted') {
    if (event.direction !== 'egress') seen.accepted ??= event;
  } else if (event.outcome === 'denied') seen.denied ??= event;
  // Nothing failed where nothing came.
  else if (event.outcome === 'failed' && event.event !== 'modality.silent') seen.failed ??= event;
  else if (event.event === 'command.completed') seen.command ??= event;
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
export function* linesFromTheEnd(file: string): Generator<string, boolean> {
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

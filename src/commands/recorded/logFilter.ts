/**
 * Which lines of the audit log `aegis log` and `aegis audit query` were asked for. Reads no file and shows nothing.
 */
import { concernOf } from '../../audit/lastSeen';
import type { Configuration } from '../../config/schema';
import { type AuditLine, parseAuditLine } from '../../observe/auditLines';
import { AddressSet } from '../../text/addresses';

export interface LogFilter {
  readonly denied?: boolean;
  /** The name of an entry, or a calling AE title. */
  readonly modality?: string;
  /** Names of events, or what comes before their dot. */
  readonly event?: readonly string[];
  /** The beginning of an ID. */
  readonly connection?: string;
  /** A time as lines have it. */
  readonly since?: string;
  /** Not any more from this time on. */
  readonly until?: string;
  readonly outcome?: readonly string[];
  readonly reason?: readonly string[];
  /** Command as lines have it, such as `C-STORE`. */
  readonly command?: readonly string[];
  /** Calling AE titles. */
  readonly calling?: readonly string[];
  /** Addresses and CIDR blocks. */
  readonly from?: readonly string[];
}

const PROBLEM_OUTCOMES: ReadonlySet<string> = new Set(['denied', 'would-deny', 'failed']);
const PROBLEM_WORDS = /denied|would-deny|failed/;

/** What can be seen without parsing: most lines of a log are not asked for. Only lines as the gateway writes them. */
export function canSkip(text: string, { since, denied }: LogFilter): boolean {
  if (!text.startsWith('{"time":"')) return false;
  const isOld = since !== undefined && text.slice(9, 9 + since.length) < since;
  return isOld || (denied === true && text.endsWith('}') && !PROBLEM_WORDS.test(text));
}

/** `json` is the line itself; of `journalctl -o json` what the gateway wrote. */
export function parseLine(text: string): { line: AuditLine | undefined; json: string } {
  const line = parseAuditLine(text);
  if (line !== undefined || !text.includes('"MESSAGE"')) return { line, json: text };
  try {
    const { MESSAGE } = JSON.parse(text) as { MESSAGE?: unknown };
    return typeof MESSAGE === 'string'
      ? { line: parseAuditLine(MESSAGE), json: MESSAGE }
      : { line, json: text };
  } catch {
    return { line, json: text };
  }
}

export function filterOf(
  { denied, modality, event: events, connection, since, until, ...lists }: LogFilter,
  configuration: Configuration | undefined,
): (line: AuditLine) => boolean {
  const isOfList = byLists(lists);
  const concernsIt = modality === undefined ? undefined : aboutModality(modality, configuration);
  return (line) =>
    (since === undefined || line.time >= since) &&
    (until === undefined || line.time < until) &&
    isOfList(line) &&
    (denied !== true || PROBLEM_OUTCOMES.has(line.outcome)) &&
    (connection === undefined || String(line.connectionId).startsWith(connection)) &&
    (events === undefined ||
      events.some((name) => line.event === name || line.event.startsWith(`${name}.`))) &&
    (concernsIt === undefined || concernsIt(line));
}

type Lists = Pick<LogFilter, 'outcome' | 'reason' | 'command' | 'calling' | 'from'>;

function byLists({ outcome, reason, command, calling, from }: Lists): (line: AuditLine) => boolean {
  const addresses = from === undefined ? undefined : new AddressSet(from);
  const titles = calling?.map(comparable);
  const isIn = (list: readonly string[] | undefined, value: unknown) =>
    list === undefined || list.includes(String(value));
  return (line) =>
    isIn(outcome, line.outcome) &&
    isIn(reason, line.reason) &&
    isIn(command, line.command) &&
    isIn(titles, comparable(line.callingAeTitle)) &&
    (addresses === undefined || addresses.has(String(line.sourceAddress)));
}

/** Of an AE title, as the gateway compares them by default. */
function comparable(title: unknown): string {
  return String(title ?? '')
    .trim()
    .toUpperCase();
}

/** By the entry where there is one. Else by what the line itself says. */
function aboutModality(name: string, configuration: Configuration | undefined): (line: AuditLine) => boolean {
  const modalities = configuration?.modalities ?? {};
  if (Object.hasOwn(modalities, name)) return concernOf(name, modalities[name]!);
  return ({ modality, callingAeTitle }) =>
    modality === name || comparable(callingAeTitle) === comparable(name);
}

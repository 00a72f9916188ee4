/**
 * Which lines of the audit log `aegis log` was asked for. Reads no file and shows nothing.
 */
import { concernOf } from '../audit/lastSeen';
import type { Configuration } from '../config/schema';
import { type AuditLine, parseAuditLine } from '../observe/auditLines';

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
  { denied, modality, event: events, connection, since }: LogFilter,
  configuration: Configuration | undefined,
): (line: AuditLine) => boolean {
  const concernsIt = modality === undefined ? undefined : aboutModality(modality, configuration);
  return (line) =>
    (since === undefined || line.time >= since) &&
    (denied !== true || PROBLEM_OUTCOMES.has(line.outcome)) &&
    (connection === undefined || String(line.connectionId).startsWith(connection)) &&
    (events === undefined ||
      events.some((name) => line.event === name || line.event.startsWith(`${name}.`))) &&
    (concernsIt === undefined || concernsIt(line));
}

/** By the entry where there is one. Else by what the line itself says. */
function aboutModality(name: string, configuration: Configuration | undefined): (line: AuditLine) => boolean {
  const modalities = configuration?.modalities ?? {};
  if (Object.hasOwn(modalities, name)) return concernOf(name, modalities[name]!);
  const title = name.trim().toUpperCase();
  return ({ modality, callingAeTitle }) =>
    modality === name ||
    String(callingAeTitle ?? '')
      .trim()
      .toUpperCase() === title;
}

/**
 * Finds and reads the audit logs that a command is given, or those of the configuration, and shows how far it has come.
 * What is in a line is for the caller to know.
 */
import { readableConfiguration } from '../../admin/adminClient';
import { rotatedFilesOf } from '../../audit/rotatedFiles';
import type { Configuration } from '../../config/schema';
import { OperatorError } from '../../errors';
import {
  type AuditLine,
  findLogFiles,
  inOrderOfTime,
  parseAuditLine,
  readLines,
} from '../../observe/auditLines';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { Progress } from '../../terminal/progress';
import { countOf, escapeUnsafe } from '../../text/quote';

/** What was read, and what of it made sense. */
export interface LogReading {
  readonly files: readonly string[];
  /** Lines of the audit log. */
  readonly lines: number;
  /** Lines that are none, and where the first one is. */
  readonly otherLines: number;
  readonly firstOther: string;
}

/** The audit log of the configuration and what it was rotated to. `verb`: as a pipe would be typed. */
export function auditFilesOf({ audit }: Configuration, verb: string): string[] {
  if (audit.file !== undefined) return [audit.file, ...rotatedFilesOf(audit.file)];
  throw new OperatorError(
    `audit.file is not configured, so there is no log to read; name a file, or pipe one: journalctl -u aegis -o cat | aegis ${verb} -`,
  );
}

/**
 * Needed for the names of the files where none are given: throws OperatorError then. Else it only helps, and is undefined
 * where it cannot be read, unless it was asked for.
 */
export function configurationFor(
  { config, isConfigNamed }: GlobalOptions,
  names: readonly string[],
): Configuration | undefined {
  try {
    return readableConfiguration(config);
  } catch (error) {
    if (names.length === 0 || isConfigNamed === true) throw error;
    return undefined;
  }
}

/** The oldest line first. Throws OperatorError where a file cannot be read, or none of them is an audit log. */
export async function readLogs(
  names: readonly string[],
  add: (line: AuditLine, text: string) => void,
  context: CommandContext,
): Promise<LogReading> {
  const files = await inOrderOfTime(findLogFiles(names));
  const progress = new Progress(files, (text) => context.printError(text), process.stderr.isTTY === true);
  const reading = { files: files.map(({ name }) => name), lines: 0, otherLines: 0, firstOther: '' };
  for (const file of files) {
    let lineNumber = 0;
    for await (const texts of readLines(file, (bytes) => progress.add(bytes))) {
      for (const text of texts) {
        lineNumber += 1;
        const line = parseAuditLine(text);
        if (line !== undefined) {
          add(line, text);
          reading.lines += 1;
        } else if (text.trim() !== '') {
          reading.otherLines += 1;
          if (reading.firstOther === '') reading.firstOther = `${file.name}:${lineNumber}`;
        }
      }
    }
  }
  progress.end();
  if (reading.lines > 0 || reading.otherLines === 0) return reading;
  throw new OperatorError(
    `no line of ${reading.files.join(', ')} belongs to an audit log; give the file that audit.file names, or what aegis start wrote to stdout`,
  );
}

/** `read 12 lines of audit.jsonl`, with `more` behind it, and what was left out. */
export function describeReading(
  { files, lines, otherLines, firstOther }: LogReading,
  more: string,
): string[] {
  const from = files.map((file) => escapeUnsafe(file === '-' ? 'stdin' : file)).join(', ');
  return [
    `read ${countOf(lines, 'line')} of ${from}${more}`,
    ...(otherLines === 0
      ? []
      : [`left out ${countOf(otherLines, 'line')} not of the audit log: first ${escapeUnsafe(firstOther)}`]),
  ];
}

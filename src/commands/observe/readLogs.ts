/**
 * The work of `aegis observe report`: reads audit logs and the configuration; changes nothing.
 */
import { rotatedFilesOf } from '../../audit/rotatedFiles';
import { loadConfiguration } from '../../config/load';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import {
  type AuditLine,
  findLogFiles,
  inOrderOfTime,
  type LogFile,
  parseAuditLine,
  readLines,
} from '../../observe/auditLines';
import { Observations } from '../../observe/observations';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { Progress } from '../../terminal/progress';
import { type LogReading, observationsJson, reportObservations, wouldDenyAnything } from './report';

interface ReportOptions extends GlobalOptions {
  readonly since?: string;
}

export async function reportLogs(
  context: CommandContext,
  { config, json, since }: ReportOptions,
  names: readonly string[],
): Promise<void> {
  const { configuration } = loadConfiguration(config);
  const files = await inOrderOfTime(findLogFiles(names.length > 0 ? names : auditFilesOf(configuration)));
  const observations = new Observations(configuration, since);
  const reading = await read(files, (line) => observations.add(line), context);
  if (reading.lines === 0 && reading.otherLines > 0) {
    throw new OperatorError(
      `no line of ${reading.files.join(', ')} belongs to an audit log; give the file that audit.file names, or what aegis start wrote to stdout`,
    );
  }
  context.exit(wouldDenyAnything(configuration, observations) ? ExitCode.Failed : ExitCode.Done);
  context.print(
    json === true
      ? `${JSON.stringify(observationsJson(configuration, observations, { ...reading, since }), undefined, 2)}\n`
      : reportObservations(configuration, observations, { ...reading, since }, new Date()),
  );
}

function auditFilesOf({ audit }: Configuration): string[] {
  if (audit.file !== undefined) return [audit.file, ...rotatedFilesOf(audit.file)];
  throw new OperatorError(
    'audit.file is not configured, so there is no log to read; name a file, or pipe one: journalctl -u aegis -o cat | aegis observe report -',
  );
}

async function read(
  files: readonly LogFile[],
  add: (line: AuditLine) => void,
  context: CommandContext,
): Promise<Omit<LogReading, 'since'>> {
  const progress = new Progress(files, (text) => context.printError(text), process.stderr.isTTY === true);
  const reading = { files: files.map(({ name }) => name), lines: 0, otherLines: 0, firstOther: '' };
  for (const file of files) {
    let lineNumber = 0;
    for await (const texts of readLines(file, (bytes) => progress.add(bytes))) {
      for (const text of texts) {
        lineNumber += 1;
        const line = parseAuditLine(text);
        if (line !== undefined) {
          add(line);
          reading.lines += 1;
        } else if (text.trim() !== '') {
          reading.otherLines += 1;
          if (reading.firstOther === '') reading.firstOther = `${file.name}:${lineNumber}`;
        }
      }
    }
  }
  progress.end();
  return reading;
}

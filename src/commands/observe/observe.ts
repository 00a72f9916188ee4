/**
 * `aegis observe report`: what entries in observe mode would have refused, and the keys that would allow it. Reads
 * audit logs and the configuration; changes nothing.
 */
import type { Command } from 'commander';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import type { AuditLine, LogFile } from '../../observe/auditLines';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';
import { momentMs } from '../../text/moments';
import { quoteValue } from '../../text/quote';
import type { LogReading } from './report';

interface ReportOptions extends GlobalOptions {
  readonly since?: string;
}

export const registerObserve: RegisterCommand = (program, context) => {
  const observe = program
    .command('observe')
    .description('what observe mode has shown')
    .addHelpText('after', helpSections(['aegis observe report --since 7d', 'aegis observe report --help']));
  observe
    .command('report')
    .description('what would have been denied, by modality and reason, and the keys that would allow it')
    .argument('[file...]', 'audit logs, also compressed (.gz); - is stdin (default: audit.file)')
    .option(
      '--since <when>',
      'leave out what is older: 7d, 12h, a date, or a date and time with an offset',
      parseSince,
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis observe report',
          'aegis observe report --since 7d',
          'aegis observe report /var/log/aegis/audit.jsonl*',
          'journalctl -u aegis -o cat | aegis observe report -',
          'aegis --json observe report --since 2026-11-01',
        ],
        [
          '0  nothing was seen that would have been denied',
          '1  something would have been denied',
          '2  wrong usage, the configuration is not valid, or a log cannot be read',
        ],
      ),
    )
    .action(async (files: string[], _options, command: Command) => {
      await report(files, command.optsWithGlobals<ReportOptions>(), context);
    });
};

const UNIT_MS: Readonly<Record<string, number>> = { d: 24 * 60 * 60 * 1000, h: 60 * 60 * 1000 };

/** To a time as audit lines have it. */
function parseSince(text: string): string {
  const [, count, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  const ms = unit === undefined ? momentMs(text) : Date.now() - Number(count) * (UNIT_MS[unit] ?? 0);
  if (ms !== undefined) return new Date(ms).toISOString();
  throw new OperatorError(
    `--since ${quoteValue(text)} is no such time; accepted are days (7d), hours (12h), dates (2026-11-01) and moments (2026-11-01T08:00Z)`,
  );
}

async function report(
  names: readonly string[],
  { config, json, since }: ReportOptions,
  context: CommandContext,
): Promise<void> {
  const { loadConfiguration } = await import('../../config/load');
  const { findLogFiles, inOrderOfTime } = await import('../../observe/auditLines');
  const { Observations } = await import('../../observe/observations');
  const { observationsJson, reportObservations, wouldDenyAnything } = await import('./report');

  const { configuration } = loadConfiguration(config);
  const files = await inOrderOfTime(findLogFiles(names.length > 0 ? names : [auditFileOf(configuration)]));
  const observations = new Observations(configuration, since);
  const reading = await read(files, (line) => observations.add(line), context);
  if (reading.lines === 0 && reading.otherLines > 0) {
    throw new OperatorError(
      `no line of ${reading.files.join(', ')} is one of the audit log; give the file that audit.file names, or what aegis start wrote to stdout`,
    );
  }
  context.exit(wouldDenyAnything(configuration, observations) ? ExitCode.Failed : ExitCode.Done);
  context.print(
    json === true
      ? `${JSON.stringify(observationsJson(configuration, observations, { ...reading, since }), undefined, 2)}\n`
      : reportObservations(configuration, observations, { ...reading, since }, new Date()),
  );
}

function auditFileOf({ audit }: Configuration): string {
  if (audit.file !== undefined) return audit.file;
  throw new OperatorError(
    'audit.file is not configured, so there is no log to read; name a file, or pipe one: journalctl -u aegis -o cat | aegis observe report -',
  );
}

async function read(
  files: readonly LogFile[],
  add: (line: AuditLine) => void,
  context: CommandContext,
): Promise<Omit<LogReading, 'since'>> {
  const { parseAuditLine, readLines } = await import('../../observe/auditLines');
  const { Progress } = await import('../../terminal/progress');
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

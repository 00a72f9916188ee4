/**
 * `aegis modality unused`: what entries allow and nobody used, by the audit log, and the smaller entry that would do.
 * Changes nothing: it shows the command that would.
 */
import { loadConfiguration } from '../../config/load';
import { ExitCode, OperatorError } from '../../errors';
import { type EntryUsage, Usage } from '../../observe/usage';
import { entryFields } from '../../onboarding/entryFields';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { DAY_MS } from '../../text/moments';
import { formatPath } from '../../text/problems';
import { countOf, nameArgument, shellQuoted } from '../../text/quote';
import { hangingLines } from '../../text/table';
import { auditFilesOf, describeReading, readLogs } from '../recorded/readLogs';

interface UnusedOptions extends GlobalOptions {
  readonly days: number;
  readonly audit?: readonly string[];
}

export async function unused(context: CommandContext, options: UnusedOptions): Promise<void> {
  const { config, days, json } = options;
  const { configuration } = loadConfiguration(config);
  const since = new Date(Date.now() - days * DAY_MS).toISOString();
  const usage = new Usage(configuration, since);
  const files = options.audit ?? auditFilesOf(configuration, 'modality unused --audit');
  const reading = await readLogs(files, (line) => usage.add(line), context);
  const { firstSeen, lastSeen } = usage;
  if (firstSeen === undefined || firstSeen > since) throw tooShort(firstSeen, days);
  const entries = usage.entries.filter(hasUnused);
  // What was allowed a week ago cannot be unused for a month.
  const settled = entries.filter(({ changed }) => changed === undefined);
  const recent = entries.filter(({ changed }) => changed !== undefined);
  context.exit(ExitCode.Done);
  if (json === true) {
    const modalities = settled.map((entry) => ({
      modality: entry.name,
      isUnused: entry.lastUsed === undefined,
      lastUsed: entry.lastUsed ?? null,
      unused: entry.unused,
      keys: entry.lastUsed === undefined ? {} : entry.keys,
      command: commandFor(entry) ?? null,
    }));
    const changedSince = recent.map(({ name, changed }) => ({ modality: name, changed }));
    const facts = { days, since, from: firstSeen, to: lastSeen, missingLines: usage.missing };
    context.print(
      `${JSON.stringify({ ...facts, files: reading.files, modalities, changedSince }, undefined, 2)}\n`,
    );
    return;
  }
  const lines = [
    ...settled.flatMap(describeEntry),
    ...(settled.length === 0
      ? [`everything that the entries allow was used in the last ${countOf(days, 'day')}`, '']
      : []),
    ...recent.map(
      ({ name, changed }) =>
        `${formatPath(['modalities', name])} was changed at ${changed}: too new to judge`,
    ),
    ...describeReading(reading, `, ${firstSeen} to ${lastSeen}; those since ${since} count`),
    ...(usage.missing === 0
      ? []
      : [
          `the log itself says that ${countOf(usage.missing, 'line')} are missing: what they recorded counts as unused`,
        ]),
  ];
  context.print(
    `${lines.flatMap((line) => hangingLines(line, line.length - line.trimStart().length + 2)).join('\n')}\n`,
  );
}

function hasUnused({ lastUsed, unused: idle }: EntryUsage): boolean {
  return lastUsed === undefined || Object.keys(idle).length > 0;
}

function tooShort(firstSeen: string | undefined, days: number): OperatorError {
  const reach = firstSeen === undefined ? 'has no line' : `begins at ${firstSeen}`;
  return new OperatorError(
    `the audit log ${reach}, which is less than ${countOf(days, 'day')} ago, so nothing can be said; name older files with --audit, or fewer days with --days`,
    ExitCode.Failed,
  );
}

function describeEntry(entry: EntryUsage): string[] {
  const path = formatPath(['modalities', entry.name]);
  const command = commandFor(entry);
  const next = command === undefined ? [] : [`  ${command}`];
  if (entry.lastUsed === undefined) return [`${path}: nobody used it`, ...next, ''];
  return [
    `${path}: last used at ${entry.lastUsed}`,
    ...Object.entries(entry.unused).map(([key, items]) => `  nobody used ${key}: ${items.join(', ')}`),
    '  this would do:',
    ...Object.entries(entry.keys).map(([key, items]) => `    "${key}": ${JSON.stringify(items)},`),
    ...next,
    '',
  ];
}

/** To be copied from a terminal. Undefined where no option can say it. */
function commandFor({ name, lastUsed, keys }: EntryUsage): string | undefined {
  if (lastUsed === undefined) return `aegis modality remove ${nameArgument(name)}`;
  const options: string[] = [];
  for (const [key, items] of Object.entries(keys)) {
    const field = entryFields.find(({ path }) => path.join('.') === key);
    // Without the key the archive may send everything: only an empty list in the file says "nothing".
    if (field === undefined || (items.length === 0 && key === 'egressAllow')) return undefined;
    if (items.length === 0) options.push(`--unset ${field.option}`);
    else options.push(...items.map((item) => `--${field.option} ${shellQuoted(item)}`));
  }
  return `aegis modality set ${options.join(' ')} ${nameArgument(name)}`;
}

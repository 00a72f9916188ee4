/**
 * Judges audit logs by a configuration, for `aegis check --against` and `aegis reload --dry-run`, and says what is
 * different. Text from the log is escaped here. Changes nothing, and connects to nothing.
 */
import { loadConfiguration } from '../../config/load';
import type { Configuration } from '../../config/schema';
import { ExitCode } from '../../errors';
import { type Difference, Replay } from '../../observe/replay';
import { compilePolicy } from '../../policy/compile';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { countOf, escapeUnsafe, quoteValue } from '../../text/quote';
import { hangingLines } from '../../text/table';
import { auditFilesOf, describeReading, type LogReading, readLogs } from './readLogs';

/** More values than these would bury the line. --json has more. */
const MAX_VALUES_SHOWN = 5;
const MAX_DIFFERENCES_SHOWN = 50;

interface Replayed {
  readonly replay: Replay;
  readonly reading: LogReading;
  readonly configuration: Configuration;
}

export interface AgainstOptions extends GlobalOptions {
  readonly against: readonly string[];
}

/**
 * `aegis check --against`. Looks at the policy alone: connects to nothing, and reads no certificate. Throws
 * ConfigurationError where the configuration is not valid: there is nothing to judge by then.
 */
export async function checkAgainst(
  context: CommandContext,
  { config, json, against }: AgainstOptions,
): Promise<void> {
  const { configuration, problems } = loadConfiguration(config);
  const replayed = await replayLogs(context, against, configuration);
  const refuses = replayed.replay.differences.some(({ change }) => change === 'refused');
  context.exit(refuses ? ExitCode.Failed : ExitCode.Done);
  context.print(
    json === true
      ? `${JSON.stringify({ ok: !refuses, problems, ...replayJson(replayed) }, undefined, 2)}\n`
      : reportReplay(replayed),
  );
}

/** `aegis reload --dry-run`: the log that the running gateway writes. */
export async function replayOwnLog(context: CommandContext, options: GlobalOptions): Promise<void> {
  const { configuration } = loadConfiguration(options.config);
  await checkAgainst(context, { ...options, against: auditFilesOf(configuration, 'check --against') });
}

async function replayLogs(
  context: CommandContext,
  names: readonly string[],
  configuration: Configuration,
): Promise<Replayed> {
  const replay = new Replay(compilePolicy(configuration, Date.now()).policy);
  const reading = await readLogs(names, (line) => replay.add(line), context);
  return { replay, reading, configuration };
}

function reportReplay(replayed: Replayed): string {
  const { replay, reading } = replayed;
  const { differences, moreDifferences } = replay;
  const shown = differences.slice(0, MAX_DIFFERENCES_SHOWN);
  const more = differences.length - shown.length;
  const last =
    replay.judged === 0
      ? 'nothing was judged: the log has no request'
      : differences.length === 0
        ? 'nothing changes'
        : 'nothing else changes';
  return [
    ...shown.flatMap(describeDifference),
    ...(more > 0 ? [`and ${countOf(more, 'difference')} more (--json)`] : []),
    moreDifferences > 0 ? `and ${countOf(moreDifferences, 'request')} that differ too` : last,
    '',
    ...describeReading(reading, period(replay)),
    ...notesOf(replayed).map((note) => `note: ${note}`),
    '',
  ]
    .flatMap((line) => hangingLines(line, line.length - line.trimStart().length + 2))
    .join('\n');
}

function period({ firstSeen, lastSeen }: Replay): string {
  return firstSeen === undefined ? '' : `, ${firstSeen} to ${lastSeen}`;
}

function describeDifference(difference: Difference): string[] {
  const { reason, command, associations, commands, details, sourceAddresses } = difference;
  const { change, firstSeen, lastSeen } = difference;
  const who = `${difference.isEntry ? escapeUnsafe(difference.who) : quoteValue(difference.who)}${difference.direction === 'egress' ? ' (what the archive sends)' : ''}`;
  const words = `${change === 'allowed' ? 'was ' : ''}${escapeUnsafe(reason)}${command === '' ? '' : `: ${escapeUnsafe(command)}`}`;
  const verb = change === 'allowed' ? 'would newly allow' : 'would refuse';
  const counts = [
    ...(associations > 0 ? [countOf(associations, 'association')] : []),
    ...(commands > 0 ? [countOf(commands, 'command')] : []),
  ].join(' and ');
  const first =
    change === 'otherEntry'
      ? `would count ${who} as ${escapeUnsafe(reason)}: ${counts}`
      : command === ''
        ? `${verb} ${who}: ${counts} (${words})`
        : `${verb} ${who} ${commands} times (${words})`;
  return [
    first,
    ...(command === '' ? [] : [`  ${describeTally(details)}`]),
    `  from ${describeTally(sourceAddresses)}`,
    `  ${firstSeen === lastSeen ? firstSeen : `${firstSeen} to ${lastSeen}`}`,
  ];
}

function describeTally({ entries }: Difference['details']): string {
  const shown = entries
    .slice(0, MAX_VALUES_SHOWN)
    .map(({ value, count }) =>
      entries.length === 1 ? escapeUnsafe(value) : `${escapeUnsafe(value)} (${count})`,
    );
  const more = entries.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What the log cannot tell. */
function notesOf({ replay, configuration }: Replayed): string[] {
  const { notJudged, missing, otherReasons } = replay;
  const others = notJudged.entries.map(({ value, count }) => `${escapeUnsafe(value)} (${count})`);
  const certificates = replay.assumed('certificate');
  const stores = replay.assumed('storeRules');
  const hasProxy = configuration.listeners.some(({ proxyProtocol }) => proxyProtocol !== undefined);
  const hasEnd = Object.values(configuration.modalities).some((entry) =>
    ['observeUntil', 'validFrom', 'validUntil'].some((key) => Object.hasOwn(entry, key)),
  );
  return [
    ...(otherReasons === 0
      ? []
      : [`refused as before, for another reason: ${countOf(otherReasons, 'request')}`]),
    ...(others.length === 0
      ? []
      : [`not judged, because the policy alone does not decide it: ${others.join(', ')}`]),
    ...(missing === 0 ? [] : [`the log itself says that ${countOf(missing, 'line')} are missing in it`]),
    ...(certificates === 0
      ? []
      : [
          `the log has no DNS names of certificates, and not every public key: ${countOf(certificates, 'request')} of entries with dns: or spki-sha256: count as when they were recorded`,
        ]),
    ...(stores === 0
      ? []
      : [
          `the log has no data sets: ${countOf(stores, 'C-STORE')} of entries with storeRules count as when they were recorded`,
        ]),
    ...(hasProxy ? ['whether a connection came through a trusted proxy is not in the log'] : []),
    ...(hasEnd ? ['entries that end, or whose observe mode ends, are judged as of now'] : []),
  ];
}

/** For machines. */
function replayJson(replayed: Replayed): object {
  const { replay, reading } = replayed;
  const json = (change: Difference['change']) =>
    replay.differences.filter((difference) => difference.change === change).map(differenceJson);
  return {
    files: reading.files,
    lines: reading.lines,
    otherLines: reading.otherLines,
    from: replay.firstSeen ?? null,
    to: replay.lastSeen ?? null,
    judged: replay.judged,
    wouldRefuse: json('refused'),
    wouldAllow: json('allowed'),
    otherEntry: json('otherEntry'),
    moreDifferences: replay.moreDifferences,
    otherReasons: replay.otherReasons,
    notJudged: Object.fromEntries(replay.notJudged.entries.map(({ value, count }) => [value, count])),
    missingLines: replay.missing,
    notes: notesOf(replayed),
  };
}

function differenceJson(difference: Difference): object {
  const { direction, who, isEntry, reason, command, associations, commands, firstSeen, lastSeen } =
    difference;
  return {
    modality: isEntry ? who : null,
    callingAeTitle: isEntry ? null : who,
    direction,
    reason,
    command: command === '' ? null : command,
    associations,
    commands,
    firstSeen,
    lastSeen,
    details: difference.details.entries,
    sourceAddresses: difference.sourceAddresses.values,
  };
}

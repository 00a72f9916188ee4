/**
 * What `aegis observe report` prints: each entry with what it would have refused and the keys that would allow it.
 * Text from the log is quoted or escaped here.
 */
import type { Configuration, ModalityConfiguration } from '../../config/schema';
import { allowanceOf } from '../../observe/allowance';
import {
  EntryObservations,
  type ObservedDenial,
  type SeenRequest,
  type Tally,
} from '../../observe/entryObservations';
import type { Observations } from '../../observe/observations';
import { reasons } from '../../policy/reasons';
import { describeMode } from '../../policy/words';
import { endMs } from '../../text/moments';
import { formatPath } from '../../text/problems';
import { countOf, escapeUnsafe, quoteValue } from '../../text/quote';
import { hangingLines } from '../../text/table';
import { describeReading, type LogReading } from '../recorded/readLogs';

interface ReadSince extends LogReading {
  /** Older lines do not count. */
  readonly since: string | undefined;
}

/** More values than these would bury the line. */
const MAX_VALUES_SHOWN = 10;
const MAX_REQUESTS_SHOWN = 20;
/** A restriction to more SOP classes than these is not one that anybody keeps up. */
const MAX_SOP_CLASSES_SUGGESTED = 20;

interface NamedEntry {
  readonly name: string;
  readonly configuration: ModalityConfiguration;
  readonly observed: EntryObservations;
}

/** Those in observe mode, whatever was seen of them, and others of which there is something to say. */
function entriesToTell(configuration: Configuration, observations: Observations): NamedEntry[] {
  return Object.entries(configuration.modalities)
    .map(([name, entry]) => ({
      name,
      configuration: entry,
      observed: observations.of(name) ?? new EntryObservations(undefined),
    }))
    .filter(({ configuration: { mode }, observed }) => mode === 'observe' || observed.findings.size > 0);
}

export function wouldDenyAnything(configuration: Configuration, observations: Observations): boolean {
  return entriesToTell(configuration, observations).some(({ observed }) => observed.wouldDeny.length > 0);
}

export function reportObservations(
  configuration: Configuration,
  observations: Observations,
  reading: ReadSince,
  now: Date,
): string {
  const entries = entriesToTell(configuration, observations);
  return [
    ...entries.flatMap((entry) => [...describeEntry(entry, now), '']),
    ...(entries.length === 0 ? ['no entry is in observe mode, and nothing was denied', ''] : []),
    ...(observations.unmatched.denied.length === 0
      ? []
      : ['no entry matched:', ...describeDenials('denied', observations.unmatched.denied), '']),
    ...describeRead(observations, reading),
    '',
  ]
    .flatMap(laidOut)
    .join('\n');
}

/** The keys go into a configuration: what continues a comment is one too. */
function laidOut(line: string): string[] {
  const margin = line.length - line.trimStart().length;
  const mark = line.trimStart().startsWith('//') ? '// ' : '';
  return hangingLines(line, margin + 2 + mark.length).map((part, index) =>
    index === 0 ? part : `${' '.repeat(margin)}${mark}  ${part.trimStart()}`,
  );
}

function describeEntry({ name, configuration, observed }: NamedEntry, now: Date): string[] {
  const path = formatPath(['modalities', name]);
  const { firstSeen, lastSeen, wouldDeny, denied, allowedByNow } = observed;
  const lines = [`${path}: ${modeOf(configuration, now)}`];
  if (firstSeen === undefined) {
    return [...lines, '  nothing was seen of it: wait, or find out whether it reaches the gateway at all'];
  }
  const counts = [countOf(observed.associations, 'association'), countOf(observed.requests, 'request')];
  if (observed.mostAssociations > 0) counts.push(`at most ${observed.mostAssociations} at a time`);
  lines.push(`  ${firstSeen} to ${lastSeen}: ${counts.join(', ')}`);
  if (allowedByNow > 0)
    lines.push(`  logged as would-deny, and allowed by the entry as it is now: ${allowedByNow}`);
  if (wouldDeny.length > 0) {
    lines.push(
      '',
      ...describeDenials('would be denied', wouldDeny),
      '',
      ...describeAllowance(path, observed),
    );
  } else if (configuration.mode === 'observe') {
    lines.push(
      '  nothing was seen that would be denied: set mode to "enforce"',
      ...describeNarrower(observed),
    );
  }
  if (denied.length > 0) lines.push('', ...describeDenials('denied', denied));
  return lines;
}

function modeOf(configuration: ModalityConfiguration, now: Date): string {
  const { mode, observeUntil } = configuration;
  const isOver = observeUntil !== undefined && now.getTime() >= (endMs(observeUntil) ?? 0);
  return describeMode({ isObserved: mode === 'observe' && !isOver, configuration }) ?? 'enforce';
}

function describeDenials(title: string, findings: readonly ObservedDenial[]): string[] {
  const width = Math.max(...findings.map(({ count }) => String(count).length));
  return [
    `  ${title}:`,
    ...findings.flatMap((finding) => [
      `    ${String(finding.count).padStart(width)}  ${describeReason(finding)}`,
      ...[...detailsOf(finding)].map((line) => `    ${' '.repeat(width)}  ${line}`),
    ]),
  ];
}

function describeReason({ reason, direction }: ObservedDenial): string {
  const where = direction === 'egress' ? ' (what the archive sends)' : '';
  const text = Object.hasOwn(reasons, reason) ? `: ${reasons[reason as keyof typeof reasons].text}` : '';
  return `${escapeUnsafe(reason === '' ? 'without a reason' : reason)}${text}${where}`;
}

function* detailsOf(finding: ObservedDenial): Generator<string> {
  const { firstSeen, lastSeen, requests } = finding;
  yield firstSeen === lastSeen ? firstSeen : `${firstSeen} to ${lastSeen}`;
  const who = [
    describeTally('from', finding.sourceAddresses),
    describeTally('as', finding.callingAeTitles),
    describeTally('calls', finding.calledAeTitles),
  ].filter((text) => text !== '');
  if (who.length > 0) yield who.join('; ');
  const shown = requests.entries.slice(0, MAX_REQUESTS_SHOWN);
  const width = Math.max(0, ...shown.map(({ count }) => String(count).length));
  for (const { value, count } of shown) yield `${String(count).padStart(width)}  ${describeRequest(value)}`;
  const more = requests.entries.length - shown.length;
  if (more > 0 || requests.others > 0)
    yield `and ${requests.others > 0 ? 'many' : more} more kinds of requests`;
}

function describeTally(word: string, tally: Tally<string>): string {
  const { entries, others } = tally;
  if (entries.length === 0) return '';
  const shown = entries.slice(0, MAX_VALUES_SHOWN).map(({ value }) => escapeUnsafe(value));
  const more = entries.length - shown.length;
  const rest = others > 0 ? ' and many more' : more > 0 ? ` and ${more} more` : '';
  return `${word} ${shown.join(', ')}${rest}`;
}

function describeRequest({ command, sopClass, moveDestination }: SeenRequest): string {
  const destination = moveDestination === undefined ? '' : ` to ${quoteValue(moveDestination)}`;
  return `${escapeUnsafe(command)} ${escapeUnsafe(sopClass)}${destination}`;
}

function describeAllowance(path: string, observed: EntryObservations): string[] {
  const { keys, impossible, withoutUpstream } = allowanceOf(observed);
  const lines = Object.entries(keys).map(([key, value]) => `    ${formatKey(key, value)}`);
  return [
    ...(lines.length === 0 ? [] : [`  to allow it, in ${path}:`, ...lines, ...describeNarrower(observed)]),
    ...(observed.wouldDeny.some(({ reason }) => reason === 'store-rule')
      ? [`  no key allows what storeRules refuse: look at "detail" in the audit log, and change the rules`]
      : []),
    ...impossible.map((request) => `  no key allows ${describeRequest(request)}`),
    ...withoutUpstream.map((title) => `  no upstream is ${quoteValue(title)} any more`),
    ...(observed.hasMoreKinds
      ? ['  there is more than can be judged at once: add these keys and look again']
      : []),
  ];
}

/** Not needed to allow anything, and yet what an entry in force should say. */
function describeNarrower(observed: EntryObservations): string[] {
  const { storedSopClasses } = allowanceOf(observed);
  if (storedSopClasses.length === 0 || storedSopClasses.length > MAX_SOP_CLASSES_SUGGESTED) return [];
  return [`    // it stored nothing else: ${formatKey('storeSopClasses', storedSopClasses)}`];
}

/** `"allow": ["echo", "store"],`. */
function formatKey(key: string, value: unknown): string {
  const text = Array.isArray(value)
    ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
    : JSON.stringify(value);
  return `"${key}": ${text},`;
}

function describeRead({ unknownEntries }: Observations, { since, ...reading }: ReadSince): string[] {
  const when = since === undefined ? '' : `, of which those before ${since} do not count`;
  const unknown = unknownEntries.entries.map(({ value, count }) => `${escapeUnsafe(value)} (${count})`);
  return [
    ...describeReading(reading, when),
    ...(unknown.length === 0
      ? []
      : [
          `lines of entries that are not in the configuration: ${unknown.slice(0, MAX_VALUES_SHOWN).join(', ')}`,
        ]),
  ];
}

/** For machines. */
export function observationsJson(
  configuration: Configuration,
  observations: Observations,
  reading: ReadSince,
): object {
  return {
    wouldDeny: wouldDenyAnything(configuration, observations),
    files: reading.files,
    since: reading.since ?? null,
    lines: reading.lines,
    otherLines: reading.otherLines,
    modalities: entriesToTell(configuration, observations).map(({ name, configuration: entry, observed }) => {
      const { keys, impossible, withoutUpstream, storedSopClasses } = allowanceOf(observed);
      return {
        modality: name,
        mode: entry.mode,
        observeUntil: entry.observeUntil ?? null,
        firstSeen: observed.firstSeen ?? null,
        lastSeen: observed.lastSeen ?? null,
        associations: observed.associations,
        mostAssociations: observed.mostAssociations,
        requests: observed.requests,
        allowedByNow: observed.allowedByNow,
        wouldDeny: observed.wouldDeny.map(denialJson),
        keys,
        impossible,
        withoutUpstream,
        storedSopClasses,
        isComplete: !observed.hasMoreKinds,
        denied: observed.denied.map(denialJson),
      };
    }),
    unmatched: observations.unmatched.denied.map(denialJson),
    unknownEntries: observations.unknownEntries.values,
  };
}

function denialJson(finding: ObservedDenial): object {
  const { reason, direction, count, firstSeen, lastSeen, requests } = finding;
  return {
    reason,
    direction,
    count,
    firstSeen,
    lastSeen,
    callingAeTitles: finding.callingAeTitles.values,
    calledAeTitles: finding.calledAeTitles.values,
    sourceAddresses: finding.sourceAddresses.values,
    requests: requests.entries.map(({ value, count: times }) => ({ ...value, count: times })),
  };
}

/**
 * The work of `aegis audit query`: the lines of audit logs that were asked for, as a table or as they are. Holds the newest
 * ones that it shows, never a whole log. Changes nothing.
 */
import { statSync } from 'node:fs';
import { OperatorError } from '../../errors';
import type { AuditLine } from '../../observe/auditLines';
import { timesOf } from '../../observe/entryObservations';
import { reasons } from '../../policy/reasons';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { parseAddressBlock } from '../../text/addresses';
import type { Tone } from '../../text/display';
import { countOf, nearestOf, quoteValue } from '../../text/quote';
import { hangingLines, textTable } from '../../text/table';
import { filterOf, type LogFilter } from '../recorded/logFilter';
import { auditFilesOf, configurationFor, describeReading, readLogs } from '../recorded/readLogs';

interface QueryOptions extends GlobalOptions, LogFilter {
  readonly lines?: number;
  readonly reverse?: boolean;
}

/** More rows than these are not read by a person. */
const MAX_ROWS = 1000;
/** Lines that are printed at once. */
const BATCH = 1000;

export async function queryLogs(
  context: CommandContext,
  options: QueryOptions,
  names: readonly string[],
): Promise<void> {
  checkValues(options);
  const configuration = configurationFor(options, names);
  const files =
    names.length > 0 ? names : newerThan(options.since, auditFilesOf(configuration!, 'audit query'));
  const isStreamed = options.json === true && options.lines === undefined && options.reverse !== true;
  const newest = new Newest(isStreamed ? BATCH : (options.lines ?? MAX_ROWS));
  const isWanted = filterOf(options, configuration);
  const print = (texts: readonly string[]) => texts.length > 0 && context.print(`${texts.join('\n')}\n`);
  const reading = await readLogs(
    files,
    (line, text) => {
      if (!isWanted(line)) return;
      if (isStreamed && newest.isFull) print(newest.take().map((found) => found.text));
      newest.add({ line, text });
    },
    context,
  );
  const found = newest.take();
  if (options.reverse === true) found.reverse();
  if (options.json === true) {
    print(found.map(({ text }) => text));
    return;
  }
  const more =
    newest.count > found.length
      ? `; the newest ${found.length} are shown, --lines shows more, --json all`
      : '';
  print([
    ...(found.length === 0 ? [] : [...table(found.map(({ line }) => line)), '']),
    ...hangingLines(`${countOf(newest.count, 'line')} found${standingFor(newest)}${more}`, 2),
    ...describeReading(reading, '').flatMap((text) => hangingLines(text, 2)),
  ]);
}

/** A sum is one line. People ask how often something happened. */
function standingFor({ count, events }: Newest): string {
  return events === count ? '' : `, which stand for ${countOf(events, 'event')}`;
}

/** Other lines count something else: what the log lacks, alerts of a message. */
function isSum({ count, until }: AuditLine): boolean {
  return count !== undefined && until !== undefined;
}

/** What the command line itself cannot check without loading what the gateway is made of. */
function checkValues({ reason = [], from = [], since, until }: LogFilter): void {
  if (since !== undefined && until !== undefined && until <= since) {
    throw new OperatorError(`--until ${until} is not after --since ${since}, so no line can be between them`);
  }
  for (const code of reason) {
    if (Object.hasOwn(reasons, code)) continue;
    const nearest = nearestOf(code, Object.keys(reasons));
    const accepted =
      nearest === undefined ? 'docs/reasons.md has the list' : `did you mean ${quoteValue(nearest)}?`;
    throw new OperatorError(`--reason ${quoteValue(code)} is not a reason; ${accepted}`);
  }
  for (const address of from) {
    if (parseAddressBlock(address) !== undefined) continue;
    throw new OperatorError(
      `--from ${quoteValue(address)} is not an IP address or a CIDR block such as 10.1.3.0/24`,
    );
  }
}

/** Without the rotated files that were written before; the first one is the file itself. */
function newerThan(since: string | undefined, [file, ...rotated]: readonly string[]): string[] {
  const isNewer = (name: string) => {
    const status = statSync(name, { throwIfNoEntry: false });
    return since === undefined || (status !== undefined && status.mtime.toISOString() >= since);
  };
  return [file!, ...rotated.filter(isNewer)];
}

interface Found {
  readonly line: AuditLine;
  readonly text: string;
}

/** The last ones that were added. */
class Newest {
  readonly #limit: number;
  #kept: Found[] = [];
  #count = 0;
  #events = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** All that were ever added. */
  get count(): number {
    return this.#count;
  }

  /** What they stand for. */
  get events(): number {
    return this.#events;
  }

  get isFull(): boolean {
    return this.#kept.length >= this.#limit;
  }

  add(found: Found): void {
    this.#count += 1;
    this.#events += isSum(found.line) ? timesOf(found.line) : 1;
    this.#kept.push(found);
    if (this.#kept.length > 2 * this.#limit) this.#kept = this.#kept.slice(-this.#limit);
  }

  take(): Found[] {
    const taken = this.#kept.slice(-this.#limit);
    this.#kept = [];
    return taken;
  }
}

const TONES: Readonly<Record<string, Tone>> = {
  allowed: 'ok',
  denied: 'refused',
  failed: 'refused',
  'would-deny': 'warning',
};

function table(lines: readonly AuditLine[]): string[] {
  return textTable([['time (UTC)', 'outcome', 'who', 'what'], ...lines.map(rowOf)], {
    hasHeadings: true,
    fits: ['whole', 'whole', 'words', 'words'],
    tone: (cell, column) => (column === 1 ? TONES[cell] : undefined),
  });
}

/** The reason comes first: it is what a person looks for. Texts that came from the network are escaped by the table. */
function rowOf(whole: AuditLine): string[] {
  const { time, outcome, event, ...line } = whole;
  const who = [line.modality ?? line.callingAeTitle, line.sourceAddress];
  const what = [line.reason, event, line.command, line.sopClass, line.moveDestination, line.status];
  return [
    time.slice(0, 19).replace('T', ' '),
    outcome,
    words(who),
    words(line.reason === undefined || isSum(whole) ? [...what, line.detail] : what),
  ];
}

function words(parts: readonly unknown[]): string {
  return parts
    .filter((part) => part !== undefined)
    .map(String)
    .join(' ');
}

/**
 * What was seen of one entry: counts, and each kind of thing once. Bounded, whatever the log holds. Judges nothing.
 */
import type { CommandRequest } from '../policy/decide';
import type { CompiledModality, CompiledUpstream } from '../policy/policy';
import type { ReasonCode } from '../policy/reasons';
import type { AuditLine } from './auditLines';

/** A kind of request, as the audit log names it. */
export interface SeenRequest {
  /** `C-STORE`. */
  readonly command: string;
  /** Keyword or UID. */
  readonly sopClass: string;
  readonly moveDestination?: string;
}

/** What was refused, or would be, for one reason. */
export interface ObservedDenial {
  readonly outcome: 'would-deny' | 'denied';
  readonly direction: 'ingress' | 'egress';
  /** A reason code; of another version of the log maybe one that is not known here. */
  readonly reason: string;
  count: number;
  firstSeen: string;
  lastSeen: string;
  readonly callingAeTitles: Tally<string>;
  readonly calledAeTitles: Tally<string>;
  readonly sourceAddresses: Tally<string>;
  readonly requests: Tally<SeenRequest>;
}

/** A kind of request that was relayed, and why the entry, if it enforced, would refuse it. */
export interface JudgedRequest extends SeenRequest {
  readonly request: CommandRequest;
  readonly denial: ReasonCode | undefined;
}

/** An AE title that was called, and the upstream that it means, or why the entry may not call it. */
interface JudgedCall {
  readonly calledAeTitle: string;
  readonly upstream: CompiledUpstream | undefined;
  readonly denial: ReasonCode | undefined;
}

/** No device has more kinds of requests than these; further ones are reported, not judged. */
export const MAX_KINDS = 2000;

/** What was seen of one entry. */
export class EntryObservations {
  associations = 0;
  requests = 0;
  firstSeen: string | undefined;
  lastSeen: string | undefined;
  /** Logged as `would-deny`, and allowed by the entry as it is now. */
  allowedByNow = 0;
  /** Concurrent associations, at most; 0 where nothing is known of it. */
  mostAssociations = 0;
  /** There were more kinds of requests than are judged. */
  hasMoreKinds = false;
  readonly findings = new Map<string, ObservedDenial>();
  readonly requestByKind = new Map<string, JudgedRequest>();
  readonly callByTitle = new Map<string, JudgedCall>();

  /** The entry as if it enforced; undefined for callers that are in no entry. */
  readonly modality: CompiledModality | undefined;

  constructor(modality: CompiledModality | undefined) {
    this.modality = modality;
  }

  get wouldDeny(): readonly ObservedDenial[] {
    return this.#denialsOf('would-deny');
  }

  get denied(): readonly ObservedDenial[] {
    return this.#denialsOf('denied');
  }

  #denialsOf(outcome: ObservedDenial['outcome']): readonly ObservedDenial[] {
    return [...this.findings.values()]
      .filter((finding) => finding.outcome === outcome)
      .sort((one, other) => other.count - one.count);
  }
}

/** Adds the line to what its entry was, or would be, refused for this reason. */
export function countDenial(
  entry: EntryObservations,
  line: AuditLine,
  outcome: ObservedDenial['outcome'],
  reason: string,
): void {
  const direction = line.direction === 'egress' ? 'egress' : 'ingress';
  const key = [outcome, direction, reason].join(' ');
  const finding = entry.findings.get(key) ?? {
    outcome,
    direction,
    reason,
    count: 0,
    firstSeen: line.time,
    lastSeen: line.time,
    callingAeTitles: new Tally<string>(),
    calledAeTitles: new Tally<string>(),
    sourceAddresses: new Tally<string>(),
    requests: new Tally<SeenRequest>(),
  };
  // One for each reason. There are about seventy; a log with many others is not ours.
  if (!entry.findings.has(key) && entry.findings.size < MAX_KINDS) entry.findings.set(key, finding);
  const count = timesOf(line);
  finding.count += count;
  finding.firstSeen = earlier(finding.firstSeen, line.time);
  finding.lastSeen = later(finding.lastSeen, line.time);
  for (const [tally, value] of [
    [finding.callingAeTitles, line.callingAeTitle],
    [finding.calledAeTitles, line.calledAeTitle],
    [finding.sourceAddresses, line.sourceAddress],
  ] as const) {
    if (textIn(value) !== '') tally.add(textIn(value), textIn(value), count);
  }
  const seen = seenRequest(line);
  if (seen.command !== '') finding.requests.add(kindOf(seen), seen, count);
}

/** One line can stand for many requests. */
export function timesOf({ count }: AuditLine): number {
  return Number.isSafeInteger(count) && Number(count) > 0 ? Number(count) : 1;
}

/** Whether the line says all that a decision on its command depends on. A sum leaves out what its events do not share. */
export function saysRequest({ count, command, sopClass, moveDestination }: AuditLine): boolean {
  if (count === undefined) return true;
  const needed = [command, sopClass, ...(command === 'C-MOVE' ? [moveDestination] : [])];
  return needed.every((fact) => typeof fact === 'string');
}

export function seenRequest({ command, sopClass, moveDestination }: AuditLine): SeenRequest {
  return {
    command: textIn(command),
    sopClass: textIn(sopClass),
    ...(typeof moveDestination === 'string' ? { moveDestination } : {}),
  };
}

export function kindOf({ command, sopClass, moveDestination }: SeenRequest): string {
  return [command, sopClass, ...(moveDestination === undefined ? [] : [moveDestination])].join('\n');
}

export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function earlier(one: string | undefined, other: string): string {
  return one !== undefined && one < other ? one : other;
}

export function later(one: string | undefined, other: string): string {
  return one !== undefined && one > other ? one : other;
}

/** Nobody reads more distinct AE titles, addresses or kinds of requests than these; the rest is one number. */
const MAX_DISTINCT = 200;

export class Tally<Value> {
  readonly #countByKey = new Map<string, { readonly value: Value; count: number }>();
  /** How often something came that was not among the first 200. */
  others = 0;

  add(key: string, value: Value, times = 1): void {
    const known = this.#countByKey.get(key);
    if (known !== undefined) known.count += times;
    else if (this.#countByKey.size < MAX_DISTINCT) this.#countByKey.set(key, { value, count: times });
    else this.others += times;
  }

  /** The most frequent first. */
  get entries(): readonly { readonly value: Value; readonly count: number }[] {
    return [...this.#countByKey.values()].sort((one, other) => other.count - one.count);
  }

  get values(): readonly Value[] {
    return [...this.#countByKey.values()].map(({ value }) => value);
  }
}

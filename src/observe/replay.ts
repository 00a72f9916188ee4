/**
 * Recorded traffic judged by a policy: which verdict each line of an audit log gets, and what is different from before.
 * Asks the functions that decide on live traffic, once for each distinct request. Knows no files and prints nothing.
 */
import type { Policy } from '../policy/policy';
import type { AuditLine } from './auditLines';
import { earlier, later, Tally, timesOf } from './entryObservations';
import { judge, type Verdict } from './judgeRecorded';
import { type RecordedRequest, recordedRequest, Unjudgeable } from './recordedRequests';

/** Requests that are decided otherwise, or that count for another entry. */
export interface Difference {
  readonly change: 'refused' | 'allowed' | 'otherEntry';
  readonly direction: 'ingress' | 'egress';
  /** The entry; without one, the calling AE title. */
  readonly who: string;
  readonly isEntry: boolean;
  /** Of the refusal, as it will be or as it was; of another entry, its name. */
  readonly reason: string;
  /** Empty: the association itself, and so every command on it. */
  readonly command: string;
  associations: number;
  commands: number;
  firstSeen: string;
  lastSeen: string;
  /** SOP classes, and destinations of C-MOVE. */
  readonly details: Tally<string>;
  readonly sourceAddresses: Tally<string>;
}

/** Requests that are the same, decided once. */
interface Cell {
  readonly recorded: RecordedRequest;
  readonly after: Verdict;
  count: number;
  firstSeen: string;
  lastSeen: string;
}

/** A hospital has thousands. A scan by an attacker has more: then what there is so far is summed up. */
const MAX_CELLS = 100_000;
/** Nobody reads more of them. Further ones are one number. */
const MAX_DIFFERENCES = 5000;
const MAX_CERTIFICATES = 100_000;

export class Replay {
  readonly #policy: Policy;
  readonly #cells = new Map<string, Cell>();
  readonly #differences = new Map<string, Difference>();
  readonly #spkiByFingerprint = new Map<string, string>();
  readonly #otherReasons = new Tally<string>();
  readonly #assumed = new Map<NonNullable<Verdict['assumed']>, number>();
  /** By why: what a policy alone does not decide. */
  readonly notJudged = new Tally<string>();
  /** Differences beyond those that are kept. */
  moreDifferences = 0;
  judged = 0;
  /** Lines that the gateway could not write, by its own count. */
  missing = 0;
  firstSeen: string | undefined;
  lastSeen: string | undefined;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  add(line: AuditLine): void {
    this.firstSeen = earlier(this.firstSeen, line.time);
    this.lastSeen = later(this.lastSeen, line.time);
    const times = timesOf(line);
    if (line.event === 'audit.resumed') this.missing += times;
    const key = keyOf(line);
    const known = this.#cells.get(key);
    if (known !== undefined) {
      this.judged += times;
      known.count += times;
      known.firstSeen = earlier(known.firstSeen, line.time);
      known.lastSeen = later(known.lastSeen, line.time);
      return;
    }
    this.#learn(line);
    const recorded = recordedRequest(line, this.#spkiByFingerprint);
    if (recorded === undefined) return;
    if (recorded instanceof Unjudgeable) {
      this.notJudged.add(recorded.why, recorded.why, times);
      return;
    }
    this.judged += times;
    if (this.#cells.size >= MAX_CELLS) this.#sumUp();
    const after = judge(this.#policy, recorded);
    this.#cells.set(key, { recorded, after, count: times, firstSeen: line.time, lastSeen: line.time });
  }

  /** Those with the most requests first. */
  get differences(): readonly Difference[] {
    this.#sumUp();
    const size = ({ associations, commands }: Difference) => associations + commands;
    return [...this.#differences.values()].sort((one, other) => size(other) - size(one));
  }

  /** Requests that stay refused, for another reason. */
  get otherReasons(): number {
    this.#sumUp();
    return this.#otherReasons.entries.reduce((sum, { count }) => sum + count, this.#otherReasons.others);
  }

  /** Requests whose verdict rests on something that the log does not say. */
  assumed(what: NonNullable<Verdict['assumed']>): number {
    this.#sumUp();
    return this.#assumed.get(what) ?? 0;
  }

  #learn({ tls }: AuditLine): void {
    const { fingerprint256, spkiSha256 } = (tls ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof fingerprint256 !== 'string' || typeof spkiSha256 !== 'string') return;
    if (this.#spkiByFingerprint.size < MAX_CERTIFICATES)
      this.#spkiByFingerprint.set(fingerprint256, spkiSha256);
  }

  #sumUp(): void {
    for (const cell of this.#cells.values()) {
      const { recorded: before, after, count } = cell;
      if (after.assumed !== undefined) {
        this.#assumed.set(after.assumed, (this.#assumed.get(after.assumed) ?? 0) + count);
      }
      if (before.allowed && !after.allowed) this.#differ('refused', after.reason, after.gate, cell);
      else if (!before.allowed && after.allowed) this.#differ('allowed', before.reason, gateOf(cell), cell);
      else if (!before.allowed && before.reason !== after.reason) {
        this.#otherReasons.add(after.reason, after.reason, count);
      } else if (
        before.allowed &&
        before.modality !== after.modality &&
        cell.recorded.kind === 'association'
      ) {
        this.#differ('otherEntry', after.modality ?? '', 'association', cell);
      }
    }
    this.#cells.clear();
  }

  #differ(change: Difference['change'], reason: string, gate: Verdict['gate'], cell: Cell): void {
    const { recorded, after, count, firstSeen, lastSeen } = cell;
    const entry = recorded.modality ?? after.modality;
    const who = entry ?? (recorded.association.callingAeTitle || recorded.association.sourceAddress);
    const command = gate === 'command' ? recorded.commandName : '';
    const key = [change, recorded.direction, entry === undefined, who, reason, command].join('\n');
    const known = this.#differences.get(key);
    if (known === undefined && this.#differences.size >= MAX_DIFFERENCES) {
      this.moreDifferences += count;
      return;
    }
    const difference = known ?? {
      change,
      direction: recorded.direction,
      who,
      isEntry: entry !== undefined,
      reason,
      command,
      associations: 0,
      commands: 0,
      firstSeen,
      lastSeen,
      details: new Tally<string>(),
      sourceAddresses: new Tally<string>(),
    };
    this.#differences.set(key, difference);
    difference[recorded.kind === 'command' ? 'commands' : 'associations'] += count;
    difference.firstSeen = earlier(difference.firstSeen, firstSeen);
    difference.lastSeen = later(difference.lastSeen, lastSeen);
    const { sourceAddress } = recorded.association;
    difference.sourceAddresses.add(sourceAddress, sourceAddress, count);
    if (command === '') return;
    const to = recorded.moveDestination === undefined ? '' : ` to ${recorded.moveDestination}`;
    difference.details.add(recorded.sopClass + to, recorded.sopClass + to, count);
  }
}

function gateOf({ recorded }: Cell): Verdict['gate'] {
  return recorded.kind === 'command' ? 'command' : 'association';
}

/** Everything that a verdict depends on. */
function keyOf(line: AuditLine): string {
  const { tls } = line;
  const { fingerprint256, untrusted } = (tls ?? {}) as Readonly<Record<string, unknown>>;
  return `${line.event}\n${line.outcome}\n${line.reason}\n${line.direction}\n${line.listener}\n${line.sourceAddress}\n${line.callingAeTitle}\n${line.calledAeTitle}\n${line.modality}\n${line.command}\n${line.requestor}\n${line.sopClass}\n${line.moveDestination}\n${fingerprint256}\n${untrusted !== undefined}\n${tls === undefined}`;
}

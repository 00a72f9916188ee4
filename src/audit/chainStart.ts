/**
 * Where the chain goes on when the gateway starts: looks at the end of the audit log file, compares it with what the
 * gateway remembers, and says what is different. Never breaks a chain by itself: where lines are missing, it goes on behind
 * them, so that the gap stays for `aegis audit verify`. Writes nothing.
 */
import { statSync } from 'node:fs';
import { countOf } from '../text/quote';
import type { ChainState, ReadState } from './chainState';
import type { AuditEvent } from './events';
import { type ChainEnd, readChainEnd } from './fileEnds';
import { type Head, hashOf, NOTHING_BEFORE } from './lineChain';
import { rotatedFilesOf } from './rotatedFiles';

export interface ChainStart {
  readonly head: Head;
  /** What `head.hash` is of; undefined where the file does not end with it. */
  readonly text?: string;
  /** The file is not what the gateway remembers, or the gateway was killed. */
  readonly findings: readonly AuditEvent[];
}

export function startOfChain(file: string, remembered: ReadState): ChainStart {
  const state = remembered !== undefined && 'seq' in remembered ? remembered : undefined;
  const seq = state?.seq ?? 0;
  const end = readChainEnd(file, seq) ?? endOfRotated(file, seq);
  if (state !== undefined) return compared(state, end, isEmpty(file));
  if (end === undefined) return { head: { seq: 0, hash: NOTHING_BEFORE }, findings: [] };
  const why =
    remembered !== undefined && 'unreadable' in remembered
      ? remembered.unreadable
      : 'stateDirectory has no audit-chain.json of this file';
  const detail = `${why}, so it is not known whether the end of the audit log file was cut off; it ends with number ${end.link.seq}`;
  return {
    ...behind(end),
    findings: [{ event: 'audit.broken', outcome: 'info', detail }, ...ofOthers(end, false)],
  };
}

function compared(state: ChainState, end: ChainEnd | undefined, isEmptied: boolean): ChainStart {
  const { seq, hash, isClosed } = state;
  const remembered = { seq, hash };
  if (end === undefined) {
    if (seq === 0) return { head: remembered, findings: [] };
    const found = isEmptied ? 'is empty' : 'has no line of the chain at its end';
    return {
      head: remembered,
      findings: [broken(`the file ${found}; the last line written was number ${seq}`)],
    };
  }
  if (end.link.seq < seq) {
    const missing = seq - end.link.seq;
    const detail = `${countOf(missing, 'line')} that the gateway wrote ${missing === 1 ? 'is' : 'are'} missing at the end: the file ends with number ${end.link.seq}, not ${seq}`;
    return { head: remembered, findings: [broken(detail, missing)] };
  }
  const found = end.hashAt(seq);
  const isSame = found === undefined || found === hash || isFollowedByOthers(end, state);
  if (!isSame) {
    const head = end.link.seq === seq ? remembered : behind(end).head;
    return { head, findings: [broken(`number ${seq} is not as the gateway wrote it`)] };
  }
  const added = end.link.seq - seq;
  if (isClosed && added > 0) {
    return {
      ...behind(end),
      findings: [broken(`${countOf(added, 'line')} were added after the gateway stopped`, added)],
    };
  }
  return { ...behind(end), findings: ofOthers(end, isClosed) };
}

/** The line itself is the same, and something stands behind it, which is spoken of elsewhere. */
function isFollowedByOthers(end: ChainEnd, { seq, hash }: ChainState): boolean {
  return end.link.seq === seq && end.others > 0 && hashOf(end.text.split('\n', 1)[0] ?? '') === hash;
}

/** The next line is linked to all of it. So whatever is there now can no longer be changed unseen. */
function behind({ link, text }: ChainEnd): { readonly head: Head; readonly text: string } {
  return { head: { seq: link.seq, hash: hashOf(text.slice(0, -1)) }, text };
}

function ofOthers({ others, isCut, link }: ChainEnd, isClosed: boolean): AuditEvent[] {
  if (others === 0) return [];
  if (isClosed) {
    return [
      broken(
        `${countOf(others, 'line')} behind number ${link.seq} ${others === 1 ? 'was' : 'were'} added after the gateway stopped`,
        others,
      ),
    ];
  }
  const what =
    isCut && others === 1
      ? 'the last line is not complete'
      : `${countOf(others, 'line')} at the end ${others === 1 ? 'has' : 'have'} no place in the chain: workers wrote them when the first process was gone`;
  const detail = `the gateway did not stop in order, and ${what}`;
  return [{ event: 'audit.resumed', outcome: 'info', detail, count: others }];
}

export function broken(detail: string, count?: number): AuditEvent {
  const whole = `the audit log file is not what the gateway wrote: ${detail}`;
  return {
    event: 'audit.broken',
    outcome: 'failed',
    detail: whole,
    ...(count === undefined ? {} : { count }),
  };
}

/** Of the newest file that it was rotated to. What is compressed is not looked into: that could take minutes. */
export function endOfRotated(file: string, seq: number): ChainEnd | undefined {
  const modifiedMs = (name: string) => statSync(name, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const [newest] = rotatedFilesOf(file)
    .filter((name) => !name.endsWith('.gz'))
    .map((name) => ({ name, time: modifiedMs(name) }))
    .sort((one, other) => other.time - one.time);
  return newest === undefined ? undefined : readChainEnd(newest.name, seq);
}

function isEmpty(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.size === 0;
}

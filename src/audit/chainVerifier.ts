/**
 * Judges the lines of audit log files, the oldest first, by their chain: what was changed, taken away, moved or added, and
 * how far it is signed. Holds one line, and what is between it and the next. Reads no file and shows nothing.
 */
import type { KeyObject } from 'node:crypto';
import { countOf } from '../text/quote';
import {
  describeCutEnd,
  describeSealed,
  detailIn,
  type Fault,
  type FaultKind,
  faultOfGap,
  type Gap,
  isCut,
  Line,
  MAX_LISTED,
  type Note,
  type Place,
} from './chainFaults';
import { ChainRepeats } from './chainRepeats';
import { ChainSignatures } from './chainSignatures';
import type { ChainState } from './chainState';
import { hashOf, hashOfLine, type Link, linkOf, NOTHING_BEFORE } from './lineChain';

/** What the start of a gateway links to its first line is not longer than this. */
const MAX_OTHERS_LENGTH = 64 * 1024 * 1024;
/** The gateway found by itself that something was done to the log. Behind the time, which is of one length. */
const REPORTED = ',"event":"audit.broken","outcome":"failed"';
const REPORTED_AT = '{"time":"2026-11-30T10:00:00.000Z"'.length;

export interface Expected {
  /** Public keys that check-points may be signed with. */
  readonly keys: readonly KeyObject[];
  /** What the gateway remembers of the end. */
  readonly remembered?: ChainState | undefined;
  /** Not what the gateway writes itself: lines may have come twice. */
  readonly isCopy?: boolean;
}

export class ChainVerifier {
  readonly #signatures: ChainSignatures;
  readonly #remembered: ChainState | undefined;
  readonly #faults: Fault[] = [];
  readonly notes: Note[] = [];
  readonly #gaps: Gap[] = [];
  #moreFaults = 0;
  readonly #repeats = new ChainRepeats();
  readonly #isCopy: boolean;
  #file = '';
  #lineNumber = 0;
  #first: Line | undefined;
  #last: Line | undefined;
  #lines = 0;
  #others: string[] = [];
  #othersLength = 0;
  #firstOther: Line | undefined;

  constructor({ keys, remembered, isCopy = false }: Expected) {
    this.#isCopy = isCopy;
    this.#signatures = new ChainSignatures(keys);
    this.#remembered = remembered;
  }

  /** In the order in which they were found; of gaps, those that no line from elsewhere fills. */
  get faults(): readonly Fault[] {
    const missing = this.#gaps.filter((gap) => gap.missing > 0).map(faultOfGap);
    return [...this.#faults, ...missing, ...this.#signatures.faults];
  }

  /** Beyond those in `faults`. */
  get moreFaults(): number {
    return this.#moreFaults + this.#signatures.moreFaults;
  }

  /** Lines of the chain. */
  get lines(): number {
    return this.#lines;
  }

  get first(): Pick<Line, 'seq' | 'time'> | undefined {
    return this.#first;
  }

  get last(): Pick<Line, 'seq' | 'time'> | undefined {
    return this.#last;
  }

  /** The last check-point whose signature is right. */
  get signed(): Pick<Line, 'seq' | 'time'> | undefined {
    return this.#signatures.signed;
  }

  /** Check-points, with any signature. */
  get signatures(): number {
    return this.#signatures.count;
  }

  begin(file: string): void {
    this.#file = file;
    this.#lineNumber = 0;
  }

  add(text: string): void {
    this.#lineNumber += 1;
    const link = linkOf(text);
    if (link === undefined) {
      this.#addOther(text);
      return;
    }
    this.#lines += 1;
    const line = this.#line(text, link.seq);
    const last = this.#last;
    if (last === undefined) this.#begins(line, link);
    else if (link.seq <= last.seq && !this.#opensAnother(line, link, last)) return;
    else if (link.seq > last.seq) this.#follows(line, link, last);
    this.#last = line;
    this.#forgetOthers();
    if (text.startsWith(REPORTED, REPORTED_AT)) {
      this.#fault('reported', line, detailIn(text));
    }
    if (link.signature !== undefined) this.#add(this.#signatures.judge(line, link.signature));
  }

  /** After the last line of the last file. */
  end(): void {
    this.#settleRepeats();
    if (this.#firstOther !== undefined) this.#endsWithOthers(this.#firstOther);
    const last = this.#last;
    const remembered = this.#remembered;
    if (remembered !== undefined) this.#compareEnd(remembered, last);
    if (last !== undefined) this.#add(this.#signatures.judgeEnd(last));
  }

  #begins(line: Line, { seq, previous }: Link): void {
    this.#first = line;
    const isBeginning = seq === 1 && previous === NOTHING_BEFORE;
    if (this.#firstOther !== undefined) {
      const before = `${countOf(this.#others.length, 'line')} before number ${seq} of the chain`;
      if (isBeginning) this.#note(this.#firstOther, `${before}: not protected, the chain begins behind`);
      else this.#fault('added', this.#firstOther, `${before} have no place in it`, this.#others.length);
    } else if (!isBeginning && seq > 1) {
      this.#note(line, `begins with number ${seq} of the chain; older lines are not in these files`);
    }
    if (seq === 1 && !isBeginning) this.#fault('changed', line, 'number 1 is not the line that was written');
  }

  /** Whether the line opens a chain of its own. Else it is one that is not where it was written. */
  #opensAnother(line: Line, link: Link, last: Line): boolean {
    const { seq, previous } = link;
    const isBeginning = seq === 1 && previous === NOTHING_BEFORE && line.text !== this.#first!.text;
    if (isBeginning && (line.time ?? '') >= (last.time ?? '')) {
      this.#fault(
        'new chain',
        line,
        `another chain begins behind number ${last.seq}: audit-chain.json and the file were lost, somebody wrote the log again, or these are files of several gateways`,
      );
      return true;
    }
    const gap = this.#gaps.find(({ from, to, missing }) => missing > 0 && from <= seq && seq <= to);
    if (gap !== undefined) gap.missing -= 1;
    if (gap !== undefined || seq < this.#first!.seq) {
      this.#fault('moved', line, `number ${seq} stands behind number ${last.seq}`);
    } else this.#repeats.add(line, link, last);
    return false;
  }

  #follows(line: Line, { seq, previous }: Link, last: Line): void {
    this.#settleRepeats();
    const others = this.#others.length;
    const hash = others === 0 ? hashOfLine(last.text) : hashOf([last.text, ...this.#others].join('\n'));
    this.#compareHash(last, hash);
    const isLinked = previous === hash;
    if (others > 0) {
      if (isLinked) this.#note(this.#firstOther!, describeSealed(this.#others));
      else this.#faultOfOthers();
    }
    if (seq > last.seq + 1) {
      const gap = { from: last.seq + 1, to: seq - 1, place: line, missing: seq - last.seq - 1 };
      if (this.#gaps.length < MAX_LISTED) this.#gaps.push(gap);
      else this.#moreFaults += 1;
    } else if (!isLinked && (others === 0 || previous !== hashOfLine(last.text))) {
      this.#fault(
        'changed',
        last,
        `number ${last.seq} is not the line that was written; number ${seq} is linked to another`,
      );
    }
  }

  /** A chain that was written again as a whole fits by itself, but not with what the gateway remembers. */
  #compareHash(line: Line, hash: string): void {
    if (this.#remembered?.seq !== line.seq || this.#remembered.hash === hash || this.#others.length > 0)
      return;
    this.#fault('changed', line, `number ${line.seq} is not the line that the gateway remembers`);
  }

  #compareEnd({ seq, hash, isClosed }: ChainState, last: Line | undefined): void {
    const end = last?.seq ?? 0;
    const place = last ?? this.#line('', 0);
    if (seq > end) {
      const missing = seq - end;
      this.#fault('missing', place, describeCutEnd(missing, seq, last !== undefined), missing);
    } else if (
      seq === end &&
      last !== undefined &&
      this.#others.length === 0 &&
      hashOfLine(last.text) !== hash
    ) {
      this.#fault('changed', last, `number ${seq}, the last one, is not the line that the gateway remembers`);
    } else if (isClosed && seq < end) {
      this.#fault(
        'added',
        place,
        `${countOf(end - seq, 'line')} up to here came after the gateway had stopped at number ${seq}`,
        end - seq,
      );
    }
  }

  #endsWithOthers(first: Place): void {
    const last = this.#others.at(-1) ?? '';
    if (this.#others.length === 1 && isCut(last)) {
      this.#fault(
        'incomplete',
        first,
        'the last line is not complete: the gateway was killed, the disk was full, or the end was cut off',
      );
    } else this.#faultOfOthers();
  }

  #faultOfOthers(): void {
    const count = this.#others.length;
    this.#fault('added', this.#firstOther!, `${countOf(count, 'line')} without a place in the chain`, count);
  }

  #addOther(text: string): void {
    this.#firstOther ??= this.#line(text, 0);
    this.#othersLength += text.length;
    // So many can only be somebody else's: what is kept of them does not fit any link.
    this.#others.push(this.#othersLength > MAX_OTHERS_LENGTH ? '' : text);
  }

  #forgetOthers(): void {
    if (this.#firstOther === undefined) return;
    this.#firstOther = undefined;
    this.#others = [];
    this.#othersLength = 0;
  }

  #settleRepeats(): void {
    const { notes, faults } = this.#repeats.settle(this.#isCopy);
    this.notes.push(...notes);
    for (const fault of faults) this.#add(fault);
  }

  #line(text: string, seq: number): Line {
    return new Line(this.#file, this.#lineNumber, seq, text);
  }

  #note({ file, line, time }: Place, detail: string): void {
    this.notes.push({ file, line, time, detail });
  }

  #fault(kind: FaultKind, { file, line, time }: Place, detail: string, count = 1): void {
    this.#add({ file, line, time, kind, count, detail });
  }

  #add(fault: Fault | undefined): void {
    if (fault === undefined) return;
    if (this.#faults.length < MAX_LISTED) this.#faults.push(fault);
    else this.#moreFaults += 1;
  }
}

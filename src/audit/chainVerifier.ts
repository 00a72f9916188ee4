/**
 * Judges the lines of audit log files, the oldest first, by their chain: what was changed, taken away, moved or added, and
 * how far it is signed. Holds one line, and what is between it and the next. Reads no file and shows nothing.
 */
import type { KeyObject } from 'node:crypto';
import { countOf } from '../text/quote';
import { publicKeyFingerprint } from '../x509/fingerprints';
import {
  describeCutEnd,
  describeSealed,
  detailIn,
  type Fault,
  type FaultKind,
  faultOfGap,
  faultOfOtherKey,
  type Gap,
  isCut,
  Line,
  type Note,
  type Place,
} from './chainFaults';
import type { ChainState } from './chainState';
import {
  hashOf,
  hashOfLine,
  isSigned,
  type Link,
  linkOf,
  MAX_UNSIGNED_LINES,
  NOTHING_BEFORE,
} from './lineChain';

/** More than a person reads. The others are counted. */
const MAX_LISTED = 1000;
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
}

export class ChainVerifier {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #remembered: ChainState | undefined;
  readonly #faults: Fault[] = [];
  readonly notes: Note[] = [];
  readonly #gaps: Gap[] = [];
  #moreFaults = 0;
  #file = '';
  #lineNumber = 0;
  #first: Line | undefined;
  #last: Line | undefined;
  #lines = 0;
  #others: string[] = [];
  #othersLength = 0;
  #firstOther: Line | undefined;
  #signed: Line | undefined;
  #signatures = 0;
  /** The first check-point of each key that was not named, and how many there are. */
  readonly #otherKeys = new Map<string, { readonly place: Place; count: number }>();

  constructor({ keys, remembered }: Expected) {
    this.#keys = new Map(keys.map((key) => [publicKeyFingerprint(key), key]));
    this.#remembered = remembered;
  }

  /** In the order in which they were found; of gaps, those that no line from elsewhere fills. */
  get faults(): readonly Fault[] {
    const missing = this.#gaps.filter((gap) => gap.missing > 0).map(faultOfGap);
    return [...this.#faults, ...missing, ...[...this.#otherKeys].map(faultOfOtherKey)];
  }

  /** Beyond those in `faults`. */
  get moreFaults(): number {
    return this.#moreFaults;
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
    return this.#signed;
  }

  /** Check-points, with any signature. */
  get signatures(): number {
    return this.#signatures;
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
    if (link.signature !== undefined) this.#judgeSignature(line, link.signature);
  }

  /** After the last line of the last file. */
  end(): void {
    if (this.#firstOther !== undefined) this.#endsWithOthers(this.#firstOther);
    const last = this.#last;
    const remembered = this.#remembered;
    if (remembered !== undefined) this.#compareEnd(remembered, last);
    if (last === undefined || this.#keys.size === 0) return;
    const unsigned = last.seq - (this.#signed?.seq ?? 0);
    if (this.#signed === undefined) {
      this.#fault(
        'signature',
        last,
        'no check-point is signed with this key, so the whole chain may have been written again',
      );
    } else if (unsigned > 2 * MAX_UNSIGNED_LINES) {
      this.#fault(
        'signature',
        last,
        `${countOf(unsigned, 'line')} at the end are not signed; the gateway signs after ${MAX_UNSIGNED_LINES} lines at the latest`,
      );
    }
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
  #opensAnother(line: Line, { seq, previous }: Link, last: Line): boolean {
    if (seq === 1 && previous === NOTHING_BEFORE && (line.time ?? '') >= (last.time ?? '')) {
      this.#fault(
        'new chain',
        line,
        `another chain begins behind number ${last.seq}: audit-chain.json and the file were lost, somebody wrote the log again, or these are files of several gateways`,
      );
      return true;
    }
    const gap = this.#gaps.find(({ from, to }) => from <= seq && seq <= to);
    if (gap !== undefined && gap.missing > 0) {
      gap.missing -= 1;
      this.#fault('moved', line, `number ${seq} stands behind number ${last.seq}`);
    } else if (seq < this.#first!.seq)
      this.#fault('moved', line, `number ${seq} stands behind number ${last.seq}`);
    else this.#fault('repeated', line, `number ${seq} is here once more, or another line has its number`);
    return false;
  }

  #follows(line: Line, { seq, previous }: Link, last: Line): void {
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

  #judgeSignature(line: Line, signature: NonNullable<Link['signature']>): void {
    this.#signatures += 1;
    if (this.#keys.size === 0) return;
    const key = this.#keys.get(signature.key);
    if (key === undefined) this.#countOtherKey(signature.key, line);
    else if (isSigned(signature, key)) this.#signed = line;
    else this.#fault('signature', line, 'the signature is not that of the line');
  }

  /** A log has a check-point each minute: one fault for each would bury all others. */
  #countOtherKey(key: string, place: Line): void {
    const known = this.#otherKeys.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#otherKeys.size < MAX_LISTED) this.#otherKeys.set(key, { place, count: 1 });
    else this.#moreFaults += 1;
  }

  #line(text: string, seq: number): Line {
    return new Line(this.#file, this.#lineNumber, seq, text);
  }

  #note({ file, line, time }: Place, detail: string): void {
    this.notes.push({ file, line, time, detail });
  }

  #fault(kind: FaultKind, { file, line, time }: Place, detail: string, count = 1): void {
    if (this.#faults.length < MAX_LISTED) this.#faults.push({ file, line, time, kind, count, detail });
    else this.#moreFaults += 1;
  }
}

/**
 * A file that lines are appended to, some at a time. Owns what happens when the disk is full, when the file was moved
 * away, and when it has grown enough; knows no events. Names of rotated files are rotatedFiles.ts's.
 *
 * Writes are synchronous on purpose. Lines that wait in memory are lost with the process, and a peer that is refused a
 * hundred thousand times a second would fill the memory with them. A write to the page cache takes some microseconds.
 */
import {
  close,
  closeSync,
  fchmodSync,
  fchownSync,
  fdatasync,
  fstatSync,
  openSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { OperatorError } from '../errors';
import { fileError } from '../files/systemErrors';
import { DAY_MS } from '../text/moments';
import { endsWith, firstTimeMs } from './fileEnds';
import { isFileAt, rotateFiles, targetOf, temporaryName } from './rotatedFiles';

const LINE_FEED = 0x0a;
/** A rotation that failed is tried again after this time: the folder may not be writable for long. */
const ROTATION_RETRY_MS = 60_000;

/** At least one of the first two is there. */
export interface Rotation {
  readonly maxBytes?: number | undefined;
  readonly days?: number | undefined;
  /** Rotated files that stay. */
  readonly keep: number;
}

export interface LineFileEvents {
  /** Words for the operator. */
  say(message: string): void;
  /** Lines can be written again. So many were not. */
  resumed(lost: number, since: Date, why: string): void;
  /** Somebody else did this to the file. */
  found(change: FileChange): void;
}

export type FileChange = 'shorter' | 'longer' | 'changed' | 'deleted' | 'moved';

/** What of the lines is in the file where not all of them are. */
export interface Cut {
  /** Whole ones, from the first. */
  readonly lines: number;
  /** What is behind them: the beginning of a line, or the line feed that ends one. */
  readonly rest: string;
}

const syncData = promisify(fdatasync);

interface Failure {
  readonly since: Date;
  readonly why: string;
  lost: number;
}

export class LineFile {
  readonly #name: string;
  readonly #events: LineFileEvents;
  rotation: Rotation | undefined;
  /** A file that is left goes to the disk first. */
  isSynced = false;
  #descriptor: number;
  #bytes = 0;
  /** When the first line of the file was written. */
  #beganMs = 0;
  #failure: Failure | undefined;
  /** The last write ended inside a line: the next one must not be appended to it. */
  #isInsideLine = false;
  #nextRotationMs = 0;
  /** Files that were left, until they are on the disk and closed. */
  #leaving: Promise<unknown> = Promise.resolve();

  /** Throws OperatorError if the file cannot be opened: without its audit log the gateway does not start. */
  constructor(name: string, rotation: Rotation | undefined, events: LineFileEvents) {
    this.#name = name;
    this.#events = events;
    this.rotation = rotation;
    try {
      this.#descriptor = openSync(name, 'a', 0o640);
    } catch (error) {
      throw new OperatorError(`audit.file ${fileError('write', error, name).message}`);
    }
    this.#look();
  }

  /** Whether the last write succeeded. */
  get isTaking(): boolean {
    return this.#failure === undefined;
  }

  /** `lines` end with a line feed each. Undefined where all of them are in the file now. */
  append(lines: Buffer): Cut | undefined {
    let from = 0;
    while (from < lines.length) {
      const to = this.#rotateIfDue(lines, from);
      const cut = this.#write(from === 0 && to === lines.length ? lines : lines.subarray(from, to));
      if (cut !== undefined) {
        // A line behind a gap would look as if nothing were missing before it.
        this.#failure!.lost += countLines(lines, to);
        return { lines: countLines(lines.subarray(0, from), 0) + cut.lines, rest: cut.rest };
      }
      from = to;
    }
    return undefined;
  }

  get isRegular(): boolean {
    return fstatSync(this.#descriptor).isFile();
  }

  /** Looks whether the file is what was written, and ends with `lastLine`. Costs three calls of the system. */
  inspect(lastLine: string): void {
    const stats = fstatSync(this.#descriptor);
    if (stats.nlink === 0) {
      this.#events.found('deleted');
      this.reopen();
    } else if (stats.size !== this.#bytes) this.#resized(stats);
    else if (!isFileAt(this.#name, stats)) this.#events.found('moved');
    else if (!this.#isInsideLine && endsWith(this.#name, stats, `${lastLine}\n`) === false) {
      this.#events.found('changed');
    }
  }

  /** Resolves when everything written so far is on the disk. */
  async sync(): Promise<void> {
    const descriptor = this.#descriptor;
    await this.#leaving;
    // One that was left meanwhile is synced on its way.
    await (descriptor === this.#descriptor ? syncData(descriptor) : this.#leaving);
  }

  /**
   * Opens the file again by its name, because it was moved away: a new one is made with the mode and the owner of the old
   * one. Where that fails, lines go on into the old one.
   */
  reopen(): void {
    try {
      if (isFileAt(this.#name, fstatSync(this.#descriptor))) return;
      this.#replace(this.#openLike(this.#name));
    } catch (error) {
      this.#events.say(
        `the audit log file cannot be opened again, lines go on into the old one: ${(error as Error).message}`,
      );
    }
  }

  close(): void {
    if (this.#failure !== undefined) {
      this.#events.say(`lines that are not in the audit log file: ${this.#failure.lost}`);
    }
    closeSync(this.#descriptor);
  }

  /** One that is there already keeps its own mode and owner: logrotate or the operator made it. */
  #openLike(name: string): number {
    const { mode, uid, gid } = fstatSync(this.#descriptor);
    let descriptor: number;
    try {
      descriptor = openSync(name, 'ax', mode & 0o777);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return openSync(name, 'a');
    }
    fchmodSync(descriptor, mode & 0o777);
    try {
      fchownSync(descriptor, uid, gid);
    } catch {
      // Only root can give files away. The mode is kept all the same.
    }
    return descriptor;
  }

  #replace(descriptor: number): void {
    const left = this.#descriptor;
    this.#descriptor = descriptor;
    if (this.isSynced) {
      const synced = Promise.all([this.#leaving, syncData(left).catch(() => {})]);
      this.#leaving = synced.then(() => close(left));
    } else closeSync(left);
    this.#look();
  }

  #look(): void {
    const stats = fstatSync(this.#descriptor);
    this.#bytes = stats.size;
    this.#beganMs = stats.size === 0 ? 0 : (firstTimeMs(this.#name) ?? stats.birthtimeMs);
    this.#isInsideLine = endsWith(this.#name, stats, '\n') === false;
  }

  #resized({ size }: Stats): void {
    const change = size < this.#bytes ? 'shorter' : 'longer';
    this.#look();
    this.#events.found(change);
  }

  /** Returns the end of what belongs into the file that is open now: whole lines. */
  #rotateIfDue(lines: Buffer, from: number): number {
    // Not on a disk that is full.
    if (this.rotation === undefined || this.#failure !== undefined) return lines.length;
    const { maxBytes = Number.POSITIVE_INFINITY, days = Number.POSITIVE_INFINITY } = this.rotation;
    const nowMs = Date.now();
    if (this.#bytes === 0) this.#beganMs = nowMs;
    const isOld = nowMs - this.#beganMs >= days * DAY_MS;
    const room = maxBytes - this.#bytes;
    if (!isOld && lines.length - from <= room) return lines.length;
    const end = isOld || room <= 0 ? 0 : lines.lastIndexOf(LINE_FEED, from + room - 1) + 1;
    if (end > from) return end;
    // A line that is longer than a file may be has one of its own.
    if (this.#bytes === 0) return lines.indexOf(LINE_FEED, from) + 1 || lines.length;
    if (!this.#rotate(nowMs)) return lines.length;
    return this.#rotateIfDue(lines, from);
  }

  /** Whether there is room now: a file that was emptied or moved meanwhile need not be rotated. */
  #rotate(nowMs: number): boolean {
    if (nowMs < this.#nextRotationMs) return false;
    let made: number | undefined;
    try {
      const stats = fstatSync(this.#descriptor);
      if (!stats.isFile()) return false;
      if (this.#wasChanged(stats)) return true;
      // The link may be in another folder than the file.
      const name = targetOf(this.#name);
      made = this.#openLike(temporaryName(name));
      rotateFiles(name, this.rotation!.keep);
      this.#replace(made);
      return true;
    } catch (error) {
      if (made !== undefined) closeSync(made);
      this.#nextRotationMs = nowMs + ROTATION_RETRY_MS;
      this.#events.say(
        `the audit log file cannot be rotated, lines go on into the old one: ${(error as Error).message}`,
      );
      return false;
    }
  }

  /** Emptied by copytruncate, or moved: it is looked at again. */
  #wasChanged(stats: Stats): boolean {
    if (stats.size < this.#bytes) {
      this.#resized(stats);
      return true;
    }
    if (isFileAt(this.#name, stats)) return false;
    this.#replace(this.#openLike(this.#name));
    return true;
  }

  #write(lines: Buffer): Cut | undefined {
    const ending = this.#isInsideLine ? 1 : 0;
    const bytes = ending === 1 ? Buffer.concat([Buffer.of(LINE_FEED), lines]) : lines;
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
      this.#bytes += written;
      this.#isInsideLine = false;
    } catch (error) {
      this.#bytes += written;
      if (written > 0) this.#isInsideLine = bytes[written - 1] !== LINE_FEED;
      this.#failed((error as Error).message, countLines(bytes, Math.max(written, ending)));
      return cutOf(bytes.subarray(0, written), ending);
    }
    if (this.#failure === undefined) return undefined;
    const { lost, since, why } = this.#failure;
    this.#failure = undefined;
    this.#events.say(`the audit log file can be written again; lines that are not in it: ${lost}`);
    this.#events.resumed(lost, since, why);
    return undefined;
  }

  #failed(why: string, lost: number): void {
    if (this.#failure === undefined) {
      this.#failure = { since: new Date(), why, lost: 0 };
      this.#events.say(`the audit log file cannot be written: ${why}`);
    }
    this.#failure.lost += lost;
  }
}

/** Behind the line feed that ended an earlier line, where there is one. */
function cutOf(written: Buffer, ending: number): Cut {
  const end = written.lastIndexOf(LINE_FEED) + 1;
  const lines = Math.max(0, countLines(written, 0) - ending);
  return { lines, rest: written.toString('latin1', lines === 0 ? 0 : end) };
}

function countLines(bytes: Buffer, from: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED, from); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}

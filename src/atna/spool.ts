/**
 * The queue of messages to the syslog server, on the disk: what is in it survives the end of the process, however that
 * comes. Files in a folder of their own, each with some messages one behind the other, framed as on the wire (RFC 5425
 * §4.3). Beyond its bound the oldest go. Knows no server; a message is bytes.
 *
 * Writes are synchronous, as in the audit log, and for the same reason: what waits in memory is lost with the process.
 * They reach the page cache, so a power cut can lose the last seconds.
 */
import {
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { stateFile } from '../files/stateDirectory';
import { SECRET_MODE } from '../files/write';
import { countMessages, endOfMessages, framed, lengthAt } from './framing';

const { O_RDWR, O_CREAT } = constants;
const OWNER_ONLY_MODE = 0o700;
const FOLDER = 'syslog';
/** Holds the position up to which everything was sent. */
const SENT_FILE = 'sent';
/** Each position has so many digits, in names and in the file: names sort by it, and a new one replaces the old whole. */
const POSITION_DIGITS = 16;
const SEGMENT = /^(\d{16})\.messages$/;
/** The smallest amount that can be dropped is a file: a sixteenth of the bound, and not more than this. */
const MAX_SEGMENT_BYTES = 1024 * 1024;
const MAX_READ_BYTES = 64 * 1024;

export interface SpoolEvents {
  /** So many messages were dropped, or could not be kept. */
  lost(count: number, why: string): void;
}

/** Positions count the bytes of all messages since the first one ever. */
interface Segment {
  readonly start: number;
  bytes: number;
  messages: number;
}

export interface Chunk {
  /** Whole messages with their lengths. */
  readonly bytes: Buffer;
  /** The position behind them. */
  readonly end: number;
}

export class Spool {
  maxBytes: number;
  readonly #folder: string;
  readonly #events: SpoolEvents;
  readonly #segments: Segment[];
  /** Of the last segment, which is written. */
  #writing: number | undefined;
  /** Of the segment that is read. */
  #reading: { readonly segment: Segment; readonly descriptor: number } | undefined;
  #sent: number | undefined;
  /** What is read next. */
  position: number;

  /** Throws where the folder cannot be made or read. What an earlier process left is read first. */
  constructor(stateDirectory: string, maxBytes: number, events: SpoolEvents) {
    this.maxBytes = maxBytes;
    this.#events = events;
    this.#folder = stateFile(stateDirectory, FOLDER);
    mkdirSync(this.#folder, { recursive: true, mode: OWNER_ONLY_MODE });
    this.#segments = readdirSync(this.#folder)
      .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
      .sort()
      .map((start) => ({
        start: Number(start),
        bytes: statSync(this.#path(Number(start))).size,
        messages: 0,
      }));
    this.position = Math.min(Math.max(this.#readSent(), this.#start), this.#end);
    // Once, before anything is relayed: there can be many.
    for (const segment of this.#segments) {
      if (endOf(segment) > this.position) segment.messages = this.#countIn(segment, 0);
    }
  }

  /** How many messages are still to be read. */
  get waiting(): number {
    return this.#segments
      .filter((segment) => endOf(segment) > this.position)
      .reduce((sum, segment) => sum + this.#unreadOf(segment), 0);
  }

  get hasMore(): boolean {
    return this.position < this.#end;
  }

  /** Each with its length in front of it. They are in the page cache when it returns. */
  append(messages: readonly Buffer[]): void {
    const bytes = framed(messages);
    let segment = this.#segments.at(-1);
    try {
      this.#makeRoom(bytes.length);
      const isFull = (segment?.bytes ?? 0) + bytes.length > this.#maxSegmentBytes;
      // One of an earlier process may end inside a message.
      if (segment === undefined || this.#writing === undefined || isFull) segment = this.#openSegment();
      let written = 0;
      while (written < bytes.length) written += writeSync(this.#writing!, bytes, written);
      segment.bytes += bytes.length;
      segment.messages += messages.length;
    } catch (error) {
      this.#cutBack(segment);
      this.#events.lost(messages.length, (error as Error).message);
    }
  }

  /** Up to 64 KB of messages, or one that is longer; undefined where there are none. They stay until {@link advanceTo}. */
  read(): Chunk | undefined {
    while (this.hasMore) {
      const segment = this.#segments.find(({ start, bytes }) => this.position < start + bytes)!;
      // A file may have been deleted by somebody.
      this.position = Math.max(this.position, segment.start);
      const bytes = this.#readFrom(segment);
      if (bytes !== undefined) return { bytes, end: this.position + bytes.length };
      this.position = segment.start + segment.bytes;
      this.#events.lost(1, 'a message on the disk is damaged');
    }
    return undefined;
  }

  /** Unless the oldest were dropped meanwhile, beyond it. */
  advanceTo(position: number): void {
    this.position = Math.max(this.position, position);
  }

  rewindTo(position: number): void {
    this.position = Math.max(Math.min(this.position, position), this.#start);
  }

  /** A new process goes on from there. */
  keepSent(position: number): void {
    try {
      // Written over, never emptied: it is whole at any moment.
      this.#sent ??= openSync(join(this.#folder, SENT_FILE), O_RDWR | O_CREAT, SECRET_MODE);
      writeSync(this.#sent, digits(position), 0);
    } catch {
      // It then goes on from an earlier position, and sends some twice.
    }
  }

  /** Nothing before it is sent again. What was sent can name patients, so the last file goes too when all of it was. */
  release(position: number): void {
    while (this.#segments.length > 1 && endOf(this.#segments[0]!) <= position) this.#dropFirst();
    const [only] = this.#segments;
    if (only === undefined || only.bytes === 0 || endOf(only) > position) return;
    try {
      // Its name keeps the position for the next process.
      this.#openSegment();
      this.#dropFirst();
    } catch {
      // The disk is full, for example: it goes the next time.
    }
  }

  close(): void {
    for (const descriptor of [this.#writing, this.#reading?.descriptor, this.#sent]) {
      if (descriptor !== undefined) closeSync(descriptor);
    }
    this.#writing = undefined;
    this.#reading = undefined;
    this.#sent = undefined;
  }

  get #start(): number {
    return this.#segments[0]?.start ?? 0;
  }

  get #end(): number {
    const last = this.#segments.at(-1);
    return last === undefined ? 0 : endOf(last);
  }

  get #maxSegmentBytes(): number {
    return Math.min(this.maxBytes / 16, MAX_SEGMENT_BYTES);
  }

  #path(start: number): string {
    return join(this.#folder, `${digits(start)}.messages`);
  }

  /** 0 where it cannot be read: then all that is there is sent again. */
  #readSent(): number {
    try {
      const text = readFileSync(join(this.#folder, SENT_FILE), 'latin1');
      return /^\d{16}$/.test(text) ? Number(text) : 0;
    } catch {
      return 0;
    }
  }

  #openSegment(): Segment {
    // An empty one of an earlier process has the same name.
    const segment = { start: this.#end, bytes: 0, messages: 0 };
    const last = this.#segments.at(-1);
    const descriptor = openSync(this.#path(segment.start), 'w', SECRET_MODE);
    if (this.#writing !== undefined) closeSync(this.#writing);
    this.#writing = descriptor;
    if (last?.start === segment.start) this.#segments.pop();
    this.#segments.push(segment);
    return segment;
  }

  /** What was written of messages that are lost goes, so that whole ones can follow. */
  #cutBack(segment: Segment | undefined): void {
    if (segment === undefined || this.#writing === undefined) return;
    try {
      ftruncateSync(this.#writing, segment.bytes);
    } catch {
      closeSync(this.#writing);
      this.#writing = undefined;
    }
  }

  #makeRoom(wanted: number): void {
    while (this.#segments.length > 1 && this.#end - this.#start + wanted > this.maxBytes) {
      const first = this.#segments[0]!;
      const unsent = endOf(first) > this.position ? this.#unreadOf(first) : 0;
      this.position = Math.max(this.position, endOf(first));
      this.#dropFirst();
      if (unsent > 0) this.#events.lost(unsent, 'the spool is full');
    }
  }

  #dropFirst(): void {
    const segment = this.#segments.shift()!;
    if (this.#reading?.segment === segment) {
      closeSync(this.#reading.descriptor);
      this.#reading = undefined;
    }
    rmSync(this.#path(segment.start), { force: true });
  }

  #unreadOf(segment: Segment): number {
    const offset = this.position - segment.start;
    return offset <= 0 ? segment.messages : this.#countIn(segment, offset);
  }

  /** Messages from that offset on. */
  #countIn(segment: Segment, offset: number): number {
    try {
      return countMessages(readFileSync(this.#path(segment.start)), offset);
    } catch {
      return 1;
    }
  }

  /** Whole messages from the position on; undefined where there is none. */
  #readFrom(segment: Segment): Buffer | undefined {
    const offset = this.position - segment.start;
    const left = segment.bytes - offset;
    try {
      if (this.#reading?.segment !== segment) {
        if (this.#reading !== undefined) closeSync(this.#reading.descriptor);
        this.#reading = undefined;
        this.#reading = { segment, descriptor: openSync(this.#path(segment.start), 'r') };
      }
      const { descriptor } = this.#reading;
      const bytes = readAt(descriptor, offset, Math.min(left, MAX_READ_BYTES));
      const end = endOfMessages(bytes);
      if (end > 0) return bytes.subarray(0, end);
      const length = lengthAt(bytes, 0);
      if (length === undefined || length > left) return undefined;
      const whole = readAt(descriptor, offset, length);
      return whole.length === length ? whole : undefined;
    } catch {
      return undefined;
    }
  }
}

function digits(position: number): string {
  return String(position).padStart(POSITION_DIGITS, '0');
}

function endOf({ start, bytes }: Segment): number {
  return start + bytes;
}

function readAt(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
}

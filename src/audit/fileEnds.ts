/**
 * What stands at the beginning and at the end of an audit log file: the time of its first line, the last lines of the
 * chain. Reads no more than it has to, and never a whole file. Writes nothing.
 */
import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { areSameFile } from '../files/paths';
import { hashOf, type Link, linkOf } from './lineChain';

/** The time stands at the beginning of a line, as `{"time":"2026-11-23T19:36:10.292Z"`. */
const FIRST_TIME = /^\{"time":"([0-9TZ:.-]{24})"/;
const FIRST_TIME_BYTES = 40;
/** A line is rarely longer than the first of these. The last one takes a second, and lines that workers wrote are shorter. */
const END_BYTES = [64 * 1024, 4 * 1024 * 1024, 64 * 1024 * 1024] as const;

/** Reads of an open file at a place. */
type Read = (from: number, length: number) => string;

/** Undefined where it cannot be read: the account may only write it, or it is not a file. */
function reading<T>(name: string, read: (read: Read, stats: Stats) => T): T | undefined {
  try {
    const descriptor = openSync(name, 'r');
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) return undefined;
      return read((from, length) => {
        const bytes = Buffer.alloc(length);
        return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, length, from));
      }, stats);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

export function firstTimeMs(name: string): number | undefined {
  return reading(name, (read) => {
    const time = Date.parse(FIRST_TIME.exec(read(0, FIRST_TIME_BYTES))?.[1] ?? '');
    return Number.isNaN(time) ? undefined : time;
  });
}

/** Undefined where that is not known. An empty file ends with everything. `of` says which file `name` has to be. */
export function endsWith(name: string, of: Stats, text: string): boolean | undefined {
  return reading(name, (read, stats) => {
    if (!areSameFile(stats, of)) return undefined;
    const length = Math.min(text.length, of.size);
    return of.size === 0 || read(of.size - length, length) === text;
  });
}

/** The last line of the chain in a file, and what is behind it. */
export interface ChainEnd {
  readonly link: Link;
  /** From its beginning to the end of the file, with a line feed at the end. */
  readonly text: string;
  /** Lines behind it that are not of the chain. */
  readonly others: number;
  /** The last of them has no line feed. */
  readonly isCut: boolean;
  /** `hashOf` of the line with this number, and of what is behind it. Undefined where it is not in what was read. */
  hashAt(seq: number): string | undefined;
}

/** Undefined where there is none. `seq` is a line that `hashAt` will be asked for. */
export function readChainEnd(name: string, seq: number): ChainEnd | undefined {
  return reading(name, (read, { size }) => {
    let end: ChainEnd | undefined;
    for (const bytes of END_BYTES) {
      const from = Math.max(0, size - bytes);
      end = chainEndOf(read(from, size - from), from === 0);
      if (from === 0 || (end !== undefined && (end.link.seq <= seq || end.hashAt(seq) !== undefined))) break;
    }
    return end;
  });
}

function chainEndOf(text: string, isFromBeginning: boolean): ChainEnd | undefined {
  const isCut = text !== '' && !text.endsWith('\n');
  const lines = (isCut ? text : text.slice(0, -1)).split('\n');
  // The first one may be the end of a line.
  const first = isFromBeginning ? 0 : 1;
  const links = lines.map((line, index) => (index < first ? undefined : linkOf(line)));
  const last = links.findLastIndex((link) => link !== undefined);
  if (last < 0) return undefined;
  const others = lines.length - 1 - last;
  return {
    link: links[last]!,
    text: `${lines.slice(last).join('\n')}\n`,
    others,
    isCut: isCut && others > 0,
    hashAt(seq) {
      const at = links.findIndex((link) => link?.seq === seq);
      if (at < 0) return undefined;
      const next = links.findIndex((link, index) => index > at && link !== undefined);
      return hashOf(lines.slice(at, next < 0 ? undefined : next).join('\n'));
    },
  };
}

/** The number of the first line of the chain; undefined where the file does not begin with one. */
export function firstSeq(name: string): number | undefined {
  return reading(name, (read) => linkOf(read(0, END_BYTES[0]).split('\n', 1)[0] ?? '')?.seq);
}

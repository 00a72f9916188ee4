/**
 * The audit log as it is on disk or comes through a pipe: files, compressed or not, to lines. Holds a chunk at a time,
 * so that the size of a log does not matter. Judges nothing.
 */
import { createReadStream, type ReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { AuditEvent } from '../audit/events';
import { ExitCode, OperatorError } from '../errors';
import { fileError } from '../files/systemErrors';
import { escapeUnsafe } from '../text/quote';

/** A line of the audit log. The fields may hold anything: the file is input. */
export type AuditLine = Pick<AuditEvent, 'event' | 'outcome'> &
  Readonly<Partial<Record<Exclude<keyof AuditEvent, 'event' | 'outcome'>, unknown>>> & {
    /** As `2026-11-23T19:36:10.292Z`: UTC and of one length, so that texts compare as moments do. */
    readonly time: string;
  };

/** Stands for stdin among file names. */
export const STDIN = '-';

/**
 * The audit log shortens every text to 512 characters, so its lines have some thousands; those of a reload with 50 changes in
 * another alphabet have 160,000. What is longer is another file, and must not be collected in memory until a line feed
 * comes.
 */
const MAX_LINE_LENGTH = 262_144;
/** Ten times faster than 1 MiB: texts of that size, and all their lines, are dear to the garbage collector. */
export const CHUNK_BYTES = 64 * 1024;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

export interface LogFile {
  readonly name: string;
  /** On disk; 0 for stdin. */
  readonly sizeBytes: number;
}

/** Throws OperatorError where a file cannot be read at all, so that this is reported before gigabytes are read. */
export function findLogFiles(names: readonly string[]): LogFile[] {
  return [...new Set(names)].map((name) => {
    if (name === STDIN) return { name, sizeBytes: 0 };
    try {
      const status = statSync(name);
      if (status.isDirectory())
        throw new OperatorError(`${escapeUnsafe(name)} is a folder; name the files in it`);
      return { name, sizeBytes: status.size };
    } catch (error) {
      throw unreadable(name, error);
    }
  });
}

/** The older file first, as rotation numbers them the other way round; stdin and files without a line last. */
export async function inOrderOfTime(files: readonly LogFile[]): Promise<LogFile[]> {
  const dated = await Promise.all(
    files.map(async (file) => ({ file, time: file.name === STDIN ? undefined : await firstTime(file) })),
  );
  const last = '~';
  return dated
    .sort((one, other) => ((one.time ?? last) < (other.time ?? last) ? -1 : 1))
    .map(({ file }) => file);
}

/** Looks at the beginning only: what has no audit line there need not be in any order. */
async function firstTime(file: LogFile): Promise<string | undefined> {
  for await (const lines of readLines(file)) {
    return lines.map(parseAuditLine).find((line) => line !== undefined)?.time;
  }
  return undefined;
}

/**
 * The lines of a file, many at a time; `progressed` gets the number of bytes read since its last call. As `latin1`, each
 * character is a byte of the file.
 */
export async function* readLines(
  file: LogFile,
  progressed: (bytes: number) => void = () => {},
  encoding: 'utf8' | 'latin1' = 'utf8',
): AsyncGenerator<readonly string[]> {
  let readBytes = 0;
  const splitter = new LineSplitter();
  const { stream, source } = openLog(file.name, encoding);
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      yield splitter.add(chunk);
      const bytes = source?.bytesRead ?? 0;
      progressed(bytes - readBytes);
      readBytes = bytes;
    }
    yield splitter.end();
  } catch (error) {
    throw unreadable(file.name, error);
  }
}

/** Cuts chunks of text into lines, and keeps what a chunk ends with until its line is complete. */
export class LineSplitter {
  #rest = '';
  /** Inside a line that is too long: it was handed out as its beginning, and goes on to the next line feed. */
  #isSkipping = false;

  add(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#isSkipping && lines.length > 0) {
      lines.shift();
      this.#isSkipping = false;
    }
    if (this.#isSkipping) this.#rest = '';
    if (this.#rest.length > MAX_LINE_LENGTH) {
      lines.push(this.#rest.slice(0, 1));
      this.#rest = '';
      this.#isSkipping = true;
    }
    return lines;
  }

  /** What came behind the last line feed. */
  end(): string[] {
    const rest = this.#rest;
    this.#rest = '';
    this.#isSkipping = false;
    return rest === '' ? [] : [rest];
  }
}

function openLog(
  name: string,
  encoding: 'utf8' | 'latin1',
): { stream: NodeJS.ReadableStream; source?: ReadStream } {
  if (name === STDIN) return { stream: process.stdin.setEncoding(encoding) };
  const source = createReadStream(name, { highWaterMark: CHUNK_BYTES });
  if (!name.endsWith('.gz')) return { stream: source.setEncoding(encoding), source };
  // An error comes out of the iteration over the last stream.
  const stream = pipeline(source, createGunzip(), () => {}).setEncoding(encoding);
  return { stream, source };
}

/** Undefined where the text is not a line of an audit log. */
export function parseAuditLine(text: string): AuditLine | undefined {
  // Anything else need not cost an exception.
  if (!text.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { time, event, outcome } = value as Record<string, unknown>;
  const isAuditLine =
    typeof time === 'string' && TIME.test(time) && typeof event === 'string' && typeof outcome === 'string';
  return isAuditLine ? (value as AuditLine) : undefined;
}

export function unreadable(name: string, error: unknown): OperatorError {
  return fileError('read', error, name === STDIN ? 'stdin' : name, {}, ExitCode.Usage);
}

/**
 * An audit log that is being written: what is in the file, and then each line as it comes. Follows the file, not its name:
 * where it is renamed and made again, the old one is read to its end first, and so are those that were rotated since.
 * Shows nothing.
 */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { areSameFile, type Inode } from '../files/paths';
import { CHUNK_BYTES, LineSplitter, unreadable } from './auditLines';

/** A person sees a line as soon as it is there, and an idle log costs nothing. */
const POLL_MS = 150;
/** Files that were rotated between two looks. More than these in a fraction of a second are not an audit log. */
const MAX_ROTATED = 1000;
/** A rotation that goes on while we look for its files. */
const MAX_ATTEMPTS = 10;

export interface FollowOptions {
  /** How much at the end of the file to begin with; default: all of it. */
  readonly lastBytes?: number;
  /** Ends the following. */
  readonly signal?: AbortSignal | undefined;
  /** Gets what a person should know of it: the file is not there yet, or was emptied. */
  tell(message: string): void;
}

/** Lines, many at a time, without end. An empty batch says that everything there is was read. */
export async function* followLog(path: string, options: FollowOptions): AsyncGenerator<readonly string[]> {
  const { signal, tell, lastBytes } = options;
  let current = await openAwaited(path, options);
  try {
    if (current !== undefined && lastBytes !== undefined) current.skipTo(lastBytes);
    while (current !== undefined && signal?.aborted !== true) {
      yield* current.read();
      yield [];
      if (!(await pause(signal))) return;
      const there = await stat(path).catch(() => undefined);
      if (there === undefined) continue;
      if (current.isSame(there)) {
        if (current.rewind(there.size)) tell(`${path} was emptied; it goes on from its beginning`);
        continue;
      }
      const newer = await openNewer(path, current);
      if (newer.length === 0) continue;
      yield* finish(current);
      current = newer.pop();
      for (const file of newer) yield* finish(file);
    }
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    await current?.close();
  }
}

async function* finish(file: FollowedFile): AsyncGenerator<readonly string[]> {
  yield* file.read();
  yield file.end();
  await file.close();
}

/** False where the following ended meanwhile. */
async function pause(signal: AbortSignal | undefined): Promise<boolean> {
  return await delay(POLL_MS, true, { signal }).catch(() => false);
}

/** The gateway makes the file when it starts. Undefined where the following ended first. */
async function openAwaited(path: string, { signal, tell }: FollowOptions): Promise<FollowedFile | undefined> {
  let isTold = false;
  for (;;) {
    try {
      return await FollowedFile.open(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error);
    }
    if (!isTold) tell(`${path} does not exist yet; waiting for it`);
    isTold = true;
    if (!(await pause(signal))) return undefined;
  }
}

/**
 * The files behind `last`, the oldest first: those that were rotated since, `PATH.2`, `PATH.1`, and the new one. Empty
 * where the new one is not there yet.
 */
async function openNewer(path: string, last: FollowedFile): Promise<FollowedFile[]> {
  for (let attempt = 1; ; attempt += 1) {
    const newer: FollowedFile[] = [];
    let isFound = false;
    for (let number = 0; number <= MAX_ROTATED && !isFound; number += 1) {
      const name = number === 0 ? path : `${path}.${number}`;
      const file = await FollowedFile.open(name).catch(() => undefined);
      if (file === undefined) break;
      if (file.isSame(last)) {
        await file.close();
        // A rotation renames the oldest file first: if this one is where it was, those before it are too.
        isFound = last.isSame((await stat(name).catch(() => undefined)) ?? { dev: -1, ino: -1 });
        break;
      }
      newer.unshift(file);
    }
    if (isFound || newer.length === 0) return newer;
    const isLost = attempt === MAX_ATTEMPTS;
    // It was deleted or compressed: only the new file is known to be newer.
    for (const file of isLost ? newer.splice(0, newer.length - 1) : newer) await file.close();
    if (isLost) return newer;
  }
}

class FollowedFile implements Inode {
  readonly dev: number;
  readonly ino: number;
  readonly #handle: FileHandle;
  readonly #sizeBytes: number;
  readonly #decoder = new StringDecoder('utf8');
  readonly #splitter = new LineSplitter();
  #position = 0;
  /** The reading began inside a line. */
  #isCut = false;

  private constructor(handle: FileHandle, { dev, ino }: Inode, sizeBytes: number) {
    this.#handle = handle;
    this.dev = dev;
    this.ino = ino;
    this.#sizeBytes = sizeBytes;
  }

  static async open(path: string): Promise<FollowedFile> {
    const handle = await open(path, 'r');
    const status = await handle.stat();
    return new FollowedFile(handle, status, status.size);
  }

  isSame(other: Inode): boolean {
    return areSameFile(other, this);
  }

  skipTo(lastBytes: number): void {
    this.#position = Math.max(0, this.#sizeBytes - lastBytes);
    this.#isCut = this.#position > 0;
  }

  /** Up to its present end. */
  async *read(): AsyncGenerator<readonly string[]> {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await this.#handle.read(chunk, 0, CHUNK_BYTES, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      const lines = this.#splitter.add(this.#decoder.write(chunk.subarray(0, bytesRead)));
      if (this.#isCut && lines.length > 0) {
        lines.shift();
        this.#isCut = false;
      }
      if (lines.length > 0) yield lines;
    }
  }

  /** What came behind the last line feed. */
  end(): string[] {
    return this.#splitter.end();
  }

  /** Whether the file has become shorter, so that its lines begin again. */
  rewind(sizeBytes: number): boolean {
    if (sizeBytes >= this.#position) return false;
    this.#position = 0;
    this.end();
    return true;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * The file with the process ID of a gateway (`pidFile`): written once it listens, removed when it ends, and read by
 * `aegis reload`. Trusts no number in it: a signal to another program could end that program. Sends no signal.
 */
import { readFileSync, rmSync, statSync } from 'node:fs';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { FileError } from '../files/systemErrors';
import { PUBLIC_MODE, writeFiles } from '../files/write';
import { escapeUnsafe } from '../text/quote';
import type { Say } from './warnings';

export class PidFile {
  readonly #say: Say;
  #file: string | undefined;
  #isClosed = false;

  constructor(say: Say) {
    this.#say = say;
  }

  /** Writes it where it has to be from now on. Where that fails the gateway runs on: relaying is what it is for. */
  async moveTo(file: string | undefined): Promise<void> {
    if (file === this.#file || this.#isClosed) return;
    this.#remove();
    if (file === undefined) return;
    try {
      await writeFiles([{ path: file, content: `${process.pid}\n`, mode: PUBLIC_MODE }]);
      this.#file = file;
      if (this.#isClosed) this.#remove();
    } catch (error) {
      this.#say(`warning: pidFile ${(error as Error).message}`);
    }
  }

  /** The gateway ends: a reload that is under way writes no new one. */
  close(): void {
    this.#isClosed = true;
    this.#remove();
  }

  /** Leaves it alone where another gateway has written it since. */
  #remove(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined && readPid(file) === process.pid) rmSync(file, { force: true });
  }
}

/** Undefined where there is no such file, or not with a number in it. */
function readPid(file: string): number | undefined {
  try {
    return pidIn(file);
  } catch (error) {
    if (error instanceof OperatorError) return undefined;
    throw error;
  }
}

/** The longest process ID has 7 digits on Linux. */
const MAX_PID_FILE_BYTES = 64;

function pidIn(file: string): number {
  const [, pid] = /^([1-9]\d{0,9})\s*$/.exec(readText(file, { maxBytes: MAX_PID_FILE_BYTES })) ?? [];
  if (pid !== undefined && Number(pid) > 1) return Number(pid);
  throw new OperatorError(`${escapeUnsafe(file)} holds no process ID; correct pidFile`, ExitCode.Failed);
}

/**
 * The process ID of the gateway that wrote the file; undefined where none runs. Throws OperatorError where the file
 * cannot be read, or this user may not signal the gateway.
 */
export function runningGatewayPid(file: string): number | undefined {
  let pid: number;
  try {
    pid = pidIn(file);
    process.kill(pid, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH' || (error instanceof FileError && code === 'ENOENT')) return undefined;
    if (code !== 'EPERM') throw error;
    throw new OperatorError(
      `the gateway of ${escapeUnsafe(file)} belongs to another account; run this as that account or as root`,
      ExitCode.Failed,
    );
  }
  return isGateway(pid, file) ? pid : undefined;
}

/**
 * A gateway that was killed leaves its file behind, and its number goes to another program one day. So the program has
 * to be an `aegis start` of the account that owns the file: who may write the file decides what root signals.
 */
function isGateway(pid: number, file: string): boolean {
  // Systems without /proc: the number alone has to do.
  if (statSync('/proc/self', { throwIfNoEntry: false }) === undefined) return true;
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes('start') && statSync(`/proc/${pid}`).uid === statSync(file).uid;
  } catch {
    // It ended just now.
    return false;
  }
}

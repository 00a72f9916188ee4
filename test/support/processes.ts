/**
 * Owns child processes of tests: start, collect output, wait for a line or a port, end by their own id.
 * Knows nothing of what the programs do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onCleanUp } from './cleanUp';
import { Changes, waitFor } from './waiting';

/** Generous, for a loaded machine: a test that passes never waits this long. */
const DEADLINE_MS = 15_000;
/** After this, a process that was asked to end is killed. */
const KILL_AFTER_MS = 15_000;

/** Ordinary users of Debian have no sbin in their path, where Orthanc, HAProxy and nginx are. */
export const PROGRAM_PATH = [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin'].join(delimiter);

/** What a terminal, or Jest on one, would have commands do to their output. */
const UNSET = { FORCE_COLOR: undefined, NO_COLOR: undefined, COLUMNS: undefined };

interface ProcessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** Leaves its stdin open, for {@link TestProcess.type}. */
  readonly hasStdin?: boolean;
}

export interface ProcessExit {
  /** null where a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class TestProcess {
  readonly exited: Promise<ProcessExit>;
  /** stdout and stderr, as they came. */
  output = '';
  stdout = '';
  stderr = '';
  #hasExited = false;
  readonly #changes = new Changes();

  readonly #child: ChildProcess;
  readonly #title: string;

  constructor(child: ChildProcess, title: string) {
    this.#child = child;
    this.#title = title;
    const collect = (stream: 'stdout' | 'stderr') => (chunk: string) => {
      this[stream] += chunk;
      this.output += chunk;
      this.#changes.announce();
    };
    child.stdout?.setEncoding('utf8').on('data', collect('stdout'));
    child.stderr?.setEncoding('utf8').on('data', collect('stderr'));
    this.exited = new Promise((resolve) => {
      const finish = (exit: ProcessExit) => {
        this.#hasExited = true;
        resolve(exit);
        this.#changes.announce();
      };
      child.once('close', (exitCode, signal) => finish({ exitCode, signal }));
      child.once('error', (error) => {
        this.output += `${error.message}\n`;
        finish({ exitCode: null, signal: null });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return !this.#hasExited;
  }

  /** Resolves with the match once the output holds the pattern; rejects with the output if it ends before. */
  waitForOutput(pattern: RegExp, deadlineMs = DEADLINE_MS): Promise<RegExpExecArray> {
    return this.waitFor(String(pattern), () => pattern.exec(this.output) ?? undefined, deadlineMs);
  }

  /** The same for anything that `look` finds in what was printed so far. */
  waitFor<T>(what: string, look: () => T, deadlineMs = DEADLINE_MS): Promise<Exclude<T, undefined | false>> {
    const inWords = () => `${what} from ${this.#title}; its output:\n${this.output}`;
    return this.#changes.waitFor(
      inWords,
      () => {
        const found = look();
        if (this.#hasExited && (found === undefined || found === false)) {
          throw new Error(`the program ended before this came: ${inWords()}`);
        }
        return found;
      },
      deadlineMs,
    );
  }

  /** Resolves once the port accepts a TCP connection (closed again at once). Not for DICOM ports of Orthanc. */
  async waitForPort(port: number, host = '127.0.0.1', deadlineMs = DEADLINE_MS): Promise<void> {
    const inWords = () => `${this.#title} on ${host}:${port}; its output:\n${this.output}`;
    await waitFor(
      inWords,
      async () => {
        if (this.#hasExited) throw new Error(`the program ended before it listened: ${inWords()}`);
        return accepts(port, host);
      },
      deadlineMs,
    );
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#hasExited) this.#child.kill(signal);
  }

  /** Types on its terminal; Ctrl-C is `\x03`. For a process that was started with a stdin. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Closes our end of its stdout, as a reader does that goes away. */
  closeStdout(): void {
    this.#child.stdout?.destroy();
  }

  closeStderr(): void {
    this.#child.stderr?.destroy();
  }

  /** Takes nothing more of its stdout before the process has ended, as a reader does that hangs. */
  pauseStdout(): void {
    this.#child.stdout?.pause();
    this.#child.once('exit', () => this.#child.stdout?.resume());
  }

  /** Asks the process to end, kills it when it does not, and resolves once it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessExit> {
    this.kill(signal);
    const killer = setTimeout(() => this.kill('SIGKILL'), KILL_AFTER_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(killer);
    }
  }
}

/** Starts a program that ends at the latest after the last test of the file. */
export function startProcess(
  program: string,
  programArguments: readonly string[],
  options: ProcessOptions = {},
): TestProcess {
  const child = spawn(program, programArguments, {
    cwd: options.workingDirectory,
    env: { ...process.env, ...UNSET, PATH: PROGRAM_PATH, ...options.environment },
    stdio: [options.hasStdin === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const started = new TestProcess(child, program);
  const forget = onCleanUp(async () => {
    await started.stop();
  });
  void started.exited.then(forget);
  return started;
}

/** Runs a program to its end; a program that takes longer than the deadline is killed and the run rejects. */
export async function runProcess(
  program: string,
  programArguments: readonly string[],
  options: ProcessOptions & { readonly deadlineMs?: number } = {},
): Promise<ProcessExit & { readonly output: string }> {
  const running = startProcess(program, programArguments, options);
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const timer = setTimeout(() => running.kill('SIGKILL'), deadlineMs);
  const exit = await running.exited;
  clearTimeout(timer);
  if (exit.signal === 'SIGKILL') {
    throw new Error(`${program} did not end within ${deadlineMs} ms; its output:\n${running.output}`);
  }
  return { ...exit, output: running.output };
}

// Below the ephemeral ports (32768 and up on Linux), from which any outgoing connection of this machine could
// take the number between the probe and its use, or while a server that comes back to its port is down.
const FIRST_PORT = 20_000;
const LAST_PORT = 31_999;

/** A TCP port of 127.0.0.1 that nobody listens on, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`);
}

// All interfaces, because Orthanc and storescp bind to all and cannot do otherwise.
async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

async function accepts(port: number, host: string): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A new folder that is removed with all that is in it after the last test of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-test-'));
  onCleanUp(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

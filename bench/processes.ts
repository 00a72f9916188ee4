/**
 * Owns the programs that are compared: start, wait until they listen, stop by their own id. Linux only. Knows
 * nothing of what they do.
 */
import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CleanUp } from './cleanUp';
import { processTree } from './processUsage';

/** Orthanc opens its database first; a busy machine takes its time. */
const LISTEN_DEADLINE_MS = 20_000;
/** After this, a process that was asked to end is killed, with its children. */
const KILL_AFTER_MS = 5_000;
/** Of what a program prints to stderr, for the message when it fails. */
const OUTPUT_CHARACTERS = 4000;
/** Start-up is measured with this: nothing here starts within a few milliseconds. */
const LISTEN_POLL_MS = 1;
/** A hundred sockets that listen, a line of 150 characters each. */
const LISTENING_BYTES = 16 * 1024;

/** Ordinary users of Debian have no sbin in their path, where Orthanc, HAProxy and nginx are. */
export const PROGRAM_PATH = [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin'].join(delimiter);

/** Only what is named here reaches a program: TCP_NODELAY in the caller's environment would change DCMTK. */
const ENVIRONMENT = { PATH: PROGRAM_PATH, HOME: process.env.HOME ?? '/', LC_ALL: 'C' };

export interface ProgramOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Default SIGTERM. SIGKILL for what takes seconds to end in good order and keeps nothing that matters. */
  readonly endSignal?: NodeJS.Signals;
  /** Where stdout goes; default /dev/null. */
  readonly outputFile?: string;
}

/** A running program; the end of what it prints to stderr is kept for error messages. */
export class Program {
  /** Resolves with the exit code, null where a signal ended it. */
  readonly exited: Promise<number | null>;
  output = '';
  #hasExited = false;

  readonly title: string;
  readonly child: ChildProcess;
  readonly #endSignal: NodeJS.Signals;

  private constructor(title: string, child: ChildProcess, endSignal: NodeJS.Signals) {
    this.title = title;
    this.child = child;
    this.#endSignal = endSignal;
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.output = `${this.output}${chunk}`.slice(-OUTPUT_CHARACTERS);
    });
    this.exited = new Promise((resolve) => {
      child.once('exit', (exitCode) => {
        this.#hasExited = true;
        resolve(exitCode);
      });
      child.once('error', (error) => {
        this.#hasExited = true;
        this.output += error.message;
        resolve(null);
      });
    });
  }

  static start(
    cleanUp: CleanUp,
    program: string,
    programArguments: readonly string[],
    { environment, endSignal = 'SIGTERM', outputFile = '/dev/null' }: ProgramOptions = {},
  ): Program {
    const output = openSync(outputFile, 'a');
    const stdio: StdioOptions = ['ignore', output, 'pipe'];
    const env = { ...ENVIRONMENT, ...environment };
    const child = spawn(program, programArguments, { env, stdio });
    closeSync(output);
    const started = new Program(program, child, endSignal);
    cleanUp.add(() => started.stop());
    return started;
  }

  /** 0 where it could not be started. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Asks it to end, kills it with its children where it does not, and resolves once it is gone. */
  async stop(): Promise<void> {
    if (this.#hasExited) return;
    const family = processTree(this.pid);
    this.child.kill(this.#endSignal);
    const killer = setTimeout(() => family.forEach(killIfThere), KILL_AFTER_MS);
    await this.exited;
    clearTimeout(killer);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone by itself.
  }
}

/** Starts a server; resolves once it listens on the port of any address, with the time that this took. */
export async function startServer(
  cleanUp: CleanUp,
  port: number,
  program: string,
  programArguments: readonly string[],
  options: ProgramOptions = {},
): Promise<{ readonly program: Program; readonly startMs: number }> {
  const from = performance.now();
  const server = Program.start(cleanUp, program, programArguments, options);
  while (!listens(port)) {
    if (server.hasExited) throw new Error(`${program} ended before it listened: ${server.output}`);
    if (performance.now() - from > LISTEN_DEADLINE_MS) {
      throw new Error(`${program} does not listen on port ${port}: ${server.output}`);
    }
    await delay(LISTEN_POLL_MS);
  }
  return { program: server, startMs: performance.now() - from };
}

/** Asks the kernel, not the server: a connection to a proxy would be one to the archive. */
function listens(port: number): boolean {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  // Local address and port, remote address and port, state 0A: LISTEN.
  const listening = new RegExp(`: [0-9A-F]+:${hexadecimal} [0-9A-F]+:0000 0A `);
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((file) => listening.test(beginningOf(file)));
}

/**
 * The sockets that listen come first. Those of thousands of connections that have ended stand behind them for a minute,
 * and reading them all takes longer than a start.
 */
function beginningOf(file: string): string {
  if (!existsSync(file)) return ''; // no IPv6
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(LISTENING_BYTES);
    let length = 0;
    let read: number;
    // A read brings a page at most.
    do {
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
      length += read;
    } while (read > 0);
    return bytes.toString('latin1', 0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** Runs a program to its end; rejects with what it printed to stderr where it fails. */
export async function runProgram(
  cleanUp: CleanUp,
  program: string,
  programArguments: readonly string[],
  deadlineMs: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const running = Program.start(cleanUp, program, programArguments, { environment });
  const timer = setTimeout(() => running.child.kill('SIGKILL'), deadlineMs);
  const exitCode = await running.exited;
  clearTimeout(timer);
  if (exitCode !== 0) throw new Error(`${program} failed (${exitCode}): ${running.output.trim()}`);
}

export function isInstalled(program: string): boolean {
  return PROGRAM_PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// Below the ephemeral ports (32768 and up on Linux), which outgoing connections take.
const FIRST_PORT = 20_000;
const LAST_PORT = 31_999;

/** A port that nobody listens on, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (await canListen(port)) return port;
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

export function temporaryFolder(cleanUp: CleanUp): string {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
  cleanUp.add(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Keeps these on the last processor, and all others of the benchmark on the first one. Of two relays that do the same in turn,
 * the system otherwise leaves one beside the load for as long as they live: a fifth more or less CPU.
 */
export function pinned(pids: readonly number[]): void {
  const last = String(availableParallelism() - 1);
  const relays = new Set(pids.flatMap(processTree));
  for (const pid of processTree(process.pid)) {
    const processor = relays.has(pid) ? last : '0';
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', processor, String(pid)], {
      stdio: 'ignore',
    });
  }
}

/**
 * The gateway of the soak as a process: starts it, again and again, reads its lines as they come, and asks the kernel and
 * the admin HTTP what it holds. Knows nothing of DICOM.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { onCleanUp } from '../support/cleanUp';
import { type AuditLine, CLI } from '../support/gatewayProcess';
import { Changes, waitFor } from '../support/waiting';

const STDERR_CHARACTERS = 20_000;
/** Of a whole start on a busy machine, workers and all. */
const START_DEADLINE_MS = 30_000;

/** A line of the audit log, and its text. */
export interface Line {
  readonly text: string;
  readonly parsed: AuditLine;
}

export interface Held {
  readonly sockets: number;
  readonly residentBytes: number;
}

export class SoakedGateway {
  readonly configurationFile: string;
  readonly #node: string;
  readonly #workers: number;
  readonly #adminPort: number;
  readonly #environment: Readonly<Record<string, string>>;
  #child!: ChildProcess;
  #lines: Line[] = [];
  /** What was printed to stdout and is not a JSON line. */
  readonly rubbish: string[] = [];
  stderr = '';
  starts = 0;
  readonly #changes = new Changes();

  constructor(
    configurationFile: string,
    options: {
      readonly node: string;
      readonly workers: number;
      readonly adminPort: number;
      readonly environment: Readonly<Record<string, string>>;
    },
  ) {
    this.configurationFile = configurationFile;
    this.#node = options.node;
    this.#workers = options.workers;
    this.#adminPort = options.adminPort;
    this.#environment = options.environment;
    onCleanUp(() => this.stop('SIGTERM').then(() => {}));
  }

  /** Resolves once it is ready to serve. */
  async start(): Promise<void> {
    this.starts += 1;
    this.#child = spawn(this.#node, [CLI, '--config', this.configurationFile, 'start'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#environment },
    });
    const { stdout, stderr } = this.#child;
    createInterface({ input: stdout! }).on('line', (line) => this.#take(line));
    stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = `${this.stderr}${text}`.slice(-STDERR_CHARACTERS);
      this.#changes.announce();
    });
    await waitFor(
      () => `a gateway that is ready; it said:\n${this.stderr}`,
      () => this.isReady(),
      START_DEADLINE_MS,
    );
    await this.allWorkers();
  }

  #take(line: string): void {
    try {
      this.#lines.push(parsedLine(line));
    } catch {
      this.rubbish.push(line.slice(0, 200));
    }
    this.#changes.announce();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Every line since the last time. */
  takeLines(): Line[] {
    return this.#lines.splice(0);
  }

  countOf(event: string): number {
    return this.#lines.filter(({ parsed }) => parsed.event === event).length;
  }

  /** Waits for what becomes true with a line, or with a message on stderr. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    await this.#changes.waitFor(() => `${what}; the gateway said:\n${this.stderr}`, isSo);
  }

  /** Process ids of the workers; none where the gateway is one process. */
  get workers(): number[] {
    try {
      const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8');
      return children.split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  }

  async allWorkers(): Promise<void> {
    const wanted = this.#workers > 1 ? this.#workers : 0;
    await waitFor('all workers', () => this.workers.length === wanted);
  }

  /** Of each process: the first one, then the workers. */
  held(): Held[] {
    return [this.pid, ...this.workers].map((pid) => ({
      sockets: socketsOf(pid),
      residentBytes: residentBytesOf(pid),
    }));
  }

  async isReady(): Promise<boolean> {
    return (await this.#get('/readyz'))?.status === 200;
  }

  async isHealthy(): Promise<boolean> {
    return (await this.#get('/healthz'))?.status === 200;
  }

  /** A metric without labels, or the sum over all labels. */
  async metric(name: string, label = ''): Promise<number> {
    const text = (await this.#get('/metrics'))?.body ?? '';
    const values = text
      .split('\n')
      .filter((line) => line.startsWith(name) && line.includes(label))
      .map((line) => Number(line.slice(line.lastIndexOf(' '))));
    return values.reduce((sum, value) => sum + value, 0);
  }

  async #get(path: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#adminPort}${path}`, {
        headers: { connection: 'close' },
        signal: AbortSignal.timeout(5000),
      });
      return { status: response.status, body: await response.text() };
    } catch {
      return undefined;
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the exit code once it is gone, and every line of it has been read. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.isRunning) return this.#child.exitCode;
    const closed = once(this.#child, 'close');
    const workers = this.workers;
    this.signal(signal);
    await closed;
    await waitFor('the end of the workers', () => workers.every((pid) => !existsSync(`/proc/${pid}/fd`)));
    return this.#child.exitCode;
  }

  /** Takes nothing of its log for a while. */
  holdStdout(): () => void {
    const { stdout } = this.#child;
    stdout!.pause();
    return () => stdout!.resume();
  }
}

/** Throws where it is not a JSON object. */
export function parsedLine(text: string): Line {
  return { text, parsed: JSON.parse(text) as AuditLine };
}

function socketsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
      } catch {
        return false; // closed meanwhile
      }
    }).length;
  } catch {
    return 0; // it has ended
  }
}

function residentBytesOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

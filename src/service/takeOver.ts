/**
 * A new process takes over from the one that runs (SIGUSR2), without a moment in which nobody listens: the old one starts it, hands
 * it the listening sockets and its files, serves what it has to the end, and ends. There is one writer of each file at any
 * time: the old one writes its audit lines through the new one, as a worker does through its primary. See decision 0035.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEvent, AuditSink } from '../audit/events';
import { ExitCode, OperatorError } from '../errors';
import type { Disclosure, DisclosureSink } from '../gateway/dataSetTap';
import type { RunningGateway } from '../gateway/runningGateway';
import { AuditPipe, fromPipe } from '../gateway/workers/auditPipe';
import type { DisclosedInPipe } from '../gateway/workers/messages';
import { type InheritedSocket, InheritedSockets } from '../net/inheritedSockets';
import type { ModalityLock } from '../policy/locks';

/** In the environment of the new process: its sockets. */
const SOCKETS_VARIABLE = 'AEGIS_SOCKETS';
/**
 * The new process is nobody's child: a shell starts it, says its process ID and ends. So systemd has it from the first moment,
 * and sees it die. As a child of this process it would be seen only once this one has ended, an hour later perhaps.
 */
const DETACH = '"$@" 3>&- & echo $! >&3';
/** Behind stdin, stdout, stderr and what the shell says. */
const FIRST_DESCRIPTOR = 4;
/** 10,000 entries take some seconds. A new process that takes longer hangs, and the old one goes on. */
const MAX_START_MS = 60_000;
const LOOK_EVERY_MS = 10;

type ToSuccessor =
  /** The files are yours. */
  | { readonly kind: 'takeOver' }
  /** You are the service. */
  | { readonly kind: 'confirmed' }
  | {
      readonly kind: 'lines';
      readonly events: readonly AuditEvent[];
      readonly disclosed: readonly DisclosedInPipe[];
    };

type ToPredecessor =
  /** The configuration can be used. */
  | { readonly kind: 'prepared' }
  | { readonly kind: 'running' }
  /** So many more of your lines are written. */
  | { readonly kind: 'written'; readonly count: number }
  | { readonly kind: 'lock'; readonly locks: readonly ModalityLock[] }
  /** The service stops: drain. */
  | { readonly kind: 'stop' };

/** Where the gateway records: the log of this process, and the pipe to the next one once that has taken over. */
export class Records implements AuditSink, DisclosureSink {
  #audit: AuditSink;
  #disclosures: DisclosureSink;

  constructor(audit: AuditSink, disclosures: DisclosureSink) {
    this.#audit = audit;
    this.#disclosures = disclosures;
  }

  get wants(): DisclosureSink['wants'] {
    return this.#disclosures.wants;
  }

  record(event: AuditEvent): void {
    this.#audit.record(event);
  }

  flush(): void {
    this.#audit.flush?.();
  }

  hold(...held: Parameters<NonNullable<AuditSink['hold']>>): void {
    this.#audit.hold?.(...held);
  }

  disclose(disclosure: Disclosure): void {
    this.#disclosures.disclose(disclosure);
  }

  pass(pipe: AuditPipe): void {
    pipe.wants = this.wants;
    this.#audit = pipe;
    this.#disclosures = pipe;
  }
}

/** The new process, as the old one sees it. */
export class Successor {
  /** The shell; the channel is that of the new process. */
  readonly #child: ChildProcess;
  readonly #pipe: AuditPipe;
  readonly pid: number;
  /** Resolves when the new process has ended before `close`. */
  readonly ended: Promise<void>;
  #isClosed = false;
  #received: (kind: ToPredecessor['kind']) => void = () => {};

  private constructor(child: ChildProcess, pid: number, gateway: RunningGateway, stop: () => void) {
    this.#child = child;
    this.pid = pid;
    this.#pipe = new AuditPipe((events, disclosed) => this.#send({ kind: 'lines', events, disclosed }));
    child.on('message', (message: ToPredecessor) => {
      if (message.kind === 'written') this.#pipe.written(message.count);
      else if (message.kind === 'lock') void gateway.lock(message.locks);
      else if (message.kind === 'stop') stop();
      else this.#received(message.kind);
    });
    this.ended = new Promise((resolve) => {
      if (!child.connected) resolve();
      child.once('disconnect', () => {
        if (!this.#isClosed) resolve();
      });
    });
  }

  /** The same command line, which may be another version now. Resolves when it can use its configuration. */
  static async start(
    sockets: readonly InheritedSocket[],
    environment: NodeJS.ProcessEnv,
    gateway: RunningGateway,
    stop: () => void,
  ): Promise<Successor> {
    const inherited = sockets.map((socket, index) => ({ ...socket, fd: FIRST_DESCRIPTOR + index }));
    const commandLine = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    const child = spawn('/bin/sh', ['-c', DETACH, 'sh', ...commandLine], {
      env: { ...process.env, ...environment, [SOCKETS_VARIABLE]: JSON.stringify(inherited) },
      stdio: ['inherit', 'inherit', 'inherit', 'pipe', ...sockets.map(({ fd }) => fd), 'ipc'],
    });
    await once(child, 'spawn');
    const pid = Number(await text(child.stdio[3] as Readable));
    const successor = new Successor(child, pid, gateway, stop);
    await successor.#until('prepared');
    return successor;
  }

  /** From now on lines go to the new process, which writes them once it can. */
  passLines(records: Records): void {
    records.pass(this.#pipe);
  }

  /** The files are closed. Resolves when the new process runs. */
  async takeOver(): Promise<void> {
    this.#send({ kind: 'takeOver' });
    await this.#until('running');
  }

  confirm(): void {
    this.#send({ kind: 'confirmed' });
  }

  /** Resolves when it has written every line, with those that it has not where it is gone. */
  async close(): Promise<readonly AuditEvent[]> {
    this.#pipe.flush();
    let isGone = false;
    void this.ended.then(() => {
      isGone = true;
    });
    while (this.#pipe.unwritten.length > 0 && !isGone) await delay(LOOK_EVERY_MS);
    this.#isClosed = true;
    if (this.#child.connected) this.#child.disconnect();
    return this.#pipe.unwritten;
  }

  #send(message: ToSuccessor): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  async #until(kind: ToPredecessor['kind']): Promise<void> {
    const timer = setTimeout(() => process.kill(this.pid, 'SIGKILL'), MAX_START_MS);
    const received = new Promise<void>((resolve) => {
      this.#received = (what) => {
        if (what === kind) resolve();
      };
    });
    const failed = this.ended.then(() => {
      throw new Error('the new process has ended');
    });
    try {
      await Promise.race([received, failed]);
    } finally {
      failed.catch(() => {});
      clearTimeout(timer);
    }
  }
}

/** The old process, as the new one sees it. It may have one of its own, whose lines it passes on. */
export class Predecessor {
  readonly sockets: InheritedSockets;
  readonly #gone: Promise<void>;
  #received: (kind: ToSuccessor['kind']) => void = () => {};
  #write: (message: Extract<ToSuccessor, { kind: 'lines' }>) => void;
  readonly #waiting: Extract<ToSuccessor, { kind: 'lines' }>[] = [];

  private constructor(sockets: readonly InheritedSocket[]) {
    this.sockets = new InheritedSockets(sockets);
    this.#write = (message) => this.#waiting.push(message);
    process.on('message', (message: ToSuccessor) => {
      if (message.kind === 'lines') this.#write(message);
      else this.#received(message.kind);
    });
    this.#gone = once(process, 'disconnect').then(() => {});
    // A start that fails ends.
    process.channel?.unref();
  }

  /** Undefined where no other process started this one to take over. */
  static ofEnvironment(env = process.env): Predecessor | undefined {
    const text = env[SOCKETS_VARIABLE];
    delete env[SOCKETS_VARIABLE];
    if (text === undefined || process.send === undefined) return undefined;
    return new Predecessor(JSON.parse(text) as InheritedSocket[]);
  }

  /** The configuration can be used. Resolves when the old process has closed its files. */
  prepared(): Promise<void> {
    return this.#ask('prepared', 'takeOver');
  }

  /** Writes what the old process records, from now on and so far. Resolves when this process is the service. */
  async running(records: Records): Promise<void> {
    let count = 0;
    this.#write = ({ events, disclosed }) => {
      const byIndex = new Map(disclosed.map((each) => [each.at, each]));
      for (const [index, event] of events.entries()) {
        const disclosure = byIndex.get(index);
        if (disclosure !== undefined) records.disclose(fromPipe(disclosure));
        records.record(event);
      }
      if (count === 0) {
        setImmediate(() => {
          records.flush();
          this.#send({ kind: 'written', count });
          count = 0;
        });
      }
      count += events.length;
    };
    for (const message of this.#waiting.splice(0)) this.#write(message);
    await this.#ask('running', 'confirmed');
  }

  /** Ends what it still serves of a locked modality, too. */
  lock(locks: readonly ModalityLock[]): void {
    this.#send({ kind: 'lock', locks });
  }

  stop(): Promise<void> {
    this.#send({ kind: 'stop' });
    return this.ended();
  }

  /** Resolves when it has ended. Until then its lines come. */
  async ended(): Promise<void> {
    process.channel?.ref();
    if (process.connected) await this.#gone;
  }

  async #ask(kind: 'prepared' | 'running', answer: ToSuccessor['kind']): Promise<void> {
    const answered = new Promise<boolean>((resolve) => {
      this.#received = (what) => {
        if (what === answer) resolve(true);
      };
    });
    process.channel?.ref();
    this.#send({ kind });
    const isAnswered = await Promise.race([answered, this.#gone.then(() => false)]);
    process.channel?.unref();
    if (isAnswered) return;
    throw new OperatorError('the gateway that this one was to take over from has ended', ExitCode.Failed);
  }

  #send(message: ToPredecessor): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  }
}

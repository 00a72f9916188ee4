/**
 * What the gateway reports to systemd, by sd_notify(3): that it is ready, what it does, that it still turns. Without
 * `NOTIFY_SOCKET` in the environment nothing is loaded, and nothing runs. No text that a peer or a file has chosen goes
 * there. Starts and stops nothing.
 */
import { spawn } from 'node:child_process';
import type { RunningGateway } from '../gateway/runningGateway';
import { openDatagramSocket, type SendDatagram } from '../net/libc';
import { countOf } from '../text/quote';
import type { Say } from './warnings';

/** `systemctl status` is read by people. */
const STATUS_EVERY_MS = 1000;
/** The shortest watchdog that can be kept while the primary asks its workers. */
const MIN_WATCHDOG_MS = 1000;

type Watched = Pick<RunningGateway, 'associationCount' | 'heartbeat' | 'isListening'>;

export class Systemd {
  readonly #send: SendDatagram;
  readonly #watchdogMs: number | undefined;
  #gateway: Watched | undefined;
  #isDraining = false;
  /** Of the last reload, where it was rejected. */
  #problems = 0;
  #status = '';
  #timers: NodeJS.Timeout[] = [];

  private constructor(send: SendDatagram, watchdogMs: number | undefined) {
    this.#send = send;
    this.#watchdogMs = watchdogMs;
  }

  /**
   * Takes the variables out of the environment, so that no child reports in place of this process. Undefined where the
   * process was not started by systemd, or not with `Type=notify`.
   */
  static ofEnvironment(
    say: Say,
    env = process.env,
    open: (address: string) => SendDatagram = openDatagramSocket,
  ): Systemd | undefined {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
    if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return undefined;
    const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
    const watchdogMs = isOurs && /^\d{1,15}$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) / 1000 : 0;
    if (watchdogMs > 0 && watchdogMs < MIN_WATCHDOG_MS)
      say('warning: WatchdogSec is under 1 s; set it to 60');
    return new Systemd(openSocket(NOTIFY_SOCKET, open, say), watchdogMs > 0 ? watchdogMs : undefined);
  }

  /** It listens. From now on the status follows it. */
  ready(gateway: Watched): void {
    this.#gateway = gateway;
    this.#say('READY=1');
    this.#timers.push(setInterval(() => this.#report(), STATUS_EVERY_MS).unref());
    if (this.#watchdogMs === undefined) return;
    const beat = () => void this.#beat();
    this.#timers.push(setInterval(beat, this.#watchdogMs / 2).unref());
    beat();
  }

  /** `Type=notify-reload` wants the time of CLOCK_MONOTONIC; older versions of systemd leave it alone. */
  reloading(): void {
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  reloaded(problems: number): void {
    this.#problems = problems;
    this.#say('READY=1');
  }

  stopping(): void {
    this.#isDraining = true;
    this.#say('STOPPING=1');
  }

  /** Another process is the service from now on. Nothing more is said. */
  handOver(pid: number): void {
    this.#send(`MAINPID=${pid}`);
    this.close();
  }

  close(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #say(state: string): void {
    this.#status = this.#describe();
    this.#send(`${state}\nSTATUS=${this.#status}`);
  }

  #report(): void {
    const status = this.#describe();
    if (status === this.#status) return;
    this.#status = status;
    this.#send(`STATUS=${status}`);
  }

  #describe(): string {
    const count = countOf(this.#gateway?.associationCount ?? 0, 'association');
    if (this.#isDraining) return `draining; ${count} left`;
    const rejected = `configuration rejected: ${countOf(this.#problems, 'problem')}, see the log; `;
    return `${this.#problems === 0 ? '' : rejected}listening; ${count}`;
  }

  /** Only while every process of the gateway answers. One that does not ends all of them, and systemd starts again. */
  async #beat(): Promise<void> {
    await this.#gateway?.heartbeat();
    if (this.#isDraining || this.#gateway?.isListening === true) this.#send('WATCHDOG=1');
  }
}

/** With the program of systemd where koffi is missing: the unit has to allow that a child reports. */
function openSocket(address: string, open: typeof openDatagramSocket, say: Say): SendDatagram {
  try {
    return open(address);
  } catch (error) {
    const [why = ''] = (error as Error).message.split('\n');
    say(
      `systemd is notified by the program systemd-notify, because the optional package koffi cannot be loaded (${why}); that needs NotifyAccess=all in the unit`,
    );
    return (text) => {
      const child = spawn('systemd-notify', text.split('\n'), {
        env: { ...process.env, NOTIFY_SOCKET: address },
        stdio: 'ignore',
      });
      child.once('error', ({ message }) => say(`warning: systemd-notify cannot be run: ${message}`));
      return true;
    };
  }
}

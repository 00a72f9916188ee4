/**
 * The audit log on its way to a syslog server, beside stdout and the file: stands in front of the log and sees each event
 * first. Lines come back from the log as they are in the file. What is configured is put together here, and taken apart
 * again by a reload. Without a syslog server, it only passes on.
 */
import type { LogCopy } from '../audit/auditLog';
import type { AuditEvent, AuditSink, Outcome, Sender } from '../audit/events';
import type { Configuration } from '../config/schema';
import { type Disclosure, type DisclosureSink, wantedDisclosures } from '../gateway/dataSetTap';
import { openSpool, RunningExport, type Settings, type SyslogStatus } from './runningExport';
import { connectTo } from './transport';

/** A log that shows its lines to somebody else too. */
export interface CopiedLog extends AuditSink {
  copyTo(copy: LogCopy): void;
  /** Writes what would still come at the end. */
  finish(): void;
}

export class AuditExport implements AuditSink, DisclosureSink {
  readonly #log: CopiedLog;
  readonly #say: (text: string) => void;
  #report: (event: AuditEvent) => void = (event) => this.record(event);
  #running: RunningExport | undefined;
  /** The spool has one owner: who opens it waits for the one before. */
  #closing: Promise<void> = Promise.resolve();
  /** A gateway that cannot start, because another one has its ports, leaves the spool to that one. */
  #takeOver: () => void = () => {};
  /** What is recorded until then. */
  #early: ((running: RunningExport) => void)[] | undefined = [];
  wants: DisclosureSink['wants'] = 'nothing';

  private constructor(log: CopiedLog, say: (text: string) => void) {
    this.#log = log;
    this.#say = say;
    // As they are in the file, with their place in the chain.
    log.copyTo({
      isWanted: () => this.#early !== undefined || this.#running?.wantsLines === true,
      write: (events, lines) => this.#give((running) => running.copy(events, lines)),
    });
  }

  /** Throws OperatorError where a file cannot be used. The server need not be there. */
  static async start(
    configuration: Configuration,
    log: CopiedLog,
    say: (text: string) => void,
  ): Promise<AuditExport> {
    const auditExport = new AuditExport(log, say);
    auditExport.#takeOver = await auditExport.prepareReload(configuration);
    auditExport.wants = wantedDisclosures(configuration);
    return auditExport;
  }

  /** The gateway runs: from now on messages are sent, and events of its own go the way of all others. */
  attach(sink: Pick<AuditSink, 'record'>): void {
    this.#report = (event) => sink.record(event);
    this.#takeOver();
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#running !== undefined) for (const give of early) give(this.#running);
  }

  record(event: AuditEvent): void {
    this.#log.record(event);
    if (event.outcome !== 'debug') this.#give((running) => running.record(event));
  }

  disclose(disclosure: Disclosure): void {
    this.#running?.disclose(disclosure);
  }

  /** Undefined without a syslog server. */
  get status(): SyslogStatus | undefined {
    return this.#running?.status;
  }

  /** What is in the spool outlives this process, as a line in the file does. */
  flush(): void {
    this.#log.flush?.();
    this.#running?.flush();
  }

  hold(sender: Sender, outcome: Outcome): void {
    this.#log.hold?.(sender, outcome);
  }

  /** Reads what a new configuration names. The result takes it over when it is called. Rejects with OperatorError. */
  async prepareReload(configuration: Configuration): Promise<() => void> {
    const settings = await settingsOf(configuration);
    if (settings !== undefined && this.#running === undefined) {
      await this.#closing;
      // What cannot be used is to be known before anything is taken over.
      openSpool(settings, () => {}).close();
    }
    return () => {
      // What came before goes where it went.
      this.#log.flush?.();
      this.wants = wantedDisclosures(configuration);
      if (settings === undefined) {
        this.#leave();
      } else if (this.#running !== undefined) this.#running.replace(settings);
      else this.#running = this.#open(settings);
    };
  }

  async close(): Promise<void> {
    this.#log.finish();
    this.#leave();
    await this.#closing;
  }

  #give(what: (running: RunningExport) => void): void {
    if (this.#early !== undefined) this.#early.push(what);
    else if (this.#running !== undefined) what(this.#running);
  }

  #leave(): void {
    if (this.#running !== undefined) this.#closing = this.#running.close();
    this.#running = undefined;
  }

  #open(settings: Settings): RunningExport {
    const report = (event: AuditEvent) => {
      this.#say(`${event.outcome === 'failed' ? 'warning: ' : ''}${event.detail}`);
      this.#report(event);
    };
    return new RunningExport(settings, report);
  }
}

async function settingsOf(configuration: Configuration): Promise<Settings | undefined> {
  const { syslog, atna } = configuration.audit;
  if (syslog === undefined) return undefined;
  return {
    configuration,
    syslog,
    connect: connectTo(syslog),
    atna: atna === undefined ? undefined : await import('./atnaFormat'),
  };
}

/**
 * The audit log on its way to a syslog server, beside stdout and the file: stands in front of the log and sees each event
 * first. What is configured is put together here, and taken apart again by a reload. Without a syslog server, it only
 * passes on.
 */
import type { AuditEvent, AuditSink, Outcome, Sender } from '../audit/events';
import { type LineSumOptions, LineSums } from '../audit/lineSums';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { type Disclosure, type DisclosureSink, wantedDisclosures } from '../gateway/dataSetTap';
import type { AuditMessage } from './auditMessage';
import { Delivery } from './delivery';
import { type Format, lineFormat } from './lineFormat';
import { Spool } from './spool';
import { encodeSyslogMessage, MACHINE_NAME, Severity } from './syslogMessage';
import { type Connect, connectTo, MAX_DATAGRAM_BYTES, type SyslogConfiguration } from './transport';

/** From the first loss to its line, so that the line counts more than one; and from one line to the next. */
const FIRST_LOSS_MS = 1000;
const NEXT_LOSS_MS = 60_000;

/** PS3.15 §A.6 does not say; dcm4che maps outcomes in this way. */
const SEVERITY_BY_MESSAGE: Readonly<Record<AuditMessage['outcome'], number>> = {
  success: Severity.notice,
  minor: Severity.warning,
  serious: Severity.error,
};

/** IHE ITI-20. */
const ATNA_MESSAGE_ID = 'IHE+RFC-3881';

interface Settings {
  readonly configuration: Configuration;
  readonly syslog: SyslogConfiguration;
  readonly connect: Connect;
  /** Loaded where it is needed. */
  readonly atna: typeof import('./atnaFormat') | undefined;
}

export class AuditExport implements AuditSink, DisclosureSink {
  readonly #log: AuditSink;
  readonly #say: (text: string) => void;
  #report: (event: AuditEvent) => void = (event) => this.record(event);
  #running: RunningExport | undefined;
  /** The spool has one owner: who opens it waits for the one before. */
  #closing: Promise<void> = Promise.resolve();
  /** A gateway that cannot start, because another one has its ports, leaves the spool to that one. */
  #takeOver: () => void = () => {};
  /** What is recorded until then. */
  #early: AuditEvent[] | undefined = [];
  wants: DisclosureSink['wants'] = 'nothing';

  private constructor(log: AuditSink, say: (text: string) => void) {
    this.#log = log;
    this.#say = say;
  }

  /** Throws OperatorError where a file cannot be used. The server need not be there. */
  static async start(
    configuration: Configuration,
    log: AuditSink,
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
    for (const event of early) this.#running?.record(event);
  }

  record(event: AuditEvent): void {
    this.#log.record(event);
    if (event.outcome === 'debug') return;
    if (this.#early === undefined) this.#running?.record(event);
    else this.#early.push(event);
  }

  disclose(disclosure: Disclosure): void {
    this.#running?.disclose(disclosure);
  }

  /** What is in the spool outlives this process, as a line in the file does. */
  flush(): void {
    this.#running?.flush();
    this.#log.flush?.();
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
      this.wants = wantedDisclosures(configuration);
      if (settings === undefined) {
        this.#leave();
      } else if (this.#running !== undefined) this.#running.replace(settings);
      else this.#running = this.#open(settings);
    };
  }

  async close(): Promise<void> {
    this.#leave();
    await this.#closing;
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

class RunningExport {
  #settings: Settings;
  readonly #report: (event: AuditEvent) => void;
  readonly #sums: LineSums;
  readonly #spool: Spool;
  readonly #delivery: Delivery;
  #format: Format;
  #waiting: Buffer[] = [];
  #lost: { count: number; readonly since: Date; why: string } | undefined;
  #lossTimer: NodeJS.Timeout | undefined;
  #lastLossMs = Number.NEGATIVE_INFINITY;

  constructor(settings: Settings, report: (event: AuditEvent) => void) {
    const { connect } = settings;
    this.#settings = settings;
    this.#report = report;
    this.#sums = new LineSums(summedIn(settings), {
      write: (sum) => this.#format.record(sum),
      isBlocked: () => false,
    });
    this.#format = this.#formatOf(settings);
    this.#spool = openSpool(settings, (count, why) => this.#missed(count, why));
    this.#delivery = new Delivery(this.#spool, connect, {
      down: (detail) =>
        this.#changed('syslog.down', `cannot be reached: ${detail}; messages wait on the disk`),
      up: () => this.#changed('syslog.up', 'takes messages again'),
    });
  }

  record(event: AuditEvent): void {
    if (event.event === 'gateway.stopped') this.#sums.writeAll();
    if (!this.#sums.adds(event)) this.#format.record(event);
  }

  disclose(disclosure: Disclosure): void {
    this.#format.disclose(disclosure);
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#spool.append(this.#waiting.splice(0));
    this.#delivery.wake();
  }

  replace(settings: Settings): void {
    const { syslog } = settings;
    const before = this.#settings;
    this.#settings = settings;
    this.#sums.options = summedIn(settings);
    this.#spool.maxBytes = syslog.spoolBytes;
    if (differ(before, settings, formatKeys)) {
      this.#format.close();
      this.#format = this.#formatOf(settings);
    }
    this.#delivery.replace(settings.connect, differ(before, settings, serverKeys));
  }

  async close(): Promise<void> {
    this.#sums.close();
    this.#format.close();
    this.flush();
    await this.#delivery.close();
    clearTimeout(this.#lossTimer);
    if (this.#lost !== undefined) this.#reportLost();
    this.#spool.close();
  }

  #formatOf({ configuration, atna }: Settings): Format {
    if (atna === undefined) return lineFormat((...message) => this.#send(...message));
    const context = {
      sourceId: configuration.audit.atna?.sourceId ?? `aegis@${MACHINE_NAME}`,
      siteId: configuration.audit.atna?.siteId,
      aeTitles: Object.keys(configuration.upstreams).filter((title) => title !== '*'),
    };
    return atna.atnaFormat(context, (outcome, xml) =>
      this.#send(SEVERITY_BY_MESSAGE[outcome], ATNA_MESSAGE_ID, xml),
    );
  }

  #send(severity: number, messageId: string, text: string): void {
    const { syslog } = this.#settings;
    const message = encodeSyslogMessage({
      facility: syslog.facility,
      severity,
      time: new Date().toISOString(),
      messageId: syslog.messageId ?? messageId,
      text,
    });
    if (syslog.protocol === 'udp' && message.length > MAX_DATAGRAM_BYTES) {
      this.#missed(1, 'it is longer than a datagram');
      return;
    }
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(message);
  }

  #changed(event: 'syslog.down' | 'syslog.up', what: string): void {
    const outcome = event === 'syslog.down' ? 'failed' : 'info';
    this.#report({ event, outcome, detail: `the syslog server ${this.#settings.syslog.server} ${what}` });
  }

  #missed(count: number, why: string): void {
    this.#lost ??= { count: 0, since: new Date(), why };
    this.#lost.count += count;
    this.#lost.why = why;
    const waitMs = Math.max(FIRST_LOSS_MS, this.#lastLossMs + NEXT_LOSS_MS - performance.now());
    this.#lossTimer ??= setTimeout(() => this.#reportLost(), waitMs).unref();
  }

  #reportLost(): void {
    this.#lossTimer = undefined;
    this.#lastLossMs = performance.now();
    const { count, since, why } = this.#lost!;
    this.#lost = undefined;
    const detail = `${count} messages to the syslog server are lost: ${why}`;
    this.#report({ event: 'syslog.lost', outcome: 'failed', detail, count, since: since.toISOString() });
  }
}

/** DICOM audit messages add up what was allowed by themselves, for each study and association. */
function summedIn({ configuration: { audit } }: Settings): LineSumOptions {
  return audit.atna === undefined ? audit : { refusals: audit.refusals };
}

/** What messages are made of. Else what is added up for associations that are open goes on over a reload. */
function formatKeys({ configuration: { audit, upstreams } }: Settings): unknown {
  return [audit.atna, Object.keys(upstreams)];
}

function serverKeys({ syslog: { server, protocol, tls } }: Settings): unknown {
  return [server, protocol, tls];
}

function differ(one: Settings, other: Settings, keysOf: (settings: Settings) => unknown): boolean {
  return JSON.stringify(keysOf(one)) !== JSON.stringify(keysOf(other));
}

function openSpool({ configuration, syslog }: Settings, lost: (count: number, why: string) => void): Spool {
  try {
    return new Spool(configuration.stateDirectory, syslog.spoolBytes, { lost });
  } catch (error) {
    throw new OperatorError(`the spool of audit.syslog cannot be opened: ${(error as Error).message}`);
  }
}

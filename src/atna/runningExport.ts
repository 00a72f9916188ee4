/**
 * What goes to one syslog server, from the event or line to the spool: as DICOM audit messages, or as the lines of the log.
 * What is lost on the way is counted and reported. Reads no configuration file and knows no socket.
 */
import type { AuditEvent, Outcome } from '../audit/events';
import { LineSums } from '../audit/lineSums';
import type { TimedEvent } from '../audit/readableLine';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import type { Disclosure } from '../gateway/dataSetTap';
import type { AuditMessage } from './auditMessage';
import { Delivery } from './delivery';
import { Spool } from './spool';
import { encodeSyslogMessage, MACHINE_NAME, Severity } from './syslogMessage';
import { type Connect, MAX_DATAGRAM_BYTES, type SyslogConfiguration } from './transport';

/** From the first loss to its line, so that the line counts more than one; and from one line to the next. */
const FIRST_LOSS_MS = 1000;
const NEXT_LOSS_MS = 60_000;

/** PS3.15 §A.6 does not say; dcm4che maps outcomes in this way. */
const SEVERITY_BY_MESSAGE: Readonly<Record<AuditMessage['outcome'], number>> = {
  success: Severity.notice,
  minor: Severity.warning,
  serious: Severity.error,
};

const SEVERITY_BY_OUTCOME: Readonly<Record<Outcome, number>> = {
  allowed: Severity.informational,
  info: Severity.informational,
  debug: Severity.informational,
  'would-deny': Severity.notice,
  denied: Severity.warning,
  failed: Severity.error,
};

/** IHE ITI-20. */
const ATNA_MESSAGE_ID = 'IHE+RFC-3881';

type Messages = ReturnType<typeof import('./atnaFormat').atnaFormat>;

export interface Settings {
  readonly configuration: Configuration;
  readonly syslog: SyslogConfiguration;
  readonly connect: Connect;
  /** Loaded where it is needed. */
  readonly atna: typeof import('./atnaFormat') | undefined;
}

/** Of the syslog server, as `aegis status` shows it. */
export interface SyslogStatus {
  readonly server: string;
  /** Also before the first answer. */
  readonly isUp: boolean;
  /** Where it is away: since when, and why. */
  readonly since?: string;
  readonly detail?: string;
  /** Messages on the disk that are still to be sent. */
  readonly waiting: number;
}

export class RunningExport {
  #settings: Settings;
  readonly #report: (event: AuditEvent) => void;
  /** Of DICOM audit messages. Lines were added up by the log. */
  readonly #sums: LineSums;
  readonly #spool: Spool;
  readonly #delivery: Delivery;
  #format: Messages | undefined;
  #waiting: Buffer[] = [];
  #away: Pick<SyslogStatus, 'since' | 'detail'> | undefined;
  #lost: { count: number; readonly since: Date; why: string } | undefined;
  #lossTimer: NodeJS.Timeout | undefined;
  #lastLossMs = Number.NEGATIVE_INFINITY;

  constructor(settings: Settings, report: (event: AuditEvent) => void) {
    const { configuration, connect } = settings;
    this.#settings = settings;
    this.#report = report;
    this.#sums = new LineSums(
      { refusals: configuration.audit.refusals },
      {
        write: (sum) => this.#format?.record(sum),
        isBlocked: () => false,
      },
    );
    this.#format = this.#formatOf(settings);
    this.#spool = openSpool(settings, (count, why) => this.#missed(count, why));
    this.#delivery = new Delivery(this.#spool, connect, {
      down: (detail) => {
        this.#away = { since: new Date().toISOString(), detail };
        this.#changed('syslog.down', `cannot be reached: ${detail}; messages wait on the disk`);
      },
      up: () => {
        this.#away = undefined;
        this.#changed('syslog.up', 'takes messages again');
      },
    });
  }

  get status(): SyslogStatus {
    const { server } = this.#settings.syslog;
    return { server, isUp: this.#away === undefined, ...this.#away, waiting: this.#spool.waiting };
  }

  get wantsLines(): boolean {
    return this.#settings.atna === undefined;
  }

  copy(events: readonly TimedEvent[], lines: readonly string[]): void {
    if (this.wantsLines) for (const [index, event] of events.entries()) this.#sendLine(event, lines[index]!);
  }

  record(event: AuditEvent): void {
    if (this.wantsLines) return;
    if (event.event === 'gateway.stopped') this.#sums.writeAll();
    if (!this.#sums.adds(event)) this.#format?.record(event);
  }

  disclose(disclosure: Disclosure): void {
    this.#format?.disclose(disclosure);
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#spool.append(this.#waiting.splice(0));
    this.#delivery.wake();
  }

  replace(settings: Settings): void {
    const { configuration, syslog } = settings;
    const before = this.#settings;
    this.#settings = settings;
    this.#sums.options = { refusals: configuration.audit.refusals };
    this.#spool.maxBytes = syslog.spoolBytes;
    if (differ(before, settings, formatKeys)) {
      this.#format?.close();
      this.#format = this.#formatOf(settings);
    }
    this.#delivery.replace(settings.connect, differ(before, settings, serverKeys));
  }

  async close(): Promise<void> {
    this.#sums.close();
    this.#format?.close();
    this.flush();
    await this.#delivery.close();
    clearTimeout(this.#lossTimer);
    if (this.#lost !== undefined) this.#reportLost();
    this.#spool.close();
  }

  #formatOf({ configuration, atna }: Settings): Messages | undefined {
    if (atna === undefined) return undefined;
    const context = {
      sourceId: configuration.audit.atna?.sourceId ?? `aegis@${MACHINE_NAME}`,
      siteId: configuration.audit.atna?.siteId,
      aeTitles: Object.keys(configuration.upstreams).filter((title) => title !== '*'),
    };
    return atna.atnaFormat(context, (outcome, xml) =>
      this.#send(SEVERITY_BY_MESSAGE[outcome], ATNA_MESSAGE_ID, xml),
    );
  }

  #sendLine({ outcome, event }: TimedEvent, line: string): void {
    this.#send(SEVERITY_BY_OUTCOME[outcome], event, line);
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

export function openSpool(
  { configuration, syslog }: Settings,
  lost: (count: number, why: string) => void,
): Spool {
  try {
    return new Spool(configuration.stateDirectory, syslog.spoolBytes, { lost });
  } catch (error) {
    throw new OperatorError(`the spool of audit.syslog cannot be opened: ${(error as Error).message}`);
  }
}

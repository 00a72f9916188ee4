/**
 * The audit log: turns events into lines and writes them to stdout and, if configured, to a file. A line is one JSON
 * object, or readable text on a terminal. Texts that came from the network are escaped and shortened on their way into a
 * line, so events may carry them as they are. In a flood, lines are added up (lineSums.ts). Does not know what an event
 * means, nor how lines are written (lineFile.ts, lineStream.ts).
 */
import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import { createLogger, format, type Logger, transports } from 'winston';
import { AuditFile, type AuditFileOptions, gapEvent } from './auditFile';
import type { AuditEvent, AuditSink, Outcome, Sender } from './events';
import { HeldSenders } from './heldSenders';
import { jsonLine, timed } from './jsonLine';
import { LineStream, type Missed } from './lineStream';
import { type LineSumOptions, LineSums } from './lineSums';
import { readableLine, type TimedEvent } from './readableLine';

/** How long the sender of a refusal is not read while nobody takes lines. Sums hold what it sends meanwhile. */
const MAX_HOLD_MS = 1000;

export interface AuditLogOptions extends AuditFileOptions, LineSumOptions {
  /** Where lines go, usually process.stdout. */
  readonly stream: NodeJS.WritableStream;
  /** Readable lines instead of JSON: stdout is a terminal. */
  readonly isReadable: boolean;
  /** A second copy, always JSON. */
  readonly file?: string | undefined;
  /** Words for the operator: the file cannot be written, or can again. */
  say(message: string): void;
}

/** Somebody else who gets each line as it is in the file. */
export interface LogCopy {
  isWanted(): boolean;
  write(events: readonly TimedEvent[], lines: readonly string[]): void;
}

export class AuditLog implements AuditSink {
  readonly #output: NodeJS.WritableStream & Partial<Pick<WriteStream, 'columns'>>;
  readonly #stream: LineStream;
  readonly #file: AuditFile | undefined;
  /** Only where a person reads. A call of winston costs as much as a JSON line, and an answer waits for its line. */
  readonly #readable: Logger | undefined;
  readonly #say: (message: string) => void;
  readonly #sums: LineSums;
  readonly #held = new HeldSenders();
  #holdTimer: NodeJS.Timeout | undefined;
  readonly #waiting: TimedEvent[] = [];
  #copy: LogCopy | undefined;
  /** Where lines about the log itself go. */
  #sink: Pick<AuditSink, 'record'> = { record: (event) => this.#add(event) };

  /** Throws OperatorError if the file cannot be opened: without its audit log the gateway does not start. */
  constructor({ stream, isReadable, file, say, ...options }: AuditLogOptions) {
    this.#output = stream;
    this.#readable = isReadable ? readableLogger(stream) : undefined;
    this.#say = say;
    this.#sums = new LineSums(options, {
      write: (sum) => this.#add(sum),
      isBlocked: () => this.#isBlocked,
    });
    this.#stream = new LineStream(stream, () => {
      this.#release();
      this.#reportMissed();
    });
    this.#file =
      file === undefined
        ? undefined
        : new AuditFile(file, options, { say, report: (event) => this.#sink.record(event) });
  }

  /**
   * Writes the line when something is sent to a peer, at the latest at the end of this turn of the event loop: so one turn
   * bounds the memory, and no peer gets an answer before its line is out.
   */
  record(event: AuditEvent): void {
    if (event.outcome === 'debug') return;
    if (event.event === 'gateway.stopped') this.#sums.writeAll();
    if (!this.#sums.adds(event)) this.#add(event);
  }

  copyTo(copy: LogCopy): void {
    this.#copy = copy;
  }

  /** Before the first line. */
  async prepare(): Promise<void> {
    await this.#file?.prepare();
  }

  /** The gateway runs: from now on lines about the log itself go through `sink`, which passes them on to here. */
  attach(sink: Pick<AuditSink, 'record'>): void {
    this.#sink = sink;
    this.#file?.watch();
  }

  /** All lines that were recorded since the last time, in one write. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#writeLines(this.#waiting.splice(0));
  }

  /**
   * While nobody takes lines, who is refused is not read for a moment after each refusal. Who is served goes on: what was
   * allowed is counted.
   */
  hold(sender: Sender, outcome: Outcome): void {
    if (outcome !== 'denied' || !this.#isBlocked) return;
    this.#held.hold(sender);
    this.#holdTimer ??= setTimeout(() => this.#release(), MAX_HOLD_MS).unref();
  }

  /** The file was moved away, perhaps. */
  reopen(): void {
    this.flush();
    this.#file?.reopen();
  }

  /** Whether lines can be written to stdout and to the file. */
  get sinks(): Readonly<Record<string, boolean>> {
    const stdout = !this.#stream.isFull;
    return this.#file === undefined ? { stdout } : { stdout, file: this.#file.isTaking };
  }

  /** Of a reload. */
  replace({ rotate, ...options }: LineSumOptions & Pick<AuditLogOptions, 'rotate'>): void {
    if (this.#file !== undefined) this.#file.rotation = rotate;
    this.#sums.options = options;
  }

  /** Writes what would still come at the end: sums, what stdout missed, the last check-point. */
  finish(): void {
    this.#sums.close();
    this.#release();
    this.flush();
    // What that brought to light: a disk that has room again.
    this.#reportMissed(true);
    this.flush();
    this.#file?.signLast();
    this.flush();
  }

  /** Resolves when every line is written, or was given to a stdout that does not take it yet. */
  async close(): Promise<void> {
    this.finish();
    await this.#file?.close();
    if (this.#readable === undefined) return;
    const finished = this.#readable.transports.map((transport) => once(transport, 'finish'));
    this.#readable.end();
    await Promise.all(finished);
  }

  get #isBlocked(): boolean {
    return this.#stream.isFull && this.#file?.isTaking !== true;
  }

  #add(event: AuditEvent): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(timed(event));
  }

  #writeLines(events: readonly TimedEvent[]): void {
    const isCopied = this.#copy?.isWanted() === true;
    const needsLines = isCopied || this.#file !== undefined || this.#readable === undefined;
    const lines = needsLines ? events.map(jsonLine) : [];
    const written = this.#file?.write(events, lines) ?? lines;
    if (this.#readable === undefined) this.#stream.write(events, written);
    else for (const line of this.#readableLines(events)) this.#readable.info(line);
    if (isCopied) this.#copy?.write(events, written);
    this.#reportMissed();
  }

  /** A terminal can change its size. */
  #readableLines(events: readonly TimedEvent[]): string[] {
    const { columns } = this.#output;
    return events.map((event) => readableLine(event, columns));
  }

  #reportMissed(isLast = false): void {
    const missed = this.#stream.takeMissed(isLast);
    if (missed === undefined) return;
    const event = missedEvent(missed);
    this.#say(isLast ? `${event.detail}` : `stdout takes lines again; ${event.detail}`);
    this.#sink.record(event);
  }

  #release(): void {
    clearTimeout(this.#holdTimer);
    this.#holdTimer = undefined;
    this.#held.release();
  }
}

function readableLogger(stream: NodeJS.WritableStream): Logger {
  return createLogger({
    format: format.printf(({ message }) => String(message)),
    transports: [new transports.Stream({ stream, eol: '\n' })],
  });
}

function missedEvent({ countByOutcome, since }: Missed): AuditEvent {
  const counts = [...countByOutcome].map(([outcome, count]) => `${count} ${outcome}`);
  const count = [...countByOutcome.values()].reduce((sum, some) => sum + some, 0);
  const why = 'its reader did not take them';
  return gapEvent(count, since, `${count} lines were not written to stdout (${counts.join(', ')}): ${why}`);
}

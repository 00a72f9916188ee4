/**
 * The audit log: turns events into lines and writes them to stdout and, if configured, to a file. A line is one JSON
 * object, or readable text on a terminal. Texts that came from the network are escaped and shortened on their way into a
 * line, so events may carry them as they are. Does not know what an event means, nor how a file is written (lineFile.ts).
 */
import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import { createLogger, format, type Logger, transports } from 'winston';
import type { AuditEvent, AuditSink } from './events';
import { LineFile } from './lineFile';
import { readableLine, shorten, type TimedEvent } from './readableLine';

/** Where winston's transports look for the finished line. */
const MESSAGE = Symbol.for('message');
/** Lines up to this length are not shortened: looking at every text of every line costs more than making it. */
const MAX_USUAL_LENGTH = 1024;

export interface AuditLogOptions {
  /** Where lines go, usually process.stdout. */
  readonly stream: NodeJS.WritableStream;
  /** Readable lines instead of JSON: stdout is a terminal. */
  readonly isReadable: boolean;
  /** A second copy, always JSON. */
  readonly file?: string | undefined;
  /** Called at the first failed write, and again only after one succeeded. Lines still go to the stream. */
  fileFailed(message: string): void;
}

export class AuditLog implements AuditSink {
  readonly #logger: Logger;
  readonly #file: LineFile | undefined;
  readonly #waiting: TimedEvent[] = [];

  /** Throws OperatorError if the file cannot be opened: without its audit log the gateway does not start. */
  constructor(options: AuditLogOptions) {
    const { stream, isReadable, file, fileFailed } = options;
    this.#logger = createLogger({
      format: linesFormat(jsonLine),
      transports: [
        new transports.Stream({
          stream,
          eol: '\n',
          ...(isReadable ? { format: linesFormat((event) => readableLine(event, columnsOf(stream))) } : {}),
        }),
      ],
    });
    if (file === undefined) return;
    this.#file = new LineFile(file, fileFailed);
    this.#logger.add(new transports.Stream({ stream: this.#file, eol: '\n' }));
  }

  /**
   * Writes the line at the end of this turn of the event loop, so that the answer to the peer goes out first. No line
   * waits longer, so one turn bounds the memory.
   */
  record(event: AuditEvent): void {
    if (event.outcome === 'debug') return;
    if (this.#waiting.length === 0) setImmediate(() => this.#write());
    // What happened comes first, for people who read the JSON.
    const { event: name, outcome, reason } = event;
    const facts: Partial<AuditEvent> = event;
    this.#waiting.push({ time: new Date().toISOString(), event: name, outcome, reason, ...facts });
  }

  /** All lines of a turn in one call: a call of winston costs more than a line. */
  #write(): void {
    const events = this.#waiting.splice(0);
    if (events.length > 0) this.#logger.log({ level: 'info', message: '', events });
  }

  /** Resolves when every line is written. */
  async close(): Promise<void> {
    this.#write();
    const finished = this.#logger.transports.map((transport) => once(transport, 'finish'));
    this.#logger.end();
    await Promise.all(finished);
    this.#file?.destroy();
  }
}

/** At each line, because a terminal can change its size. Undefined for anything else. */
function columnsOf(stream: NodeJS.WritableStream): number | undefined {
  return (stream as Partial<WriteStream>).columns;
}

function linesFormat(render: (event: TimedEvent) => string) {
  return format((info) => {
    info[MESSAGE] = (info.events as TimedEvent[]).map(render).join('\n');
    return info;
  })();
}

function shortenText(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? shorten(value) : value;
}

/** Everything beyond printable ASCII as \u escapes: the same text to a JSON parser, harmless to a terminal. */
function jsonLine(event: TimedEvent): string {
  const whole = JSON.stringify(event);
  const json = whole.length <= MAX_USUAL_LENGTH ? whole : JSON.stringify(event, shortenText);
  return json.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

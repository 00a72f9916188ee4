/**
 * stdout as a place for lines. Its reader may be slow or hang, so what waits for it is bounded. Decides which lines it still
 * takes, and counts the others. Knows nothing of what is in a line.
 */
import type { AuditEvent, Outcome } from './events';

/** A second of a busy gateway. With more, lines of what was allowed are counted instead of written. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** With more, nothing is written. The rest above is for what was refused or failed. */
const MAX_WAITING_BYTES_OF_ALL = 4 * MAX_WAITING_BYTES;

/** Lines that were not written, by their outcome. */
export interface Missed {
  readonly since: Date;
  readonly countByOutcome: ReadonlyMap<Outcome, number>;
}

export class LineStream {
  readonly #stream: NodeJS.WritableStream;
  #missed: { since: Date; countByOutcome: Map<Outcome, number> } | undefined;

  /** `drained` is called when the reader has taken everything that waited. */
  constructor(stream: NodeJS.WritableStream, drained: () => void) {
    this.#stream = stream;
    stream.on('drain', drained);
  }

  /** Whether nothing can be written. */
  get isFull(): boolean {
    return this.#waitingBytes >= MAX_WAITING_BYTES_OF_ALL;
  }

  /** What was missed, once everything can be written again, or at the end: to be reported, and then forgotten. */
  takeMissed(isLast: boolean): Missed | undefined {
    if (this.#missed === undefined || (!isLast && this.#waitingBytes >= MAX_WAITING_BYTES)) return undefined;
    const missed = this.#missed;
    this.#missed = undefined;
    return missed;
  }

  /** Writes lines, each with its event; counts those that it does not take. */
  write(events: readonly AuditEvent[], lines: readonly string[]): void {
    let waiting = this.#waitingBytes;
    let text = '';
    events.forEach((event, index) => {
      const line = lines[index] as string;
      if (waiting < limitOf(event)) {
        text += `${line}\n`;
        waiting += line.length + 1;
      } else this.#miss(event.outcome);
    });
    if (text !== '') this.#stream.write(text);
  }

  #miss(outcome: Outcome): void {
    this.#missed ??= { since: new Date(), countByOutcome: new Map() };
    const { countByOutcome } = this.#missed;
    countByOutcome.set(outcome, (countByOutcome.get(outcome) ?? 0) + 1);
  }

  get #waitingBytes(): number {
    return (this.#stream as Partial<{ writableLength: number }>).writableLength ?? 0;
  }
}

/** What is said of the gateway itself is rare, and nobody sends it. So are sums. */
function limitOf({ outcome, connectionId, count }: AuditEvent): number {
  const isOrdinary =
    connectionId !== undefined && count === undefined && (outcome === 'allowed' || outcome === 'info');
  return isOrdinary ? MAX_WAITING_BYTES : MAX_WAITING_BYTES_OF_ALL;
}

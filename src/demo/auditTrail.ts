/**
 * The audit log of the demo's gateway in memory: lets a scene wait for the line that it expects.
 */
import type { AuditEvent, AuditSink } from '../audit/events';

/** A line may come a moment after the answer on the wire. Only a scene that fails waits this long. */
const DEADLINE_MS = 2000;

export class AuditTrail implements AuditSink {
  readonly #events: AuditEvent[] = [];
  readonly #watchers = new Set<() => void>();
  #copy: AuditSink | undefined;

  record(event: AuditEvent): void {
    this.#events.push(event);
    this.#copy?.record(event);
    for (const look of this.#watchers) look();
  }

  /** From now on this sink gets every event, too. */
  copyTo(sink: AuditSink): void {
    this.#copy = sink;
  }

  /** How many events there were so far; where a scene begins. */
  get length(): number {
    return this.#events.length;
  }

  /** Resolves with `wanted` once an event from `start` on reads so; after a while with what came instead. */
  async find(wanted: string, start: number): Promise<string> {
    const found = () => this.#events.slice(start).map(formatEvent);
    const isThere = () => found().includes(wanted);
    if (!isThere()) {
      await new Promise<void>((resolve) => {
        const finish = () => {
          clearTimeout(deadline);
          this.#watchers.delete(look);
          resolve();
        };
        const look = () => {
          if (isThere()) finish();
        };
        const deadline = setTimeout(finish, DEADLINE_MS);
        this.#watchers.add(look);
      });
    }
    return isThere() ? wanted : found().join(', ') || 'nothing';
  }
}

/** `command.refused command-not-allowed 0x0124`, `command.completed allowed 0x0000`. */
function formatEvent({ event, outcome, reason, status }: AuditEvent): string {
  return [event, reason ?? outcome, ...(status === undefined ? [] : [status])].join(' ');
}

/**
 * What happened in the last 24 hours, in buckets of 5 minutes: associations, bytes and refusals, by audit events. Some
 * 7 KB, whatever happens. Knows no file.
 */
import * as z from 'zod';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { HistoryBucket, HistoryReport } from './pageReport';

export const BUCKET_MS = 5 * 60_000;
const BUCKETS = (24 * 60 * 60_000) / BUCKET_MS;

const column = z.array(z.number().min(0)).max(BUCKETS).readonly();

/** As it is kept. */
export const keptHistorySchema = z.object({
  from: z.iso.datetime(),
  associations: column,
  bytes: column,
  refusals: column,
});

type Kept = z.output<typeof keptHistorySchema>;
type Columns = Record<'associations' | 'bytes' | 'refusals', number>;

export class History implements AuditSink {
  readonly #now: () => number;
  /** By the number of the bucket since 1970; those in which nothing happened are absent. */
  readonly #bucketByNumber = new Map<number, Columns>();

  /** `kept` is that of an earlier run. What is older than a day, or in the future, is left out. */
  constructor(kept?: Kept, now = () => Date.now()) {
    this.#now = now;
    if (kept === undefined) return;
    const first = numberOf(Date.parse(kept.from));
    for (const [index, associations] of kept.associations.entries()) {
      const { [index]: bytes = 0 } = kept.bytes;
      const { [index]: refusals = 0 } = kept.refusals;
      const isPast = first + index <= numberOf(now());
      if (isPast) this.#bucketByNumber.set(first + index, { associations, bytes, refusals });
    }
  }

  /** Whether the event counts in it. */
  record({ event, outcome, bytes = 0 }: AuditEvent): boolean {
    if (event === 'association.accepted') this.#present.associations += 1;
    else if (event === 'command.completed') this.#present.bytes += bytes;
    else if (outcome === 'denied') this.#present.refusals += 1;
    else return false;
    return true;
  }

  /** The present bucket. */
  get present(): HistoryBucket {
    const number = numberOf(this.#now());
    return { from: beginning(number), ...NOTHING, ...this.#bucketByNumber.get(number) };
  }

  get report(): HistoryReport {
    const first = numberOf(this.#now()) - BUCKETS + 1;
    const buckets = Array.from(
      { length: BUCKETS },
      (_, index) => this.#bucketByNumber.get(first + index) ?? NOTHING,
    );
    return {
      bucketSeconds: BUCKET_MS / 1000,
      from: beginning(first),
      associations: buckets.map(({ associations }) => associations),
      bytes: buckets.map((bucket) => bucket.bytes),
      refusals: buckets.map(({ refusals }) => refusals),
    };
  }

  get #present(): Columns {
    const number = numberOf(this.#now());
    const known = this.#bucketByNumber.get(number);
    if (known !== undefined) return known;
    const bucket = { ...NOTHING };
    this.#bucketByNumber.set(number, bucket);
    // Also those of a clock that was set back.
    for (const other of this.#bucketByNumber.keys()) {
      if (other <= number - BUCKETS || other > number) this.#bucketByNumber.delete(other);
    }
    return bucket;
  }
}

const NOTHING: Columns = { associations: 0, bytes: 0, refusals: 0 };

function numberOf(ms: number): number {
  return Math.floor(ms / BUCKET_MS);
}

function beginning(number: number): string {
  return new Date(number * BUCKET_MS).toISOString();
}

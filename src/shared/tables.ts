/**
 * Records that every gateway has: of each field, the newest one counts, wherever it was written. A removal is a record too.
 * What comes from the server is not trusted: it is parsed, bounded, and nothing of it is newer than this moment. What the
 * records mean is not known here.
 */
import * as z from 'zod';
import { MAX_BACKGROUND_MS, type Store } from './store';

/** Of each kind at a time, in each direction. More come with the next turn. */
export const MAX_RECORDS_AT_ONCE = 100;
/** What is not changed for so long is forgotten, with its kind. */
const KEPT_MS = 90 * 86_400_000;
const MAX_FIELD_LENGTH = 256;
const MAX_VALUE_LENGTH = 16_384;
/** Clocks of gateways may differ by this. A record from further ahead would win over all that people do later. */
const MAX_AHEAD_MS = 600_000;

interface TableOptions<T extends z.ZodType> {
  /** Its name in the keys. */
  readonly kind: string;
  readonly maxRecords: number;
  readonly value: T;
  /** Another gateway has written it; undefined: has removed it. */
  took(field: string, value: z.output<T> | undefined): void;
  /** All that this gateway knows, with its moment where it knows one: said at each new connection. */
  all(): Iterable<readonly [field: string, value: object | string, atMs?: number]>;
}

interface Unsaid {
  readonly atMs: number;
  readonly value: string;
}

export class Table<T extends z.ZodType> {
  readonly kind: string;
  readonly #options: TableOptions<T>;
  readonly #atByField = new Map<string, number>();
  readonly #unsaid = new Map<string, Unsaid>();
  /** Up to here, it knows what the server has. */
  version = '0';

  constructor(options: TableOptions<T>) {
    this.kind = options.kind;
    this.#options = options;
  }

  /** This gateway has changed it; undefined: has removed it. */
  put(field: string, value: object | string | undefined, atMs = Date.now()): void {
    const known = this.#atByField.get(field);
    this.#say(field, value, known === undefined ? atMs : Math.max(atMs, known + 1));
  }

  /** A new connection: the server may have lost everything. Says all again, and asks for all. */
  startAgain(): void {
    this.version = '0';
    for (const [field, value, atMs] of this.#options.all()) {
      if (!this.#unsaid.has(field)) this.#say(field, value, this.#atByField.get(field) ?? atMs ?? 0);
    }
  }

  /** Says what has changed. Rejects with Away, and says it again later. */
  async say(store: Store): Promise<void> {
    while (this.#unsaid.size > 0) {
      const said = [...this.#unsaid].slice(0, MAX_RECORDS_AT_ONCE);
      const { maxRecords } = this.#options;
      const records = said.flatMap(([field, { atMs, value }]) => [field, atMs, value]);
      await store.run('put', [this.kind, maxRecords, KEPT_MS, ...records], MAX_BACKGROUND_MS);
      for (const [field, record] of said) {
        if (this.#unsaid.get(field) === record) this.#unsaid.delete(field);
      }
    }
  }

  /** The list of `renew`. Whether there may be more. */
  hear(answer: unknown): boolean {
    const { success, data: [version, ...rest] = [] } = answered.safeParse(answer);
    if (!success || version === undefined) return false;
    this.version = version;
    for (let at = 0; at + 1 < rest.length; at += 2) this.#hear(rest[at]!, rest[at + 1]!);
    return rest.length >= 2 * MAX_RECORDS_AT_ONCE;
  }

  #say(field: string, value: object | string | undefined, atMs: number): void {
    const text = value === undefined ? '' : JSON.stringify(value);
    if (field.length > MAX_FIELD_LENGTH || text.length > MAX_VALUE_LENGTH) return;
    this.#remember(field, atMs);
    this.#unsaid.set(field, { atMs, value: text });
    if (this.#unsaid.size > this.#options.maxRecords) dropFirst(this.#unsaid);
  }

  #hear(field: string, record: string): void {
    const space = record.indexOf(' ');
    const atMs = Number(record.slice(0, space));
    const isUsable = field.length <= MAX_FIELD_LENGTH && space > 0 && Number.isSafeInteger(atMs);
    if (!isUsable || atMs > Date.now() + MAX_AHEAD_MS) return;
    if (atMs <= (this.#atByField.get(field) ?? -1)) return;
    const parsed = this.#parsed(record.slice(space + 1));
    if (parsed === undefined) return;
    this.#remember(field, atMs);
    this.#unsaid.delete(field);
    this.#options.took(field, parsed.value);
  }

  #parsed(text: string): { readonly value: z.output<T> | undefined } | undefined {
    if (text === '') return { value: undefined };
    if (text.length > MAX_VALUE_LENGTH) return undefined;
    try {
      const { success, data } = this.#options.value.safeParse(JSON.parse(text));
      return success ? { value: data } : undefined;
    } catch {
      return undefined;
    }
  }

  #remember(field: string, atMs: number): void {
    this.#atByField.delete(field);
    this.#atByField.set(field, atMs);
    if (this.#atByField.size > this.#options.maxRecords) dropFirst(this.#atByField);
  }
}

const answered = z
  .array(z.string())
  .min(1)
  .max(1 + 2 * MAX_RECORDS_AT_ONCE)
  .refine(([version]) => /^\d{1,16}$/.test(version!));

function dropFirst(map: Map<string, unknown>): void {
  const [first] = map.keys();
  map.delete(first!);
}

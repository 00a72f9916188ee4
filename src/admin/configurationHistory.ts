/**
 * Which configuration counts, since when, and which reloads there were: by audit events. Bounded, because a program may
 * reload again and again. Knows no file and no configuration.
 */
import * as z from 'zod';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { ConfigurationChange } from './pageReport';

const MAX_RELOADS = 50;
/** The audit log has all. */
const MAX_CHANGES = 20;
const MAX_TEXT_LENGTH = 300;

const text = z.string().max(MAX_TEXT_LENGTH);

/** As it is kept. */
export const keptReloadsSchema = z
  .array(
    z.object({
      time: z.iso.datetime(),
      isOk: z.boolean(),
      sha256: text.exactOptional(),
      requestedBy: z
        .object({
          by: z.enum(['signal', 'admin', 'watch']),
          token: z.enum(['admin.token', 'admin.tokenFile']).exactOptional(),
          sourceAddress: text.exactOptional(),
          command: text.exactOptional(),
          systemUser: text.exactOptional(),
        })
        .exactOptional(),
      changes: z
        .array(text)
        .max(MAX_CHANGES + 1)
        .readonly(),
      detail: text.exactOptional(),
    }),
  )
  .max(MAX_RELOADS);

export class ConfigurationHistory implements AuditSink {
  readonly #now: () => Date;
  /** The newest last. */
  readonly #reloads: ConfigurationChange[];
  #sha256: string;
  #loadedAt: string;

  /** `sha256` is that of the text that counts now; `reloads` are those of earlier runs. */
  constructor(sha256: string, reloads: readonly ConfigurationChange[] = [], now = () => new Date()) {
    this.#now = now;
    this.#sha256 = sha256;
    this.#loadedAt = now().toISOString();
    this.#reloads = [...reloads];
  }

  get sha256(): string {
    return this.#sha256;
  }

  get loadedAt(): string {
    return this.#loadedAt;
  }

  /** As they are kept: the newest last. */
  get kept(): z.output<typeof keptReloadsSchema> {
    return keptReloadsSchema.parse(JSON.parse(JSON.stringify(this.#reloads)));
  }

  /** The newest first. */
  get reloads(): readonly ConfigurationChange[] {
    return [...this.#reloads].reverse();
  }

  /** Whether the event is about a configuration. */
  record({ event, sha256, requestedBy, changes = [], detail }: AuditEvent): boolean {
    const isOk = event === 'configuration.reloaded';
    if (!isOk && event !== 'configuration.rejected') return false;
    const time = this.#now().toISOString();
    if (isOk && sha256 !== undefined) {
      this.#sha256 = sha256;
      this.#loadedAt = time;
    }
    if (this.#reloads.length >= MAX_RELOADS) this.#reloads.shift();
    this.#reloads.push({
      time,
      isOk,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(requestedBy === undefined ? {} : { requestedBy }),
      changes: shortened(changes),
      ...(isOk || detail === undefined ? {} : { detail: cut(detail) }),
    });
    return true;
  }
}

function shortened(changes: readonly string[]): readonly string[] {
  const rest = changes.length - MAX_CHANGES;
  const listed = changes.slice(0, MAX_CHANGES).map(cut);
  return rest <= 0 ? listed : [...listed, `and ${rest} more`];
}

function cut(line: string): string {
  return line.length <= MAX_TEXT_LENGTH ? line : `${line.slice(0, MAX_TEXT_LENGTH - 1)}…`;
}

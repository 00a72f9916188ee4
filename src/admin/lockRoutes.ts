/**
 * The locks of modalities over HTTP: `/api/v1/locks`. Checks what is asked for; what a lock does, and where it is kept, is
 * for the one who lends it.
 */
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import { lockReason, MAX_LOCK_REASON_LENGTH } from '../config/lockFile';
import { freeName } from '../config/schemaValues';
import { OperatorError } from '../errors';
import type { ModalityLock } from '../policy/locks';
import { quoteValue } from '../text/quote';

/** As `--for` takes them. */
const MAX_LOCK_SECONDS = 365 * 24 * 60 * 60;

const requestSchema = z.strictObject({
  modality: freeName,
  reason: lockReason,
  forSeconds: z.number().int().min(1).max(MAX_LOCK_SECONDS).optional(),
  by: freeName.optional(),
});

export type LockRequest = z.output<typeof requestSchema>;

/** The answer of `POST /api/v1/locks`. */
export interface LockReport {
  readonly lock: ModalityLock;
  /** Associations that were ended. */
  readonly ended: number;
  /** Why it counts only until the next restart; absent where it is kept. */
  readonly problem?: string;
}

export interface LockControl {
  readonly list: readonly ModalityLock[];
  lock(request: LockRequest): Promise<LockReport>;
  /** Whether it was locked. Rejects with OperatorError where it has to stay locked. */
  unlock(modality: string, by?: string): Promise<boolean>;
}

const NOT_ACCEPTED = `accepted is {"modality": NAME, "reason": TEXT of 1 to ${MAX_LOCK_REASON_LENGTH} characters on one line}, and forSeconds (up to ${MAX_LOCK_SECONDS}) and by where they are known`;

/** `isKnown`: whether there is such an entry. A lock of none would let the operator believe that it holds. */
export function addLockRoutes(
  server: FastifyInstance,
  locks: LockControl,
  isKnown: (modality: string) => boolean,
): void {
  server.get('/api/v1/locks', async () => ({ locks: locks.list }));
  server.post('/api/v1/locks', async (request, reply) => {
    const { success, data } = requestSchema.safeParse(request.body);
    if (!success) return reply.code(400).send({ error: NOT_ACCEPTED });
    if (!isKnown(data.modality)) return reply.code(404).send({ error: noSuchModality(data.modality) });
    return await locks.lock(data);
  });
  server.delete<{ Querystring: { modality?: unknown; by?: unknown } }>(
    '/api/v1/locks',
    async (request, reply) => {
      const { success, data } = unlockSchema.safeParse(request.query);
      if (!success) return reply.code(400).send({ error: 'the parameters are modality, and by' });
      try {
        return (await locks.unlock(data.modality, data.by))
          ? reply.code(204).send()
          : reply.code(404).send({ error: `${quoteValue(data.modality)} is not locked` });
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
        return reply.code(500).send({ error: `it stays locked: ${error.message}` });
      }
    },
  );
}

const unlockSchema = z.strictObject({ modality: freeName, by: freeName.optional() });

/** Most often a misspelt name, or an entry that was added to the file since the last reload. */
export function noSuchModality(modality: string): string {
  return `it has no modality ${quoteValue(modality)}; "aegis modality list" shows the names, and a new entry counts after "aegis reload"`;
}

/**
 * Captures over HTTP: `/api/v1/captures`. Checks what is asked for; what is recorded, and what may be shown of it, is for
 * the one who lends it.
 */
import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { ReloadRequester } from '../audit/events';
import {
  DEFAULT_CAPTURE_BYTES,
  MAX_CAPTURE_BYTES,
  MAX_CAPTURE_SECONDS,
  MIN_CAPTURE_BYTES,
} from '../capture/order';
import type { Configuration } from '../config/schema';
import { freeName } from '../config/schemaValues';
import { quoteValue } from '../text/quote';
import { noSuchModality } from './lockRoutes';
import { reloadRequester } from './reloadRequester';

const requestSchema = z.strictObject({
  modality: freeName,
  side: z.enum(['both', 'modality', 'archive']).default('both'),
  forSeconds: z.number().int().min(1).max(MAX_CAPTURE_SECONDS),
  maxBytes: z.number().int().min(MIN_CAPTURE_BYTES).max(MAX_CAPTURE_BYTES).default(DEFAULT_CAPTURE_BYTES),
});

export type CaptureRequest = z.output<typeof requestSchema>;

export interface CaptureControl {
  /** Of the capture that runs. */
  readonly modality: string | undefined;
  begin(request: CaptureRequest, requestedBy: ReloadRequester): Promise<Readable>;
  /** Whether one ran. */
  end(reason: string): Promise<boolean>;
}

const NOT_ACCEPTED = `accepted is {"modality": NAME, "forSeconds": 1 to ${MAX_CAPTURE_SECONDS}}, and "side" (both, modality or archive) and "maxBytes" (${MIN_CAPTURE_BYTES} to ${MAX_CAPTURE_BYTES})`;

export function addCaptureRoutes(
  server: FastifyInstance,
  captures: CaptureControl,
  configuration: () => Pick<Configuration, 'admin' | 'modalities'>,
): void {
  server.post('/api/v1/captures', async (request, reply) => {
    const { success, data } = requestSchema.safeParse(request.body);
    if (!success) return reply.code(400).send({ error: NOT_ACCEPTED });
    const { admin, modalities } = configuration();
    if (!Object.hasOwn(modalities, data.modality)) {
      return reply.code(404).send({ error: noSuchModality(data.modality) });
    }
    if (captures.modality !== undefined) {
      const error = `a capture of ${quoteValue(captures.modality)} runs; one runs at a time, and "aegis capture --stop" ends it`;
      return reply.code(409).send({ error });
    }
    const stream = await captures.begin(data, reloadRequester(request, admin));
    // It is silent for as long as the modality is.
    request.raw.socket.setTimeout(0);
    return reply.type('application/octet-stream').send(stream);
  });
  server.delete('/api/v1/captures', async (_request, reply) =>
    (await captures.end('stopped by an operator'))
      ? reply.code(204).send()
      : reply.code(404).send({ error: 'no capture runs' }),
  );
}

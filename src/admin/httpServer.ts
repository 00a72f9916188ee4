/**
 * The HTTP server of the admin port before it has a route: who may ask, what every answer says, and how errors are
 * answered. Knows no routes.
 */
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { AdminAccess } from './adminAccess';
import type { AdminPort } from './adminPort';

/** The longest reason of a lock, each character in four bytes, and the names beside it. */
const BODY_LIMIT_BYTES = 2048;

/** Of every answer. */
export const ALWAYS_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** Where requests come in, and who may ask what; open before this server is loaded. */
export interface AdminDoor {
  readonly access: AdminAccess;
  readonly port: AdminPort;
}

/** An answer to an error says its status and nothing else: no stack, no version, nothing of what was sent. */
export function createHttpServer({ access, port }: AdminDoor): FastifyInstance {
  const server = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory: () => port.server,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    // Errors of the router itself: no handler of a route can answer them.
    frameworkErrors: answerError,
  });
  server.addHook('onSend', async (_request, reply) => {
    reply.headers(ALWAYS_HEADERS);
  });
  server.addHook('onRequest', access.check);
  server.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ error: 'not found' }));
  server.setErrorHandler(answerError);
  return server;
}

/** The libraries that compile schemas of routes are larger than all the rest, so none of them is loaded. */
function noSchemas(): never {
  throw new TypeError('no route of the admin HTTP has a schema');
}

function answerError(
  { statusCode = 500 }: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  const isOfClient = statusCode >= 400 && statusCode < 500;
  reply.code(isOfClient ? statusCode : 500).send({ error: isOfClient ? 'bad request' : 'internal error' });
}

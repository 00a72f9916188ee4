/**
 * What an operator changes over HTTP in one request: pending callers that are taken off the list, and reloads. Locks and
 * approvals have routes of their own.
 */
import type { FastifyInstance } from 'fastify';
import type { Configuration } from '../config/schema';
import type { GatewayControl } from './adminServer';
import type { PendingCallers } from './pendingCallers';
import { reloadRequester } from './reloadRequester';

export function addPendingRoute(server: FastifyInstance, pending: PendingCallers): void {
  server.delete<{ Params: { id: string } }>('/api/v1/pending/:id', async (request, reply) =>
    pending.remove(request.params.id)
      ? reply.code(204).send()
      : reply.code(404).send({ error: 'there is no such pending caller' }),
  );
}

export function addReloadRoute(
  server: FastifyInstance,
  control: GatewayControl,
  admin: () => Configuration['admin'],
): void {
  server.post<{ Querystring: { enforce?: string } }>('/api/v1/reload', async (request, reply) => {
    const { enforce, ...others } = request.query;
    if (Object.keys(others).length > 0) {
      return reply.code(400).send({ error: 'the only parameter is enforce' });
    }
    if (enforce !== undefined && enforce !== 'true' && enforce !== 'false') {
      return reply.code(400).send({ error: 'enforce is true or false' });
    }
    const report = await control.reload(
      enforce === undefined ? {} : { enforce: enforce === 'true' },
      reloadRequester(request, admin()),
    );
    return reply.code(report.isReloaded ? 200 : 422).send(report);
  });
}

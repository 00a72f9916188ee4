/**
 * `/api/v1/…`: JSON for `aegis status`, `aegis modality pending` and whoever else asks. Who may ask is adminAccess.ts's;
 * the shapes are documented in docs/admin.md.
 */
import type { FastifyInstance } from 'fastify';
import type { GatewayControl } from './gatewayControl';
import type { PendingCallers } from './pendingCallers';
import type { StatusReport } from './statusReport';

export interface ApiSources {
  status(): Promise<StatusReport>;
  readonly pending: PendingCallers;
  readonly control: GatewayControl;
}

export function addApiRoutes(server: FastifyInstance, sources: ApiSources): void {
  server.get('/api/v1/status', async () => await sources.status());
  server.get('/api/v1/pending', async () => ({ callers: sources.pending.list }));
  server.delete<{ Params: { id: string } }>('/api/v1/pending/:id', async (request, reply) =>
    sources.pending.remove(request.params.id)
      ? reply.code(204).send()
      : reply.code(404).send({ error: 'there is no such pending caller' }),
  );
  server.post<{ Querystring: { enforce?: string } }>('/api/v1/reload', async (request, reply) => {
    const { enforce, ...others } = request.query;
    if (Object.keys(others).length > 0) {
      return reply.code(400).send({ error: 'the only parameter is enforce' });
    }
    if (enforce !== undefined && enforce !== 'true' && enforce !== 'false') {
      return reply.code(400).send({ error: 'enforce is true or false' });
    }
    const result = await sources.control.reload(enforce === undefined ? {} : { enforce: enforce === 'true' });
    return reply.code(result.isReloaded ? 200 : 422).send(result);
  });
}

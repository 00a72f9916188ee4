/** The inventory over HTTP: `/api/v1/inventory`, the whole of it or one modality. Keeps nothing. */
import type { FastifyInstance } from 'fastify';
import type { Inventory } from '../inventory/inventory';

export type ShownInventory = Pick<
  Inventory,
  'text' | 'reportOf' | 'silent' | 'lastSeen' | 'silenceOf' | 'lastHeard'
>;

export function addInventoryRoute(server: FastifyInstance, inventory: ShownInventory): void {
  server.get<{ Querystring: { modality?: unknown } }>('/api/v1/inventory', async (request, reply) => {
    const { modality, ...others } = request.query;
    if (Object.keys(others).length > 0 || Array.isArray(modality)) {
      return reply.code(400).send({ error: 'the only parameter is modality' });
    }
    if (modality === undefined) return reply.type('application/json').send(await inventory.text());
    const report = inventory.reportOf(String(modality));
    return report ?? reply.code(404).send({ error: 'there is no such modality' });
  });
}

/** What the page and the commands read in parts. */
import { expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { AdminClient } from '../../../src/admin/adminClient';
import { PendingCallers } from '../../../src/admin/pendingCallers';
import { addViewRoutes, type ViewSources } from '../../../src/admin/viewRoutes';
import { pendingCaller } from '../../../src/commands/modality/pendingSource';
import { onCleanUp } from '../../support/cleanUp';

it('gives pending callers in parts, and the commands find each of them', async () => {
  const pending = new PendingCallers({ maxEntries: 10_000 });
  for (let number = 0; number < 2100; number += 1) {
    pending.record({
      event: 'association.rejected',
      outcome: 'denied',
      direction: 'ingress',
      reason: 'calling-ae-title-unknown',
      callingAeTitle: `CT${number}`,
      calledAeTitle: 'ORTHANC',
      sourceAddress: `10.${number >> 8}.${number & 255}.1`,
      listener: 'tls',
    });
  }
  const server = fastify();
  const view = { callers: (callers: unknown) => callers };
  const sources = { view, pending, live: {}, maxStreams: 1 } as unknown as ViewSources;
  onCleanUp(() => server.close());
  addViewRoutes(server, sources);
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (query: string) => await (await fetch(`${url}/api/v1/pending${query}`)).json();
  expect(await ask('')).toMatchObject({ total: 2100, callers: { length: 1000 } });
  expect(await ask('?offset=2098&limit=5')).toMatchObject({
    callers: [{ callingAeTitle: 'CT1' }, { callingAeTitle: 'CT0' }],
  });
  for (const query of ['?limit=1001', '?limit=0', '?offset=-1', '?part=1']) {
    expect(await ask(query)).toEqual({ error: 'the parameters are offset, and limit (1 to 1000)' });
  }
  const callers = await new AdminClient({ url, token: undefined }).pending();
  expect(callers).toHaveLength(2100);
  const oldest = pending.list.at(-1)!;
  expect(pendingCaller(callers, oldest.id)).toMatchObject({ callingAeTitle: 'CT0' });
});

import { once } from 'node:events';
import { get } from 'node:http';
import { expect, it } from '@jest/globals';
import { AdminPort } from '../../../src/admin/adminPort';
import { onCleanUp } from '../../support/cleanUp';

async function open(port = 0): Promise<AdminPort> {
  const admin = await AdminPort.open({ host: '127.0.0.1', port });
  onCleanUp(() => admin.close());
  return admin;
}

it('lets requests wait for what answers them', async () => {
  const admin = await open();
  const request = get({ ...admin.address, path: '/healthz', agent: false });
  await once(admin.server, 'request');
  admin.answerWith((_request, response) => response.end('ok'));
  const [response] = await once(request, 'response');
  expect(await response.toArray()).toEqual([Buffer.from('ok')]);
});

it('ends with requests that were never answered', async () => {
  const admin = await open();
  const request = get({ ...admin.address, agent: false });
  await once(admin.server, 'request');
  const failed = once(request, 'error');
  await admin.close();
  const [error] = await failed;
  expect(error).toMatchObject({ code: 'ECONNRESET' });
});

it('says which port is taken', async () => {
  const { port } = (await open()).address;
  await expect(AdminPort.open({ host: '127.0.0.1', port })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port} for the admin HTTP: the port is in use (EADDRINUSE)`,
  );
});

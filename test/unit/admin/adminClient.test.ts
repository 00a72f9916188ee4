import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { AdminClient, adminTargetAt, adminTargetOf, UnreachableError } from '../../../src/admin/adminClient';
import { onCleanUp } from '../../support/cleanUp';
import { temporaryFolder } from '../../support/processes';

const TOKEN = '0123456789abcdef';

/** Something on HTTP that answers everything alike. */
async function answering(status: number, body: string): Promise<AdminClient> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanUp(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return new AdminClient({ url: `http://127.0.0.1:${port}`, token: undefined });
}

function configurationWith(admin: object | undefined): string {
  const file = join(temporaryFolder(), 'aegis.jsonc');
  const configuration = {
    listeners: [{ name: 'plain', port: 11_112 }],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
    modalities: {},
    unknownAddresses: 'reject',
    admin,
  };
  writeFileSync(file, JSON.stringify(configuration));
  return file;
}

describe('where a gateway is asked', () => {
  it.each([
    [{}, 'http://127.0.0.1:9762'],
    [{ host: '::1', port: 9763 }, 'http://[::1]:9763'],
    [{ host: '0.0.0.0', token: TOKEN }, 'http://127.0.0.1:9762'],
    [{ host: '::', token: TOKEN }, 'http://[::1]:9762'],
  ])('is for the configuration %j at %s', (admin, url) => {
    expect(adminTargetOf(configurationWith(admin))).toMatchObject({ url });
  });

  it('is nowhere without an admin HTTP, and unknown with port 0', () => {
    expect(adminTargetOf(configurationWith(undefined))).toBeUndefined();
    expect(() => adminTargetOf(configurationWith({ port: 0 }))).toThrow(
      /^admin\.port is 0, which is any free port/,
    );
  });

  it('is asked with the token of its file, even where others can read it', () => {
    const tokenFile = join(temporaryFolder(), 'token');
    writeFileSync(tokenFile, `${TOKEN}\n`);
    chmodSync(tokenFile, 0o640);
    expect(adminTargetOf(configurationWith({ tokenFile }))).toMatchObject({ token: TOKEN });
  });

  it('may be a URL, with the token of the environment', () => {
    expect(adminTargetAt('https://gateway.example/aegis/', { AEGIS__ADMIN__TOKEN: TOKEN })).toEqual({
      url: 'https://gateway.example/aegis',
      token: TOKEN,
    });
  });

  it.each(['127.0.0.1:9762', 'file:///etc/passwd', 'http://user:secret@127.0.0.1', ''])(
    'is not %j',
    (url) => {
      expect(() => adminTargetAt(url, {})).toThrow(/is not an address such as http:\/\/127\.0\.0\.1:9762$/);
    },
  );
});

describe('an answer that no gateway gives', () => {
  it.each([
    ['words', 200, 'hello'],
    ['other JSON', 200, '{"status":"ok"}'],
    ['a list', 200, '[]'],
    ['nothing', 200, ''],
  ])('reports: %s', async (_what, status, body) => {
    const client = await answering(status, body);
    for (const asking of [client.status(), client.pending()]) {
      await expect(asking).rejects.toThrow(UnreachableError);
    }
  });

  it('is shown escaped where it is a refusal', async () => {
    const client = await answering(403, JSON.stringify({ error: 'no\u001b[2J' }));
    await expect(client.status()).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/refused \(HTTP 403\): no\\u\{1b\}\[2J$/),
    });
  });

  it('is not followed elsewhere', async () => {
    const server = createServer((_request, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onCleanUp(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const client = new AdminClient({ url: `http://127.0.0.1:${port}`, token: TOKEN });
    await expect(client.status()).rejects.toThrow(UnreachableError);
  });
});

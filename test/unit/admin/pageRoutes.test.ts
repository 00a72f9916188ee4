/** The files of the page over HTTP: what they forbid the browser, and that they need no token, unlike all data. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { AdminAccess } from '../../../src/admin/adminAccess';
import { addPageRoutes } from '../../../src/admin/pageRoutes';
import { onCleanUp } from '../../support/cleanUp';
import { temporaryFolder } from '../../support/processes';

const TOKEN = 'a-token-without-spaces';
const FILES = ['/', '/page.js', '/page.css', '/icon.svg'];

/** As the gateway has it; `host` decides whether everybody may look. */
async function startServer(host: string, folder: string): Promise<string> {
  const server = fastify({ serverFactory: (handler) => createServer(handler) });
  const access = new AdminAccess({ host, port: 0, token: TOKEN } as ConstructorParameters<
    typeof AdminAccess
  >[0]);
  server.addHook('onRequest', access.check);
  addPageRoutes(server, folder);
  server.get('/api/v1/status', async () => ({}));
  onCleanUp(() => server.close());
  return await server.listen({ host: '127.0.0.1', port: 0 });
}

let folder: string;
beforeAll(() => {
  folder = join(temporaryFolder(), 'dashboard');
  mkdirSync(folder);
  for (const name of ['index.html', 'page.js', 'page.css', 'icon.svg'])
    writeFileSync(join(folder, name), name);
});

describe.each(['127.0.0.1', '0.0.0.0'])('the files of the page, where the admin HTTP is on %s', (host) => {
  it('need no token, but data does beyond loopback', async () => {
    const url = await startServer(host, folder);
    const statuses = await Promise.all(FILES.map(async (path) => (await fetch(url + path)).status));
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect((await fetch(`${url}/api/v1/status`)).status).toBe(host === '127.0.0.1' ? 200 : 401);
  });
});

describe('the files of the page', () => {
  it('let the browser run, style and ask only what is ours', async () => {
    const url = await startServer('127.0.0.1', folder);
    const { headers } = await fetch(`${url}/`);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    );
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('are read when they are asked for', async () => {
    const url = await startServer('127.0.0.1', folder);
    writeFileSync(join(folder, 'page.css'), 'newer');
    expect(await (await fetch(`${url}/page.css`)).text()).toBe('newer');
  });

  it('are not answered to a foreign name on loopback', async () => {
    const url = await startServer('127.0.0.1', folder);
    // fetch names the host itself.
    const status = await new Promise((resolve, reject) => {
      const asked = request(url, { headers: { host: 'evil.example' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(status).toBe(403);
  });
});

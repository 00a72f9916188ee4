import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { limitConnections } from '../../../src/admin/adminPort';

const LIMIT = 4;
let server: Server;
/** Requests that are not answered yet. */
let waiting: ServerResponse[];
const sockets: Socket[] = [];

beforeEach(async () => {
  waiting = [];
  server = createServer((request, response) => {
    if (request.url === '/slow') waiting.push(response);
    else response.end('ok');
  });
  limitConnections(server, LIMIT);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  server.close();
});

async function open(localAddress = '127.0.0.1'): Promise<Socket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  sockets.push(socket);
  const accepted = new Promise((resolve) => server.once('connection', resolve));
  await accepted;
  return socket;
}

function ask(socket: Socket, path: string): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
  return new Promise((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
    socket.once('close', () => resolve('closed'));
  });
}

function closeOf(socket: Socket) {
  return new Promise((resolve) => socket.resume().once('close', resolve));
}

describe('limitConnections', () => {
  it('closes the oldest idle one, and answers the newest', async () => {
    const idle = [];
    for (let count = 0; count < LIMIT; count += 1) idle.push(await open());
    const closed = closeOf(idle[0]!);
    expect(await ask(await open(), '/')).toMatch(/ 200 OK/);
    await closed;
    expect(idle.map(({ destroyed }) => destroyed)).toEqual([true, false, false, false]);
  });

  it('closes one of the busiest address', async () => {
    const monitor = await open('127.0.0.2');
    const idle = [];
    for (let count = 0; count < 10; count += 1) idle.push(await open('127.0.0.3'));
    expect(await ask(monitor, '/')).toMatch(/ 200 OK/);
    const answers = await Promise.all(idle.slice(-(LIMIT - 1)).map((socket) => ask(socket, '/')));
    expect(answers.every((answer) => / 200 OK/.test(answer))).toBe(true);
  });

  it('closes none that waits for its answer: then the newest goes', async () => {
    const busy = [];
    for (let count = 0; count < LIMIT; count += 1) {
      const socket = await open();
      busy.push(ask(socket, '/slow'));
    }
    while (waiting.length < LIMIT) await new Promise(setImmediate);
    await closeOf(await open());
    for (const response of waiting) response.end('late');
    for (const answer of await Promise.all(busy)) expect(answer).toMatch(/ 200 OK/);
    // They are idle again, so there is room.
    expect(await ask(await open(), '/')).toMatch(/ 200 OK/);
  });

  it('lets the newest ask whether the gateway is alive while all others wait, and nothing else', async () => {
    for (let count = 0; count < LIMIT; count += 1) void ask(await open(), '/slow');
    while (waiting.length < LIMIT) await new Promise(setImmediate);
    for (let count = 0; count < 40; count += 1) await open();
    expect(await ask(await open(), '/healthz')).toMatch(/ 200 OK/);
    expect(await ask(await open(), '/slow')).toBe('closed');
  });

  it('closes one that asks again before its answer', async () => {
    const socket = await open();
    void ask(socket, '/slow');
    while (waiting.length < 1) await new Promise(setImmediate);
    expect(await ask(socket, '/')).toBe('closed');
  });

  it('closes one that asks many times at once, and takes none of it', async () => {
    const socket = await open();
    const closed = closeOf(socket);
    socket.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(1000));
    await closed;
    expect(await ask(await open(), '/')).toMatch(/ 200 OK/);
  });
});

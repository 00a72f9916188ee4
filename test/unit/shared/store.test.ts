/** A server that speaks the protocol as it likes, on loopback. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { configurationSchema } from '../../../src/config/schema';
import { RedisStore } from '../../../src/shared/store';
import { onCleanUp } from '../../support/cleanUp';
import { waitFor } from '../../support/waiting';

async function setUp(
  answer: (socket: Socket, request: string) => void,
  { redis = {}, opened = () => Promise.resolve() }: { redis?: object; opened?: () => Promise<void> } = {},
) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => answer(socket, chunk.toString('latin1')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const said: string[] = [];
  let lost = 0;
  const { shared } = configurationSchema.pick({ shared: true }).parse({
    shared: { redis: { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, ...redis } },
  });
  const store = new RedisStore(shared!, {
    opened: () => {
      said.push('opened');
      return opened();
    },
    up: () => void said.push('up'),
    lost: () => {
      lost += 1;
    },
    down: (detail) => void said.push(detail),
  });
  onCleanUp(() => {
    store.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await store.start();
  return { store, said, losses: () => lost };
}

describe('a Redis server', () => {
  it('is asked, and answers', async () => {
    const { store, said } = await setUp((socket) => socket.write(':4\r\n'));
    expect(said).toEqual(['opened', 'up']);
    expect(await store.run('take', ['id'], 5000)).toBe(4);
  });

  it('that hangs costs its time once, for all who wait and all who come', async () => {
    const { store, said } = await setUp(() => {});
    const before = performance.now();
    const waiting = [store.run('take', ['a'], 50), store.run('take', ['b'], 50)];
    for (const each of waiting) await expect(each).rejects.toThrow('no answer within 50 ms');
    expect(performance.now() - before).toBeLessThan(1000);
    expect(store.isUp).toBe(false);
    await expect(store.run('take', ['c'], 50)).rejects.toThrow('it is not connected');
    expect(said).toEqual(['opened', 'up', 'no answer within 50 ms']);
  });

  it('that does not know AUTH and sends its arguments back does not bring the password into the log', async () => {
    const answer = "-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n";
    const { said } = await setUp((socket) => socket.write(answer), { redis: { password: 'hunter2' } });
    expect(said).toEqual(['ERR: it refuses the user or the password']);
  });

  it('is asked again when it is back', async () => {
    const { store, said } = await setUp((socket) => socket.destroy());
    await expect(store.run('take', ['a'], 5000)).rejects.toThrow('it closed the connection');
    await waitFor('the next connection', () => said.filter((each) => each === 'up').length === 2);
  });

  it('is lost with each connection, also with one that was let in and never was up', async () => {
    const opened = () => Promise.reject(new Error('the records came too late'));
    const { said, losses } = await setUp(() => {}, { opened });
    await waitFor('the second loss', () => losses() === 2);
    expect(said).toEqual(['opened', 'the records came too late', 'opened']);
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['an error', (socket) => socket.write('-OOM command not allowed\r\n'), /OOM command not allowed/],
    [
      'an error with control characters',
      (socket) => socket.write('-ERR \x1b[31m\r\n'),
      /^ERR \\u\{1b\}\[31m$/,
    ],
    ['nonsense', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /./],
    ['without end', (socket) => flood(socket), /its answer is too long/],
  ])('that answers %s is left', async (_, answer, fault) => {
    const { store, said } = await setUp(answer);
    await expect(store.run('take', ['a'], 10_000)).rejects.toThrow();
    expect(said[2]).toMatch(fault);
  });
});

/** A text of a gigabyte that never ends. */
function flood(socket: Socket): void {
  if (socket.listenerCount('drain') > 0) return;
  socket.write('$1073741824\r\n');
  const more = () => {
    while (socket.writable && socket.write(Buffer.alloc(65_536)));
  };
  socket.on('drain', more);
  more();
}

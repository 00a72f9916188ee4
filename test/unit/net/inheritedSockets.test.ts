import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type InheritedSocket, InheritedSockets } from '../../../src/net/inheritedSockets';
import { listeningSockets } from '../../../src/net/listeningSockets';

const sockets: InheritedSocket[] = [
  { fd: 3, name: 'tls', host: '10.1.0.2', port: 104 },
  { fd: 4, name: 'aegis.socket', host: '::', port: 2762 },
  { fd: 5, name: 'aegis.socket', host: '127.0.0.1', port: 9762 },
];

describe('sockets of systemd', () => {
  it('go to the listener with their name, else to the one with their address, once', () => {
    const inherited = new InheritedSockets(sockets);
    expect(inherited.take('tls', { host: '0.0.0.0', port: 2762 })?.fd).toBe(3);
    expect(inherited.take('other', { host: '0.0.0.0', port: 2762 })?.fd).toBe(4);
    expect(inherited.take('again', { host: '0.0.0.0', port: 2762 })).toBeUndefined();
    expect(inherited.take('admin', { host: '127.0.0.2', port: 9762 })).toBeUndefined();
    expect(inherited.take('admin', { host: '::ffff:127.0.0.1', port: 9762 })?.fd).toBe(5);
    expect(inherited.free).toEqual([]);
  });

  it('are those of the environment, if they are for this process', () => {
    const env: NodeJS.ProcessEnv = {
      LISTEN_PID: String(process.pid),
      LISTEN_FDS: '2',
      LISTEN_FDNAMES: 'tls:plain',
    };
    const found = () => [
      { fd: 2, host: '::', port: 1 },
      { fd: 4, host: '::', port: 2762 },
      { fd: 5, host: '::', port: 3 },
    ];
    const ofOther = { ...env, LISTEN_PID: '1' };
    expect(InheritedSockets.ofSystemd(env, found).list).toEqual([
      { fd: 4, name: 'plain', host: '::', port: 2762 },
    ]);
    expect(env).toEqual({});
    expect(InheritedSockets.ofSystemd(ofOther, found).list).toEqual([]);
    expect(ofOther).toEqual({});
  });

  it('keep connections for the next process, but for those that the process before opened itself', () => {
    const ours: InheritedSocket = { fd: 6, name: '', host: '127.0.0.1', port: 11112, isOurs: true };
    const inherited = new InheritedSockets([...sockets, ours]);
    expect(inherited.keeps({ host: '::', port: 2762 })).toBe(true);
    expect(inherited.keeps({ host: '127.0.0.1', port: 11112 })).toBe(false);
    expect(inherited.keeps({ host: '127.0.0.1', port: 104 })).toBe(false);
  });

  it('are named where nothing listens on them', () => {
    const used = [{ host: '10.1.0.2', port: 104 }, undefined, { host: '::', port: 2762 }];
    expect(new InheritedSockets(sockets).closeUnused(used)).toEqual(['127.0.0.1:9762 (aegis.socket)']);
  });
});

describe('the listening sockets of this process', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it.each(['127.0.0.1', '::', '::1'])('are found with their address: %s', async (host) => {
    const server = createServer().listen(0, host);
    servers.push(server);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
    expect(listeningSockets()).toContainEqual({ fd, host, port });
  });

  it('are refused once their listener has gone, and served by the next one', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const found = listeningSockets().find((socket) => socket.port === port)!;
    const inherited = new InheritedSockets([{ ...found, name: 'plain' }]);
    const address = { host: '127.0.0.1', port };
    const first = inherited.takePort('plain', address)!;
    // In place of the descriptor, which the server of this test has.
    first.server.listen(0, '127.0.0.1');
    await once(first.server, 'listening');
    const dial = () => connect((first.server.address() as AddressInfo).port, '127.0.0.1').resume();
    first.serve((socket) => socket.end());
    first.release();
    const refused = dial();
    await once(refused, 'close');
    const second = inherited.takePort('plain', address)!;
    expect(second).toBe(first);
    const served = new Promise((resolve) => second.serve(resolve));
    dial().on('error', () => {});
    await served;
    inherited.close();
    server.close();
  });
});

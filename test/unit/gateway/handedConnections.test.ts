import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { HandedConnections } from '../../../src/gateway/workers/handedConnections';
import { onCleanUp } from '../../support/cleanUp';
import { waitFor } from '../../support/waiting';

/** A worker that is stopped by the system before it takes anything. */
async function frozenWorker(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'process.on("message", () => {}); process.send("ready")'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onCleanUp(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  child.kill('SIGSTOP');
  return child;
}

/** Connections that were accepted and that nobody reads. */
async function accepted(count: number): Promise<{ peers: Socket[]; handles: unknown[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => sockets.push(socket));
  onCleanUp(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const peers = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  for (const peer of peers) {
    peer.on('error', () => {});
    onCleanUp(() => void peer.destroy());
  }
  await waitFor('the connections', () => sockets.length === count);
  return { peers, handles: sockets.map((socket) => (socket as unknown as { _handle: unknown })._handle) };
}

function hand(child: ChildProcess, seq: number, handle: unknown): void {
  child.send({ cmd: 'NODE_CLUSTER', act: 'newconn', seq }, handle as Socket);
}

describe('connections on their way to a worker', () => {
  it('are closed when it dies, and its end is known although it took none of them', async () => {
    const child = await frozenWorker();
    const handed = new HandedConnections(child);
    const { peers, handles } = await accepted(3);
    for (const [seq, handle] of handles.entries()) hand(child, seq, handle);
    expect(handed.count).toBe(3);
    const closed = peers.map((peer) => once(peer, 'close'));
    const isGone = once(child, 'disconnect');
    child.kill('SIGKILL');
    await isGone;
    handed.close();
    expect(handed.count).toBe(0);
    await Promise.all(closed);
  });

  it('are no longer on their way once it has answered, whatever else it answers', async () => {
    const child = await frozenWorker();
    const handed = new HandedConnections(child);
    const { handles } = await accepted(2);
    for (const [index, handle] of handles.entries()) hand(child, 5 + index, handle);
    child.emit('internalMessage', { cmd: 'NODE_CLUSTER', act: 'listening', seq: 5 });
    child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: 4 });
    expect(handed.count).toBe(2);
    child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: 5, accepted: true });
    expect(handed.count).toBe(1);
  });
});

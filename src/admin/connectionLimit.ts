/**
 * How many connections the admin HTTP has at once. Beyond that an idle one goes, not the newest: whoever opens many and
 * asks nothing must not keep a liveness probe out.
 */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** One more than `maxConnections` ends the oldest without a request, of the address that has most of those. */
export function limitConnections(server: Server, maxConnections: number): void {
  /** In the order in which they came. */
  const requestsBySocket = new Map<Socket, number>();
  server.on('connection', (socket: Socket) => {
    if (requestsBySocket.size >= maxConnections) {
      const victim = idlestOf(requestsBySocket);
      (victim ?? socket).destroy();
      if (victim === undefined) return;
      requestsBySocket.delete(victim);
    }
    requestsBySocket.set(socket, 0);
    socket.once('close', () => requestsBySocket.delete(socket));
  });
  server.on('request', ({ socket }, response: ServerResponse) => {
    count(requestsBySocket, socket, 1);
    response.once('close', () => count(requestsBySocket, socket, -1));
  });
}

function count(requestsBySocket: Map<Socket, number>, socket: Socket, change: 1 | -1): void {
  const requests = requestsBySocket.get(socket);
  if (requests !== undefined) requestsBySocket.set(socket, requests + change);
}

function idlestOf(requestsBySocket: ReadonlyMap<Socket, number>): Socket | undefined {
  const idleByAddress = new Map<string, Socket[]>();
  for (const [socket, requests] of requestsBySocket) {
    if (requests > 0) continue;
    const { remoteAddress = '' } = socket;
    const idle = idleByAddress.get(remoteAddress) ?? [];
    idle.push(socket);
    idleByAddress.set(remoteAddress, idle);
  }
  const [most] = [...idleByAddress.values()].sort((one, other) => other.length - one.length);
  return most?.[0];
}

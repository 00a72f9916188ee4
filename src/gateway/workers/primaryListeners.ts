/**
 * What node:cluster listens with in the primary, for all workers together. It can only stop with its last worker, and drops
 * what is on the way to that one. So each socket is remembered when it begins to listen. Takes no connection.
 */
import { Server } from 'node:net';

/** A handle of Node's own. */
interface Handle {
  close(): void;
}

type WithHandle = Server & { readonly _handle: Handle | null };

const handleByServer = new Map<Server, Handle>();
let isWatching = false;

/** To be called before the first worker starts. */
export function watchPrimaryListeners(): void {
  if (isWatching) return;
  isWatching = true;
  const { listen } = Server.prototype;
  const watched = function (this: WithHandle, ...options: unknown[]): Server {
    this.once('listening', () => {
      if (this._handle !== null) handleByServer.set(this, this._handle);
    });
    return Reflect.apply(listen, this, options) as Server;
  };
  Server.prototype.listen = watched as typeof listen;
}

/** From now on new connections are another process's. Those that were accepted are still dealt out to the workers. */
export function stopAccepting(): void {
  for (const [server, handle] of handleByServer) {
    // node:cluster has taken the handle from its server. Others close by themselves.
    if ((server as WithHandle)._handle === null) handle.close();
  }
  handleByServer.clear();
}

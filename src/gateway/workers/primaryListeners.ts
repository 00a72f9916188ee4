/**
 * What node:cluster listens with in the primary, for all workers together. It can only stop with its last worker, and drops
 * what is on the way to that one. So each socket is remembered when it begins to listen. Takes no connection.
 */
import { type AddressInfo, Server } from 'node:net';
import { formatHostAndPort, type HostAndPort } from '../../text/hostAndPort';

/** A handle of Node's own. */
interface Handle {
  close(): void;
}

type WithHandle = Server & { readonly _handle: Handle | null };

interface Listening extends HostAndPort {
  readonly handle: Handle;
}

const listeningByServer = new Map<Server, Listening>();
let isWatching = false;

/** To be called before the first worker starts. */
export function watchPrimaryListeners(): void {
  if (isWatching) return;
  isWatching = true;
  const { listen } = Server.prototype;
  const watched = function (this: WithHandle, ...options: unknown[]): Server {
    this.once('listening', () => {
      if (this._handle === null) return;
      const { address: host, port } = this.address() as AddressInfo;
      listeningByServer.set(this, { handle: this._handle, host, port });
    });
    return Reflect.apply(listen, this, options) as Server;
  };
  Server.prototype.listen = watched as typeof listen;
}

/**
 * From now on new connections to these addresses, or to all, are another process's. Those that were accepted are still dealt
 * out to the workers. Returns whether somebody listened there.
 */
export function stopAccepting(addresses?: readonly HostAndPort[]): boolean {
  const wanted = addresses && new Set(addresses.map(formatHostAndPort));
  let isAny = false;
  for (const [server, listening] of listeningByServer) {
    if (wanted?.has(formatHostAndPort(listening)) === false) continue;
    isAny = true;
    listeningByServer.delete(server);
    // node:cluster has taken the handle from its server. Others close by themselves.
    if ((server as WithHandle)._handle === null) listening.handle.close();
  }
  return isAny;
}

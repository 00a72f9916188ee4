/**
 * Connections on their way from the primary to a worker. node:cluster hands over one at a time of each listener, and closes
 * its own copy when the worker has taken it. A worker that dies before never takes it, and no event says which
 * connections these were: their peers would wait for ever.
 */
import type { ChildProcess } from 'node:child_process';

/** A handle of Node's own, as node:cluster sends it. */
interface Connection {
  close(): void;
}

export class HandedConnections {
  /** The last one, by the key that node:cluster gives its listener. */
  readonly #connectionByKey = new Map<string, Connection>();

  constructor(child: ChildProcess) {
    const send = child.send.bind(child) as (...sent: unknown[]) => boolean;
    const watched = (message: { readonly key?: string }, handle: unknown, ...rest: unknown[]): boolean => {
      if (isConnection(handle)) this.#connectionByKey.set(String(message.key), handle);
      return send(message, handle, ...rest);
    };
    child.send = watched as ChildProcess['send'];
  }

  /** Of a worker that has died. One that it had taken is closed already. */
  close(): void {
    for (const connection of this.#connectionByKey.values()) connection.close();
  }
}

function isConnection(handle: unknown): handle is Connection {
  return (
    typeof handle === 'object' && handle !== null && 'close' in handle && typeof handle.close === 'function'
  );
}

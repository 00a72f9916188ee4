/** Connections on their way from the primary to a worker, which node:cluster hands over. Knows no worker. */
import type { ChildProcess } from 'node:child_process';

/** A handle of Node's own, as node:cluster sends it. */
export interface Connection {
  close(): void;
}

/**
 * Reports each connection that goes to the process. node:cluster hands over one at a time, and closes its own copy when
 * the worker has taken it. A worker that dies before never takes it, and no event says which connection it was.
 */
export function watchConnections(child: ChildProcess, handedOver: (connection: Connection) => void): void {
  const send = child.send.bind(child) as (...sent: unknown[]) => boolean;
  const watched = (message: unknown, handle: unknown, ...rest: unknown[]): boolean => {
    if (isConnection(handle)) handedOver(handle);
    return send(message, handle, ...rest);
  };
  child.send = watched as ChildProcess['send'];
}

function isConnection(handle: unknown): handle is Connection {
  return (
    typeof handle === 'object' && handle !== null && 'close' in handle && typeof handle.close === 'function'
  );
}

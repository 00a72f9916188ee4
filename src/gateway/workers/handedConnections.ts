/**
 * Connections on their way from the primary to a worker. node:cluster hands over one at a time of each listener, and closes
 * its own copy when the worker has taken it; one that the worker declines goes to another. A worker that dies before it
 * answers never takes it, and no event says which connections these were: their peers would wait for ever. Node.js does not
 * even say that such a worker is gone, because it waits for the answer first.
 */
import type { ChildProcess } from 'node:child_process';
import type { EventEmitter } from 'node:events';

/** A handle of Node's own, as node:cluster sends it. */
interface Connection {
  close(): void;
}

/** Of node:cluster: `seq` numbers what the primary sends, and is the `ack` of the answer. */
interface ClusterMessage {
  readonly seq?: number;
  readonly ack?: number;
}

export class HandedConnections {
  /** Those that the worker has not answered. */
  readonly #connectionBySeq = new Map<number, Connection>();

  constructor(child: ChildProcess) {
    watchEnd(child);
    const send = child.send.bind(child) as (...sent: unknown[]) => boolean;
    const watched = (message: ClusterMessage, handle: unknown, ...rest: unknown[]): boolean => {
      if (isConnection(handle) && message.seq !== undefined) this.#connectionBySeq.set(message.seq, handle);
      return send(message, handle, ...rest);
    };
    child.send = watched as ChildProcess['send'];
    // Behind node:cluster, which hands over the next one at the answer.
    (child as EventEmitter).on('internalMessage', ({ ack }: ClusterMessage) => {
      if (ack !== undefined) this.#connectionBySeq.delete(ack);
    });
  }

  get count(): number {
    return this.#connectionBySeq.size;
  }

  /** Of a worker that has died. */
  close(): void {
    for (const connection of this.#connectionBySeq.values()) connection.close();
    this.#connectionBySeq.clear();
  }
}

/** Node.js calls `disconnect` when the other side of the pipe has closed. What waits for an answer keeps it from saying so. */
function watchEnd(child: ChildProcess): void {
  const disconnect = child.disconnect.bind(child);
  child.disconnect = () => {
    (child as { _handleQueue?: unknown })._handleQueue = null;
    disconnect();
  };
}

function isConnection(handle: unknown): handle is Connection {
  return (
    typeof handle === 'object' && handle !== null && 'close' in handle && typeof handle.close === 'function'
  );
}

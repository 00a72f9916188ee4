/**
 * Sockets that were open before, for several workers. node:cluster listens on a descriptor of the primary for all workers together,
 * and closes it with the last of them. So the workers get copies, and the primary keeps what it got. Takes no connection.
 */
import { closeSync } from 'node:fs';
import { ExitCode, OperatorError } from '../../errors';
import { type InheritedSocket, InheritedSockets } from '../../net/inheritedSockets';
import { copyDescriptor } from '../../net/libc';
import type { HostAndPort } from '../../text/hostAndPort';

export class SharedSockets {
  readonly #kept: InheritedSockets;
  #copies: readonly InheritedSocket[] | undefined;

  constructor(kept = new InheritedSockets()) {
    this.#kept = kept;
  }

  /** Those that systemd keeps for the next process. */
  keeps(address: HostAndPort): boolean {
    return this.#kept.keeps(address);
  }

  /** `areShared`: other workers have the last copies, and the next one shares them. */
  forWorkers(areShared: boolean): readonly InheritedSocket[] {
    if (this.#copies === undefined || !areShared) this.#copies = this.#kept.free.map(copyOf);
    return this.#copies;
  }
}

/** Throws OperatorError where they could not be copied for workers. Leaves no copy behind. */
export function checkShareable({ list: [socket] }: InheritedSockets): void {
  if (socket !== undefined) closeSync(copyOf(socket).fd);
}

function copyOf(socket: InheritedSocket): InheritedSocket {
  try {
    return { ...socket, fd: copyDescriptor(socket.fd) };
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    const instead = socket.isOurs === true ? 'stop the gateway and start it' : 'disable aegis.socket';
    throw new OperatorError(
      `several workers can share an open socket only with the optional package koffi (${why}); install it, set workers to 1, or ${instead}`,
      ExitCode.Failed,
    );
  }
}

/**
 * Sockets of systemd for several workers. node:cluster listens on a descriptor of the primary for all workers together,
 * and closes it with the last of them. So the workers get copies, and the primary keeps what it got. Takes no connection.
 */
import { ExitCode, OperatorError } from '../../errors';
import { type InheritedSocket, InheritedSockets } from '../../net/inheritedSockets';
import { copyDescriptor } from '../../net/libc';

export class SharedSockets {
  readonly #kept: InheritedSockets;
  #copies: readonly InheritedSocket[] | undefined;

  constructor(kept = new InheritedSockets()) {
    this.#kept = kept;
  }

  /** `areShared`: other workers have the last copies, and the next one shares them. */
  forWorkers(areShared: boolean): readonly InheritedSocket[] {
    if (this.#copies === undefined || !areShared) this.#copies = this.#kept.free.map(copyOf);
    return this.#copies;
  }
}

function copyOf(socket: InheritedSocket): InheritedSocket {
  try {
    return { ...socket, fd: copyDescriptor(socket.fd) };
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    throw new OperatorError(
      `sockets of systemd for several workers need the optional package koffi (${why}); set workers to 1, or disable aegis.socket`,
      ExitCode.Failed,
    );
  }
}

/**
 * How the connection of a leg ends: at once, with a FIN, or when the peer closes; and ARTIM, which bounds the wait (PS3.8
 * §9.1.5). Remembers whether the peer has closed its side. Does not know which state the association has.
 */
import type { Socket } from 'node:net';
import { Deadline } from './deadline';
import type { LegOptions } from './legOwner';

export class LegEnding {
  readonly #socket: Socket;
  readonly #options: LegOptions;
  /** In Sta2 until the request, in Sta13 until the peer closes. */
  readonly #artim: Deadline;
  /** The peer has closed its side, and may still read (a half-close). */
  #hasPeerEnded = false;

  constructor(socket: Socket, options: LegOptions, expired: () => void) {
    this.#socket = socket;
    this.#options = options;
    this.#artim = new Deadline(() => {
      socket.destroy();
      expired();
    });
    // Who dials us may close its side when it has sent everything, as it may with an archive.
    socket.allowHalfOpen = options.role === 'acceptor';
    if (options.keepAliveSeconds > 0) socket.setKeepAlive(true, options.keepAliveSeconds * 1000);
  }

  get hasPeerEnded(): boolean {
    return this.#hasPeerEnded;
  }

  peerEnded(): void {
    this.#hasPeerEnded = this.#options.role === 'acceptor';
  }

  awaitRequest(): void {
    this.#artim.start(this.#options.timeouts.artimSeconds * 1000);
  }

  requested(): void {
    this.#artim.stop();
  }

  /** The last PDU is written: the peer closes, or ARTIM does it. */
  awaitClose(): void {
    this.#startArtim();
    if (this.#hasPeerEnded) this.#socket.destroySoon();
  }

  /** FIN now, the rest when the peer has closed too. */
  close(): void {
    this.#socket.end();
    this.#startArtim();
  }

  /** At once; but what was written may still be on its way to a peer that reads. */
  destroy(): void {
    if (!this.#hasPeerEnded || this.#socket.destroyed) {
      this.#socket.destroy();
      return;
    }
    this.#socket.destroySoon();
    this.#startArtim();
  }

  #startArtim(): void {
    this.#artim.start(this.#options.timeouts.closeSeconds * 1000);
  }

  /** The socket is closed. */
  dispose(): void {
    this.#artim.dispose();
  }
}

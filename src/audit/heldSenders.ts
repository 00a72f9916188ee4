/** Senders that are not read for a while. Each of them is paused once, however often it is held. Knows no log. */
import type { Sender } from './events';

export class HeldSenders {
  readonly #senders = new Set<Sender>();

  hold(sender: Sender): void {
    if (this.#senders.has(sender)) return;
    this.#senders.add(sender);
    sender.pause();
  }

  release(): void {
    const senders = [...this.#senders];
    this.#senders.clear();
    for (const sender of senders) sender.resume();
  }
}

/**
 * The gateway's own answers to one peer: they wait for the end of a message that is forwarded to it. A peer that asks
 * without reading its answers, or faster than they can go out, is not read meanwhile.
 */
import type { Leg } from '../association/leg';
import type { CommandSet } from '../dimse/commandSet';
import { encodeCommandSet } from '../dimse/encodeCommandSet';
import { refusalResponse } from '../dimse/refusal';

/**
 * Own answers that wait while a message of the other side goes out. With more, the sender is not read, or it could fill
 * the memory with refusals during one slow message.
 */
const MAX_WAITING_REPLIES = 16;

export class OwnReplies {
  readonly #leg: Leg;
  readonly #isInsideMessage: () => boolean;
  #waiting: { readonly contextId: number; readonly commandSet: Buffer }[] = [];
  #isPausing = false;

  /** `isInsideMessage`: whether part of a message towards the peer has gone out, and its end has not. */
  constructor(leg: Leg, isInsideMessage: () => boolean) {
    this.#leg = leg;
    this.#isInsideMessage = isInsideMessage;
  }

  get areWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** The text is the same for every refusal, so that nobody learns what the allowlist holds. */
  refuse(contextId: number, request: CommandSet, status: number): void {
    const response = refusalResponse(request, status, 'refused by the gateway');
    this.#waiting.push({ contextId, commandSet: encodeCommandSet(response) });
  }

  /** Writes them, never between the fragments of a message from the other side. */
  send(): void {
    if (this.#waiting.length === 0) return;
    if (!this.#isInsideMessage()) {
      for (const { contextId, commandSet } of this.#waiting) this.#leg.out.commandSet(contextId, commandSet);
      this.#waiting = [];
    }
    this.#pause();
  }

  /** What waited to be written to the peer has been. */
  drained(): void {
    if (this.#isPausing) this.#pause();
  }

  #pause(): void {
    const mustPause = this.#leg.out.isCongested || this.#waiting.length >= MAX_WAITING_REPLIES;
    if (mustPause === this.#isPausing) return;
    this.#isPausing = mustPause;
    if (mustPause) this.#leg.in.pause();
    else this.#leg.in.resume();
  }
}

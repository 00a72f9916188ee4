/**
 * An association of which every presentation context was refused by the gateway itself. The archive is not connected to:
 * there is nothing to ask it. The association stays open until its peer releases it. A message on it is a protocol error.
 */
import { Deadline } from '../association/deadline';
import type { LegFailure, RelayedLegOwner } from '../association/legOwner';
import { MessageFlow, type MessageReceiver } from '../association/messageFlow';
import { providerAbort } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';
import type { RelayOptions } from './relay';
import { yieldingIdleMs } from './sharedPlaces';

type UnservedOptions = Pick<RelayOptions, 'inbound' | 'record' | 'timeouts' | 'ended'>;

export class Unserved implements RelayedLegOwner {
  readonly awaitsMore = false;
  readonly awaitsDataSet = false;
  readonly isPeerOwed = false;
  readonly #options: UnservedOptions;
  readonly #idle = new Deadline(() => this.abort('idle-timeout'));
  #isOver = false;

  constructor(options: UnservedOptions) {
    this.#options = options;
    options.inbound.relay(this, new MessageFlow(NO_RECEIVER, new Map(), 0));
    this.active();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Nothing is under way. */
  progress(): undefined {}

  /** Ends it: a timeout, the gateway stops, or a reload no longer allows it. */
  abort(reason: ReasonCode, detail?: string): void {
    this.#over(() => this.#options.record.aborted(reason, detail));
    this.#options.inbound.abortAssociation(providerAbort(0));
  }

  /** Another modality waits for a place: gives its own up where nothing has moved for a while. */
  yieldPlace(held: number): void {
    const idleMs = this.#options.timeouts.idleSeconds * 1000 - this.#idle.remainingMs;
    if (!this.#isOver && idleMs >= yieldingIdleMs(held)) this.abort('place-yielded');
  }

  active(): void {
    if (!this.#isOver) this.#idle.start(this.#options.timeouts.idleSeconds * 1000);
  }

  releaseRequested(): void {
    this.#over(() => this.#options.record.released());
    this.#options.inbound.confirmRelease();
  }

  failed({ reason, detail }: LegFailure): void {
    this.#over(() => this.#options.record.aborted(reason, detail));
  }

  // Nothing is relayed: no release of ours can be confirmed, nothing waits to be written.
  releaseConfirmed(): void {}
  congested(): void {}
  written(): void {}
  drained(): void {}

  #over(recordEnd: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.dispose();
    recordEnd();
    this.#options.ended();
  }
}

/** Without a context there is no message: the flow refuses the first fragment. */
const NO_RECEIVER: MessageReceiver = {
  command: () => 'drop',
  dataSetFragment() {},
  dataSetEnd() {},
  messageEnd() {},
};

/**
 * How old an association may get, and how slow the peer that dialled us may be inside a message. Both are off unless they
 * are configured, and then cost nothing.
 */
import { Deadline } from '../association/deadline';
import type { Relay, RelayOptions } from './relay';

/** How long a peer may be slow, and how often an association that is too old is looked at. */
const RATE_WINDOW_MS = 60_000;
const AGE_CHECK_MS = 1000;

export class Endurance {
  readonly #relay: Relay;
  readonly #options: RelayOptions;
  /** Each is absent where it is not configured. */
  readonly #age: Deadline | undefined;
  readonly #rate: Deadline | undefined;
  /** At the beginning of the minute; undefined between two messages, or while we do not read. */
  #bytesBefore: number | undefined;

  /** Undefined where neither is configured. */
  static of(relay: Relay, options: RelayOptions): Endurance | undefined {
    const { maxAgeSeconds, minBytesPerSecond } = options.timeouts;
    return maxAgeSeconds > 0 || minBytesPerSecond > 0 ? new Endurance(relay, options) : undefined;
  }

  private constructor(relay: Relay, options: RelayOptions) {
    this.#relay = relay;
    this.#options = options;
    const { maxAgeSeconds, minBytesPerSecond } = options.timeouts;
    if (maxAgeSeconds > 0) this.#age = new Deadline(() => this.#agedOut());
    if (minBytesPerSecond > 0) this.#rate = new Deadline(() => this.#checkRate());
    this.#age?.start(maxAgeSeconds * 1000);
    this.#rate?.start(RATE_WINDOW_MS);
  }

  /** A message ended. */
  progressed(): void {
    this.#bytesBefore = undefined;
  }

  dispose(): void {
    this.#age?.dispose();
    this.#rate?.dispose();
  }

  #agedOut(): void {
    if (this.#relay.isBetweenMessages) this.#relay.abort('age-limit');
    else this.#age?.start(AGE_CHECK_MS);
  }

  /** Only a minute that lies in one message, and in which the peer was read, says how fast it sends. */
  #checkRate(): void {
    const { inbound, timeouts } = this.#options;
    const bytes = inbound.in.receivedBytes;
    const before = this.#bytesBefore;
    const isJudged = this.#relay.isInsideRequest && !inbound.in.isPaused;
    if (isJudged && before !== undefined) {
      const perSecond = ((bytes - before) * 1000) / RATE_WINDOW_MS;
      if (perSecond < timeouts.minBytesPerSecond) {
        this.#relay.abort('stall-timeout', `fewer than ${timeouts.minBytesPerSecond} bytes came in a second`);
        return;
      }
    }
    this.#bytesBefore = isJudged ? bytes : undefined;
    this.#rate?.start(RATE_WINDOW_MS);
  }
}

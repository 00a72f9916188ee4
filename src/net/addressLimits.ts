/**
 * What one address may have open and may open in a second, before it comes to an association. Knows no sockets.
 */
import { type Budget, Budgets } from './budget';

/** Connections of one address that wait for their turn; each costs a socket and no TLS state. */
const MAX_WAITING = 64;

export interface AddressLimit {
  readonly maxPending: number;
  /** 0: as fast as they come. */
  readonly connectionsPerSecond: number;
}

export class AddressLimits {
  readonly #pendingByAddress = new Map<string, number>();
  readonly #budgets = new Budgets();

  /** For one more connection; undefined where the address has too many that are pending. */
  claim(address: string, { maxPending, connectionsPerSecond }: AddressLimit): AddressClaim | undefined {
    const pending = this.#pendingByAddress.get(address) ?? 0;
    if (pending >= maxPending) return undefined;
    this.#pendingByAddress.set(address, pending + 1);
    return new AddressClaim(this.#budgets.of(address, connectionsPerSecond), () => this.#release(address));
  }

  #release(address: string): void {
    const pending = (this.#pendingByAddress.get(address) ?? 0) - 1;
    if (pending > 0) this.#pendingByAddress.set(address, pending);
    else this.#pendingByAddress.delete(address);
  }
}

/** Of one connection, until it has an association or is closed. */
export class AddressClaim {
  readonly #budget: Budget | undefined;
  readonly #released: () => void;
  #entered: () => void = () => {};
  #isWaiting = false;
  #isReleased = false;

  constructor(budget: Budget | undefined, released: () => void) {
    this.#budget = budget;
    this.#released = released;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Calls `entered` now or when it is its turn; false where too many wait already. Once. */
  enter(entered: () => void): boolean {
    const budget = this.#budget;
    if (budget !== undefined && budget.waiting >= MAX_WAITING) return false;
    this.#entered = entered;
    this.#isWaiting = budget?.take(this.#granted) === false;
    if (!this.#isWaiting) entered();
    return true;
  }

  readonly #granted = (): void => {
    this.#isWaiting = false;
    this.#entered();
  };

  /** It has come to an association: it was worth its token. */
  associated(): void {
    if (!this.#isReleased) this.#budget?.giveBack();
    this.release();
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#isWaiting) this.#budget?.leave(this.#granted);
    this.#released();
  }
}

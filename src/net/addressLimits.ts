/**
 * What one address may have open and may open in a second, before it comes to an association; and all addresses together,
 * which take turns. Knows no sockets.
 */
import { Budget, Budgets } from './budget';

/** Connections of one address that wait for their turn; each costs a socket and no TLS state. */
const MAX_WAITING = 64;

/** Short, because many addresses begin at once for a second or two, and what comes to an association gives its token back. */
const BURST_SECONDS_OF_ALL = 1;

export interface AddressLimit {
  readonly maxPending: number;
  /** 0: as fast as they come. */
  readonly connectionsPerSecond: number;
  /** Of all addresses together. 0: as fast as they come. */
  readonly connectionsPerSecondOfAll: number;
}

export class AddressLimits {
  readonly #pendingByAddress = new Map<string, number>();
  readonly #budgets = new Budgets();
  readonly #turns = new AddressTurns();

  /** For one more connection; undefined where the address has too many that are pending. */
  claim(address: string, limit: AddressLimit): AddressClaim | undefined {
    const pending = this.#pendingByAddress.get(address) ?? 0;
    if (pending >= limit.maxPending) return undefined;
    this.#pendingByAddress.set(address, pending + 1);
    const budget = this.#budgets.of(address, limit.connectionsPerSecond);
    this.#turns.setRate(limit.connectionsPerSecondOfAll);
    return new AddressClaim(address, budget, this.#turns, () => this.#release(address));
  }

  #release(address: string): void {
    const pending = (this.#pendingByAddress.get(address) ?? 0) - 1;
    if (pending > 0) this.#pendingByAddress.set(address, pending);
    else this.#pendingByAddress.delete(address);
  }
}

/** Of one connection, until it has an association or is closed. */
export class AddressClaim {
  readonly #address: string;
  readonly #budget: Budget | undefined;
  readonly #turns: AddressTurns;
  readonly #released: () => void;
  #entered: () => void = () => {};
  #isWaiting = false;
  #isReleased = false;

  constructor(address: string, budget: Budget | undefined, turns: AddressTurns, released: () => void) {
    this.#address = address;
    this.#budget = budget;
    this.#turns = turns;
    this.#released = released;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Calls `entered` now or when it is its turn; false where too many wait already. Once. */
  enter(entered: () => void): boolean {
    const waiting = Math.max(this.#budget?.waiting ?? 0, this.#turns.waitingOf(this.#address));
    if (waiting >= MAX_WAITING) return false;
    this.#entered = entered;
    this.#isWaiting = true;
    if (this.#budget === undefined || this.#budget.take(this.#awaitTurn)) this.#awaitTurn();
    return true;
  }

  readonly #awaitTurn = (): void => {
    if (this.#turns.take(this.#address, this.#granted)) this.#granted();
  };

  readonly #granted = (): void => {
    this.#isWaiting = false;
    this.#entered();
  };

  /** It has come to an association: it was worth its tokens. */
  associated(): void {
    if (!this.#isReleased) {
      this.#budget?.giveBack();
      this.#turns.giveBack();
    }
    this.release();
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#isWaiting) {
      this.#budget?.leave(this.#awaitTurn);
      this.#turns.leave(this.#address, this.#granted);
    }
    this.#released();
  }
}

/** The rate of all addresses together: one that has many connections waiting has one turn, as any other. */
class AddressTurns {
  #budget: Budget | undefined;
  readonly #lineByAddress = new Map<string, Set<() => void>>();

  setRate(perSecond: number): void {
    if (perSecond === (this.#budget?.perSecond ?? 0)) return;
    this.#budget = perSecond === 0 ? undefined : new Budget(perSecond, BURST_SECONDS_OF_ALL);
  }

  waitingOf(address: string): number {
    return this.#lineByAddress.get(address)?.size ?? 0;
  }

  take(address: string, granted: () => void): boolean {
    if (this.#budget === undefined) return true;
    if (this.#lineByAddress.size === 0 && this.#budget.take(this.#next)) return true;
    const line = this.#lineByAddress.get(address) ?? new Set();
    this.#lineByAddress.set(address, line.add(granted));
    return false;
  }

  leave(address: string, granted: () => void): void {
    const line = this.#lineByAddress.get(address);
    line?.delete(granted);
    if (line?.size === 0) this.#lineByAddress.delete(address);
    if (this.#lineByAddress.size === 0) this.#budget?.leave(this.#next);
  }

  giveBack(): void {
    this.#budget?.giveBack();
  }

  /** A token came: for the first of the address whose turn it is, and so on while there are more. */
  readonly #next = (): void => {
    do {
      const [address, line] = this.#lineByAddress.entries().next().value ?? [];
      const [granted] = line ?? [];
      if (address === undefined || line === undefined || granted === undefined) return;
      line.delete(granted);
      this.#lineByAddress.delete(address);
      if (line.size > 0) this.#lineByAddress.set(address, line);
      granted();
    } while (this.#lineByAddress.size > 0 && this.#budget?.take(this.#next) !== false);
  };
}

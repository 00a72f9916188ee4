/**
 * How many connections this process can hold, by its limit of open files, and which one goes where another one comes. The
 * kernel would refuse the newest without a word, whatever it is for: a health check, a log file, the archive.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Deadline } from '../association/deadline';

/** A connection, from accept on. */
export interface Guest {
  readonly sourceAddress: string;
  /** An association was requested: it stays. */
  readonly isBusy?: boolean;
  /** Closes it, because another one needs its descriptor. */
  giveWay(): void;
}

/** A connection and the one to the other end. */
const DESCRIPTORS_EACH = 2;
/** For the admin HTTP, health checks, logs and files of a reload. */
const MAX_RESERVE = 64;
const MIN_RESERVE = 8;
/** A shortage is over when nothing had to go for so long. */
const QUIET_MS = 10_000;

/** A time in which connections had to go. */
export interface Shortage {
  readonly since: Date;
  readonly count: number;
}

export class ConnectionRoom {
  readonly #max: number;
  #shortage: { readonly since: Date; count: number } | undefined;
  readonly #quiet: Deadline;

  /**
   * To be made once the listeners are open: what is open then stays. Infinite where the limit is not known. `ended` is
   * called when a shortage is over.
   */
  constructor(
    ended: (shortage: Shortage) => void,
    limit = openFileLimit() ?? Number.POSITIVE_INFINITY,
    used = openFiles(),
  ) {
    this.#quiet = new Deadline(() => {
      const shortage = this.#shortage;
      this.dispose();
      if (shortage !== undefined) ended(shortage);
    });
    const reserve = Math.max(MIN_RESERVE, Math.min(MAX_RESERVE, Math.floor(limit / 8)));
    this.#max = Math.max(1, Math.floor((limit - used - reserve) / DESCRIPTORS_EACH));
  }

  /** Before one more is taken. False where all that are open have an association: then it cannot be taken. */
  make(count: number, guests: () => Iterable<Guest>): boolean {
    if (count < this.#max) return true;
    this.#shortage ??= { since: new Date(), count: 0 };
    this.#shortage.count += 1;
    this.#quiet.start(QUIET_MS);
    const victim = oldestOfMost(guests());
    victim?.giveWay();
    return victim !== undefined;
  }

  dispose(): void {
    this.#quiet.dispose();
    this.#shortage = undefined;
  }
}

/** The oldest without an association, of the address that has most of those. */
function oldestOfMost(guests: Iterable<Guest>): Guest | undefined {
  const byAddress = new Map<string, { readonly oldest: Guest; count: number }>();
  let most: { readonly oldest: Guest; count: number } | undefined;
  for (const guest of guests) {
    if (guest.isBusy === true) continue;
    const known = byAddress.get(guest.sourceAddress) ?? { oldest: guest, count: 0 };
    byAddress.set(guest.sourceAddress, known);
    known.count += 1;
    if (known.count > (most?.count ?? 0)) most = known;
  }
  return most?.oldest;
}

/** The limit of this process. Node has already raised the soft limit to the hard one. Linux only. */
export function openFileLimit(): number | undefined {
  try {
    const line = /^Max open files +(\d+) /m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

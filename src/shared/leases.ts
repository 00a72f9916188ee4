/**
 * What this gateway holds of the limits that all gateways share: the places of its associations, under an ID that dies with
 * its lease. Each connection to the server gets a new ID, and what is held is said again whole. So nothing that was lost on
 * the way is counted for ever. Knows no association.
 */
import { randomBytes } from 'node:crypto';
import type { PlaceRequest } from '../gateway/associationPlaces';
import { CONNECT_MS, MAX_ANSWER_MS, type Store } from './store';

/** `away`: the server could not be asked. `exceeded`: taken, beyond the limit of a modality that is observed. */
export type Verdict = 'taken' | 'exceeded' | 'modality' | 'all' | 'upstream' | 'away';

const VERDICTS: readonly Verdict[] = ['taken', 'modality', 'all', 'upstream', 'exceeded'];

/** What LeasedPlaces asks; a fake in its tests. */
export type LeaseKeeper = Pick<Leases, 'take' | 'hold' | 'free'>;

type Wanted = Pick<
  PlaceRequest,
  'modality' | 'upstream' | 'maxOfAll' | 'maxOfModality' | 'maxOfUpstream' | 'isObserved'
>;

type Place = Pick<Wanted, 'modality' | 'upstream'>;

export class Leases {
  readonly #store: Store;
  readonly #leaseMs: number;
  #id = newId();
  readonly #held = new Map<string, number>();
  /** Counts the changes of what is held. */
  #changes = 0;
  #isRegistered = false;

  constructor(store: Store, leaseMs: number) {
    this.#store = store;
    this.#leaseMs = leaseMs;
  }

  get id(): string {
    return this.#id;
  }

  /** Says all that is held, under a new ID. What the server still hears under the old one counts no more. */
  async register(): Promise<void> {
    let said: number;
    do {
      const before = this.#id;
      this.#id = newId();
      said = this.#changes;
      const held = [...this.#held].flat();
      await this.#store.run('register', [this.#id, before, this.#leaseMs, ...held], CONNECT_MS);
    } while (said !== this.#changes);
    this.#isRegistered = true;
  }

  /** The connection is gone. */
  lost(): void {
    this.#isRegistered = false;
  }

  /** Never rejects. What was taken is held until it is freed. */
  async take(wanted: Wanted): Promise<Verdict> {
    if (!this.#isRegistered) return 'away';
    const { modality, upstream, maxOfAll, maxOfModality = -1, maxOfUpstream = -1, isObserved } = wanted;
    const [ofAll, ofModality, ofUpstream] = fieldsOf(modality, upstream);
    const limits = [ofModality!, maxOfModality, ofAll!, maxOfAll, ofUpstream ?? '', maxOfUpstream];
    const parameters = [...limits, isObserved ? 1 : 0];
    const verdict = VERDICTS[(await this.#ask('take', [this.#leaseMs, ...parameters])) ?? -1] ?? 'away';
    if (verdict === 'taken' || verdict === 'exceeded') this.#count(wanted, 1);
    return verdict;
  }

  /** Whatever the limits: the server was away, and hears of it when it is back, or now where it is just back. */
  hold({ modality, upstream }: Place): void {
    this.#count({ modality, upstream }, 1);
    if (!this.#isRegistered) return;
    const [ofAll, ofModality, ofUpstream = ''] = fieldsOf(modality, upstream);
    void this.#ask('take', [this.#leaseMs, ofModality!, -1, ofAll!, -1, ofUpstream, -1, 0]);
  }

  free({ modality, upstream }: Place): void {
    this.#count({ modality, upstream }, -1);
    if (this.#isRegistered) void this.#ask('free', fieldsOf(modality, upstream));
  }

  /** The gateway ends in order: its places are free at once. */
  async leave(): Promise<void> {
    if (this.#isRegistered) await this.#ask('leave', []);
  }

  /** Undefined where the server is away, or has forgotten this gateway. What is held is said again then. */
  async #ask(
    script: 'take' | 'free' | 'leave',
    parameters: readonly (string | number)[],
  ): Promise<number | undefined> {
    try {
      const answer = await this.#store.run(script, [this.#id, ...parameters], MAX_ANSWER_MS);
      if (typeof answer === 'number' && answer >= 0) return answer;
      this.#store.giveUp('it does not know this gateway any more');
    } catch {
      // The store has reported it.
    }
    return undefined;
  }

  #count({ modality, upstream }: Place, change: 1 | -1): void {
    this.#changes += 1;
    for (const field of fieldsOf(modality, upstream)) {
      const count = (this.#held.get(field) ?? 0) + change;
      if (count <= 0) this.#held.delete(field);
      else this.#held.set(field, count);
    }
  }
}

/** Without an upstream, where none is reached. */
function fieldsOf(modality: string, upstream: string): readonly string[] {
  const fields = ['all', `modality:${modality}`];
  return upstream === '' ? fields : [...fields, `upstream:${upstream}`];
}

function newId(): string {
  return randomBytes(9).toString('base64url');
}

/**
 * One thing that a limited number of associations may have at a time, and the line for it: an upstream, or the gateway as a
 * whole. Modalities take turns, and one that holds much is asked for a place while another one waits. Knows no limit and no
 * clock.
 */

/** An association in the line. */
export interface Waiting {
  readonly modality: string;
  /** How many may have a place, when it came. */
  readonly max: number;
  /** It has left the line and may take its place. */
  granted(): void;
}

/** Asks for a place back. `held`: how many places the modality has. */
export type Asked = (held: number) => void;

/** A sender that takes this long between two instances can begin again. */
const YIELDING_IDLE_MS = 5000;
/** With more, each is missed less, and who waits need not wait so long. */
const FEW_PLACES = 8;

/** How long nothing must have moved in an association that gives its place up. */
export function yieldingIdleMs(held: number): number {
  return YIELDING_IDLE_MS * Math.min(1, FEW_PLACES / held);
}

export class SharedPlaces {
  #taken = 0;
  /** What asks for a place back, by the modality that has it; who was not asked for longest comes first. */
  readonly #holders = new Map<string, Set<Asked>>();
  /** By modality, in the order in which the modalities are next. */
  readonly #line = new Map<string, Set<Waiting>>();

  get taken(): number {
    return this.#taken;
  }

  get hasLine(): boolean {
    return this.#line.size > 0;
  }

  get isUnused(): boolean {
    return this.#taken === 0 && !this.hasLine;
  }

  take(modality: string, asked: Asked): void {
    this.#taken += 1;
    addTo(this.#holders, modality, asked);
  }

  giveBack(modality: string, asked: Asked): void {
    this.#taken -= 1;
    removeFrom(this.#holders, modality, asked);
    this.#next();
  }

  wait(waiting: Waiting): void {
    addTo(this.#line, waiting.modality, waiting);
  }

  leave(waiting: Waiting): void {
    removeFrom(this.#line, waiting.modality, waiting);
  }

  waitingOf(modality: string): number {
    return this.#line.get(modality)?.size ?? 0;
  }

  /** Whether another modality holds so much more that it is to give a place to this one. */
  owes(modality: string): boolean {
    return this.#debtorOf(modality) !== undefined;
  }

  /** Asks for one place for each modality that waits. A worker answers later, so it is not known whether the place comes. */
  askAll(): void {
    for (const modality of this.#line.keys()) {
      const debtor = this.#debtorOf(modality);
      const [longest] = debtor ?? [];
      if (debtor === undefined || longest === undefined) continue;
      debtor.delete(longest);
      debtor.add(longest);
      longest(debtor.size);
    }
  }

  /**
   * The modality that holds most. It must hold two more than the one that waits, or the two would take the place from each
   * other for ever.
   */
  #debtorOf(modality: string): Set<Asked> | undefined {
    let most: Set<Asked> | undefined;
    for (const held of this.#holders.values()) if (held.size > (most?.size ?? 0)) most = held;
    const own = this.#holders.get(modality)?.size ?? 0;
    return most !== undefined && most.size >= own + 2 ? most : undefined;
  }

  /**
   * Lets in the next one. Modalities take turns, so that one that asks for hundreds of associations does not keep the others
   * out; within a modality, first come, first served.
   */
  #next(): void {
    const [modality, ofModality] = this.#line.entries().next().value ?? [];
    const [waiting] = ofModality ?? [];
    if (modality === undefined || ofModality === undefined || waiting === undefined) return;
    if (this.#taken >= waiting.max) return;
    this.#line.delete(modality);
    if (ofModality.size > 1) this.#line.set(modality, ofModality);
    this.leave(waiting);
    waiting.granted();
  }
}

function addTo<T>(byModality: Map<string, Set<T>>, modality: string, one: T): void {
  const ofModality = byModality.get(modality) ?? new Set<T>();
  byModality.set(modality, ofModality.add(one));
}

function removeFrom<T>(byModality: Map<string, Set<T>>, modality: string, one: T): void {
  const ofModality = byModality.get(modality);
  ofModality?.delete(one);
  if (ofModality?.size === 0) byModality.delete(modality);
}

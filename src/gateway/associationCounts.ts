/**
 * How many associations there are: altogether, of each modality, towards each upstream. Counted from the
 * moment that one is authorised, so that a burst can't pass a limit while the upstream is being dialled.
 */
import type { CompiledModality, CompiledUpstream } from '../policy/policy';

export class AssociationCounts {
  #total = 0;
  readonly #byModality = new Map<string, number>();
  readonly #byUpstream = new Map<string, number>();

  get total(): number {
    return this.#total;
  }

  isModalityFull({ name, configuration }: CompiledModality): boolean {
    return (this.#byModality.get(name) ?? 0) >= (configuration.maxAssociations ?? Number.POSITIVE_INFINITY);
  }

  isUpstreamFull({ calledAeTitle, configuration }: CompiledUpstream): boolean {
    const limit = configuration.maxAssociations ?? Number.POSITIVE_INFINITY;
    return (this.#byUpstream.get(calledAeTitle) ?? 0) >= limit;
  }

  /** Takes a place; the function that comes back frees it, once however often it is called. */
  take(modality: CompiledModality, upstream: CompiledUpstream): () => void {
    this.#add(modality, upstream, 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#add(modality, upstream, -1);
      isTaken = false;
    };
  }

  #add({ name }: CompiledModality, { calledAeTitle }: CompiledUpstream, change: 1 | -1): void {
    this.#total += change;
    for (const [counts, key] of [
      [this.#byModality, name],
      [this.#byUpstream, calledAeTitle],
    ] as const) {
      const count = (counts.get(key) ?? 0) + change;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    }
  }
}

/**
 * Counts refusals by modality, and by address where no modality is known: so many of one in some seconds are a burst, which
 * is reported once. Knows no alert.
 */
import type { AuditEvent } from '../audit/events';
import { networkOf } from '../text/addresses';

/** Modalities and addresses that are counted. Those beyond are counted together: an attacker has many addresses. */
const MAX_SOURCES = 1000;
const OTHERS = 'other addresses';

export interface BurstRules {
  readonly count: number;
  readonly seconds: number;
}

interface Source {
  beganMs: number;
  count: number;
  isReported: boolean;
}

export class DenialBursts {
  readonly #sourceByName = new Map<string, Source>();

  /** Whose burst begins with this event; undefined where none does. */
  record(
    { outcome, modality, sourceAddress = '' }: AuditEvent,
    rules: BurstRules,
    nowMs: number,
  ): string | undefined {
    if (outcome !== 'denied') return undefined;
    const name = modality === undefined ? networkOf(sourceAddress) : `modality ${modality}`;
    const [known, source] = this.#sourceOf(name, rules, nowMs);
    if (nowMs - source.beganMs >= rules.seconds * 1000) {
      // Who goes on is not reported again before it was quiet for once.
      if (source.count < rules.count) source.isReported = false;
      source.beganMs = nowMs;
      source.count = 0;
    }
    source.count += 1;
    if (source.count < rules.count || source.isReported) return undefined;
    source.isReported = true;
    return known;
  }

  #sourceOf(name: string, { seconds }: BurstRules, nowMs: number): [name: string, Source] {
    const known = this.#sourceByName.get(name);
    if (known !== undefined) return [name, known];
    if (this.#sourceByName.size >= MAX_SOURCES) this.#forget(nowMs - seconds * 1000);
    const own = this.#sourceByName.size < MAX_SOURCES ? name : OTHERS;
    const source = this.#sourceByName.get(own) ?? { beganMs: nowMs, count: 0, isReported: false };
    this.#sourceByName.set(own, source);
    return [own, source];
  }

  /** Those whose last seconds are over. */
  #forget(beforeMs: number): void {
    for (const [name, { beganMs }] of this.#sourceByName)
      if (beganMs <= beforeMs) this.#sourceByName.delete(name);
  }
}

/**
 * The rules that count now: those of a configuration, with the locks beside it, and changed when the time of an entry has
 * come. Knows no connections.
 */
import type { Configuration } from '../config/schema';
import { type ModalityLock, withLocks } from '../policy/locks';
import type { ReasonCode } from '../policy/reasons';
import { policyOf, type Rules, rulesOf } from './rules';

/** A clock that is set is noticed within this time; and no timer of Node can be longer than 24 days. */
const MAX_WAIT_MS = 60_000;

export class RulesInForce {
  #rules: Rules;
  #locks: readonly ModalityLock[];
  #timer: NodeJS.Timeout | undefined;
  readonly #changed: () => void;

  /** `changed` is called when a time of an entry has come. Throws OperatorError as rulesOf. */
  constructor(configuration: Configuration, locks: readonly ModalityLock[], changed: () => void) {
    this.#changed = changed;
    this.#locks = locks;
    this.#rules = this.#locked(rulesOf(configuration));
    this.#wait();
  }

  /**
   * Compiled again when the time of an entry has come. Checked at each decision and not only with a timer, so that a clock
   * that is set, or a machine that slept, makes none of them late.
   */
  get current(): Rules {
    this.#renew();
    return this.#rules;
  }

  get configuration(): Configuration {
    return this.#rules.configuration;
  }

  replace(rules: Rules): void {
    this.#take(rules);
  }

  lock(locks: readonly ModalityLock[]): void {
    this.#locks = locks;
    // Without those of before: their end would be waited for.
    this.#take({ ...this.#rules, policy: policyOf(this.#rules.configuration) });
  }

  /** Why nobody may be this modality now; undefined where somebody may. */
  suspension(modality: string): ReasonCode | undefined {
    const { locks, outOfTime } = this.current.policy;
    if (locks.has(modality)) return 'modality-locked';
    return outOfTime.has(modality) ? 'entry-not-valid-now' : undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #renew(): void {
    if (Date.now() < this.#rules.policy.validUntilMs) return;
    this.#take({ ...this.#rules, policy: policyOf(this.#rules.configuration) });
    // Whether the timer or a decision came first. Afterwards: the decision may be about an association that ends.
    queueMicrotask(this.#changed);
  }

  #take(rules: Rules): void {
    this.#rules = this.#locked(rules);
    this.#wait();
  }

  #locked(rules: Rules): Rules {
    if (this.#locks.length === 0) return rules;
    return { ...rules, policy: withLocks(rules.policy, this.#locks, Date.now()) };
  }

  /** Associations that are open end with the entry, also while nobody asks for a decision. */
  #wait(): void {
    clearTimeout(this.#timer);
    const { validUntilMs } = this.#rules.policy;
    if (validUntilMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(Math.max(0, validUntilMs - Date.now()), MAX_WAIT_MS);
    this.#timer = setTimeout(() => {
      if (Date.now() < validUntilMs) this.#wait();
      else this.#renew();
    }, waitMs).unref();
  }
}

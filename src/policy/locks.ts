/**
 * Locks of modalities: what an operator has shut at once, whatever its entry says. Which locks there are is asked of the
 * caller, and so is the time. Knows no file.
 */
import { momentMs } from '../text/moments';
import { escapeUnsafe, quoteValue } from '../text/quote';
import type { Policy } from './policy';

/** Times are ISO 8601, in UTC. */
export interface ModalityLock {
  /** Name of the entry. It may be gone: the lock stays, for the day when it comes back. */
  readonly modality: string;
  /** Words of the operator who set it. */
  readonly reason: string;
  readonly since: string;
  /** Absent: until it is unlocked. */
  readonly until?: string | undefined;
  /** The account that asked for it, as the command said. */
  readonly by?: string | undefined;
}

/** A time that cannot be read never comes: the modality stays locked. */
export function lockEndMs({ until }: ModalityLock): number {
  return (until === undefined ? undefined : momentMs(until)) ?? Number.POSITIVE_INFINITY;
}

export function locksInForce(locks: readonly ModalityLock[], nowMs: number): readonly ModalityLock[] {
  return locks.filter((lock) => nowMs < lockEndMs(lock));
}

/** The same policy with these locks instead of those that it had. */
export function withLocks(policy: Policy, all: readonly ModalityLock[], nowMs: number): Policy {
  const inForce = locksInForce(all, nowMs);
  const locks = new Map(inForce.map((lock) => [lock.modality, lock]));
  const validUntilMs = inForce
    .map(lockEndMs)
    .reduce((one, other) => Math.min(one, other), policy.validUntilMs);
  return { ...policy, locks, validUntilMs, egress: policy.egress && { ...policy.egress, locks } };
}

/** `locked since 2026-11-30 14:20 UTC, until 2026-11-30 16:20 UTC, by root: "stolen laptop"`, escaped. */
export function describeLock({ since, until, by, reason }: ModalityLock): string {
  const end = until === undefined ? '' : `, until ${minute(until)}`;
  const who = by === undefined ? '' : `, by ${escapeUnsafe(by)}`;
  return `locked since ${minute(since)}${end}${who}: ${quoteValue(reason)}`;
}

function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

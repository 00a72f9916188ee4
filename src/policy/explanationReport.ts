/**
 * An explanation as plain data, for machines and for the page: what `aegis --json explain` prints and
 * `GET /api/v1/explain` answers. Names instead of entries; nothing else is left out.
 */
import type { ExplainedCheck, ExplainQuery, Explanation, Gate } from './explain';
import type { ReasonCode } from './reasons';

/** docs/admin.md documents the keys, and the names are stable. */
export interface ExplanationReport {
  readonly allowed: boolean;
  /** Of the first check that failed, as `gate`. */
  readonly reason: ReasonCode | null;
  readonly gate: Gate | null;
  /** The entry that matched, or that alone came near. */
  readonly modality: string | null;
  readonly mode: 'enforce' | 'observe' | null;
  readonly observeUntil: string | null;
  /** The AE title by which the archive is called. */
  readonly upstream: string | null;
  readonly listener: string;
  readonly wireAnswer: string;
  readonly checks: readonly ExplainedCheck[];
  /** What was assumed or ignored, in words. */
  readonly notes: readonly string[];
}

export function explanationReport(
  { association }: ExplainQuery,
  { modality, upstream, failed, ...rest }: Explanation,
  notes: readonly string[],
): ExplanationReport {
  return {
    allowed: rest.allowed,
    reason: failed?.reason ?? null,
    gate: failed?.gate ?? null,
    modality: modality?.name ?? null,
    mode: modality === undefined ? null : modality.isObserved ? 'observe' : 'enforce',
    observeUntil: modality?.configuration.observeUntil ?? null,
    upstream: upstream?.calledAeTitle ?? null,
    listener: association.listener,
    wireAnswer: rest.wireAnswer,
    checks: rest.checks,
    notes,
  };
}

/** What the checks alone do not say of presentation contexts. */
export function contextNotes({ checks }: Explanation): string[] {
  return checks.some(({ isContextRefused }) => isContextRefused === true)
    ? [
        'beside contexts on which the entry allows something, the presentation context of what failed is refused already: result 1',
      ]
    : [];
}

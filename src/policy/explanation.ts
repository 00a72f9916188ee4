/**
 * The form of an explanation: checks in the order of the gates, of which the first that fails decides. What is checked
 * is for explain.ts (what modalities ask for) and explainEgress.ts (what archives send).
 */
import type { AssociationRequest, CommandRequest } from './decide';
import { formatWireAnswer } from './formatWireAnswer';
import type { CompiledModality, CompiledUpstream } from './policy';
import { type ReasonCode, wireAnswer } from './reasons';

export type Gate = 'address' | 'certificate' | 'association' | 'command';

/** One check of one gate. */
export interface ExplainedCheck {
  readonly gate: Gate;
  /** What was looked at, in words. */
  readonly check: string;
  /** `would-deny`: refused, but let pass because the entry is in observe mode. */
  readonly outcome: 'passed' | 'failed' | 'would-deny' | 'not-reached';
  readonly detail: string;
  /** Set where the outcome is `failed` or `would-deny`. */
  readonly reason?: ReasonCode;
  /** What the peer is answered; set where the outcome is `failed`. */
  readonly wireAnswer?: string;
}

export interface ExplainQuery {
  readonly association: AssociationRequest;
  /** Requests on the association, each judged for itself. */
  readonly commands: readonly CommandRequest[];
  /** What TLS would refuse the certificate for, where the caller knows of something. */
  readonly certificateRefusal?: ReasonCode;
}

export interface Explanation {
  /** Whether every gate let pass everything that was asked for; a `would-deny` is let pass. */
  readonly allowed: boolean;
  /** Every gate in its order. */
  readonly checks: readonly ExplainedCheck[];
  /** The first check that failed. */
  readonly failed?: ExplainedCheck;
  /** The entry that matched, or that alone came near. */
  readonly modality?: CompiledModality;
  /** Where the association of a modality would be relayed to. */
  readonly upstream?: CompiledUpstream;
  /** What the peer is answered: by the first check that failed, or where all passed. */
  readonly wireAnswer: string;
}

export type Step = Omit<ExplainedCheck, 'gate'>;

export function passed(check: string, detail: string): Step {
  return { check, outcome: 'passed', detail };
}

export function failedBy(check: string, reason: ReasonCode, detail: string, command?: string): Step {
  return {
    check,
    outcome: 'failed',
    detail,
    reason,
    wireAnswer: formatWireAnswer(wireAnswer(reason), command),
  };
}

/** Checks as they come; behind one that failed nothing is reached, except that commands stand for themselves. */
export class Checks {
  readonly list: ExplainedCheck[] = [];
  failed: ExplainedCheck | undefined;

  add(gate: Gate, step: Step): void {
    const check: ExplainedCheck =
      this.failed === undefined || (this.failed.gate === 'command' && gate === 'command')
        ? { gate, ...step }
        : { gate, check: step.check, outcome: 'not-reached', detail: '' };
    this.list.push(check);
    if (check.outcome === 'failed') this.failed ??= check;
  }
}

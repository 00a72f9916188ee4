/**
 * Tells a decision step by step. It asks the gates of decide.ts and puts their answers into words; it decides
 * nothing itself, so it cannot disagree with live traffic. What it says names entries of the allowlist and is
 * for the operator, never for a peer.
 */
import { escapeUnsafe, quoteValue } from '../config/quote';
import { commandName, formatStatus } from '../dimse/commands';
import { sopClassKeyword } from '../dimse/sopClasses';
import { canonicalAddress } from './addresses';
import {
  type AssociationDecision,
  type AssociationRequest,
  associationChecks,
  type CommandRequest,
  decideAddress,
  decideAssociation,
  decideCommand,
} from './decide';
import {
  associationCheckName,
  describeAddresses,
  describeAssociationCheck,
  describeCommandDenial,
  entryPath,
} from './describeCheck';
import { formatWireAnswer } from './formatWireAnswer';
import type { CompiledModality, CompiledUpstream, Policy } from './policy';
import { type ReasonCode, reasons, wireAnswer } from './reasons';

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
  /** Where the association would be relayed to. */
  readonly upstream?: CompiledUpstream;
  /** What the peer is answered: by the first check that failed, or where all passed. */
  readonly wireAnswer: string;
}

type Step = Omit<ExplainedCheck, 'gate'>;

/** Explains what would happen to this peer. A certificate that the listener would not ask for is left out. */
export function explain(policy: Policy, query: ExplainQuery): Explanation {
  const request = asSeenByListener(policy, query.association);
  const decision = decideAssociation(policy, request);
  const checks: ExplainedCheck[] = [];
  let failed: ExplainedCheck | undefined;
  const add = (gate: Gate, step: Step) => {
    const check: ExplainedCheck =
      failed === undefined || (failed.gate === 'command' && gate === 'command')
        ? { gate, ...step }
        : { gate, check: step.check, outcome: 'not-reached', detail: '' };
    checks.push(check);
    if (check.outcome === 'failed') failed ??= check;
  };
  add('address', addressStep(policy, request, decision.modality));
  add('certificate', certificateStep(policy, request, query.certificateRefusal));
  for (const step of associationSteps(policy, request, decision)) add('association', step);
  for (const command of query.commands) add('command', commandStep(decision.modality, command));

  const { modality } = decision;
  return {
    allowed: failed === undefined,
    checks,
    ...(failed === undefined ? {} : { failed }),
    ...(modality === undefined ? {} : { modality }),
    ...(decision.allowed ? { upstream: decision.upstream } : {}),
    wireAnswer: failed?.wireAnswer ?? answerWhereAllowed(decision, query.commands.length > 0),
  };
}

/** TLS hands over a certificate only where the listener asks for one. */
function asSeenByListener(policy: Policy, request: AssociationRequest): AssociationRequest {
  if (policy.listenerByName.get(request.listener)?.requiresCertificate === true) return request;
  const { certificate: _unseen, ...rest } = request;
  return rest;
}

function passed(check: string, detail: string): Step {
  return { check, outcome: 'passed', detail };
}

function failedBy(check: string, reason: ReasonCode, detail: string, command?: string): Step {
  return {
    check,
    outcome: 'failed',
    detail,
    reason,
    wireAnswer: formatWireAnswer(wireAnswer(reason), command),
  };
}

function addressStep(
  policy: Policy,
  { sourceAddress }: AssociationRequest,
  nearest: CompiledModality | undefined,
): Step {
  const check = 'source address';
  const decision = decideAddress(policy, sourceAddress);
  const address = canonicalAddress(sourceAddress) ?? quoteValue(sourceAddress);
  if (!decision.allowed) {
    const hint = nearest === undefined ? '' : `; ${describeAddresses([nearest])}`;
    return failedBy(check, decision.reason, `${address} is in no modality entry${hint}`);
  }
  return passed(
    check,
    policy.addresses.has(sourceAddress)
      ? `${address} is in at least one modality entry`
      : `${address} is in no modality entry, but unknownAddresses is "reject", so it may try`,
  );
}

function certificateStep(
  policy: Policy,
  { listener, certificate }: AssociationRequest,
  refusal: ReasonCode | undefined,
): Step {
  const check = 'TLS';
  const { isTls, requiresCertificate } = policy.listenerByName.get(listener) ?? {};
  if (isTls !== true) return passed(check, 'a plain listener: no TLS and no certificate');
  if (requiresCertificate !== true) return passed(check, 'the listener asks for no certificate');
  if (refusal !== undefined) return failedBy(check, refusal, reasons[refusal].text);
  return passed(
    check,
    certificate === undefined
      ? 'no certificate was given; one that the listener trusts is assumed'
      : `${escapeUnsafe(certificate.subject)}, valid to ${certificate.validTo}`,
  );
}

/** One step for each check: those before the one that failed have passed, those after it were not reached. */
function associationSteps(
  policy: Policy,
  request: AssociationRequest,
  decision: AssociationDecision,
): readonly Step[] {
  const denial = decision.allowed ? decision.wouldDeny : decision.reason;
  return associationChecks.map((reason): Step => {
    const check = associationCheckName[reason];
    const isDenied = reason === denial;
    const detail = describeAssociationCheck(policy, request, decision.modality, reason, isDenied);
    if (!isDenied) return passed(check, detail);
    return decision.allowed
      ? { check, outcome: 'would-deny', detail, reason }
      : failedBy(check, reason, detail);
  });
}

function commandStep(modality: CompiledModality | undefined, command: CommandRequest): Step {
  const name = commandName(command.commandField);
  const destination =
    command.moveDestination === undefined ? '' : ` to ${quoteValue(command.moveDestination)}`;
  const check = `${name ?? formatStatus(command.commandField)} ${sopClassKeyword(command.sopClassUid) ?? command.sopClassUid}${destination}`;
  // Without an entry the association has failed, and this check counts as not reached.
  if (modality === undefined) return passed(check, '');
  const decision = decideCommand(modality, command);
  const reason = decision.allowed ? decision.wouldDeny : decision.reason;
  if (reason === undefined) return passed(check, `${entryPath(modality)} allows it`);
  const detail = describeCommandDenial(modality, reason);
  return decision.allowed
    ? { check, outcome: 'would-deny', detail, reason }
    : failedBy(check, reason, detail, name);
}

function answerWhereAllowed(decision: AssociationDecision, hasCommands: boolean): string {
  const upstream = decision.allowed ? decision.upstream.calledAeTitle : '';
  return hasCommands
    ? `the response of upstream ${upstream}, byte for byte`
    : `A-ASSOCIATE-AC, once upstream ${upstream} has accepted`;
}

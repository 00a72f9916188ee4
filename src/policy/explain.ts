/**
 * Tells a decision step by step. It asks the gates of decide.ts and puts their answers into words; it decides
 * nothing itself, so it cannot disagree with live traffic. What it says names entries of the allowlist and is
 * for the operator, never for a peer.
 */

import { commandName } from '../dimse/commands';
import { canonicalAddress } from '../text/addresses';
import { escapeUnsafe, quoteValue } from '../text/quote';
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
  describeCommand,
  describeCommandDenial,
  entryPath,
} from './describeCheck';
import { explainEgress } from './explainEgress';
import { Checks, type ExplainQuery, type Explanation, failedBy, passed, type Step } from './explanation';
import { type CompiledModality, EGRESS_LISTENER, type Policy } from './policy';
import { type ReasonCode, reasons } from './reasons';

/** Explains what would happen to this peer. A certificate that the listener would not ask for is left out. */
export function explain(policy: Policy, query: ExplainQuery): Explanation {
  if (policy.egress !== undefined && query.association.listener === EGRESS_LISTENER) {
    return explainEgress(policy, policy.egress, query);
  }
  const request = asSeenByListener(policy, query.association);
  const decision = decideAssociation(policy, request);
  const checks = new Checks();
  checks.add('address', addressStep(policy, request, decision.modality));
  checks.add('certificate', certificateStep(policy, request, query.certificateRefusal));
  for (const step of associationSteps(policy, request, decision)) checks.add('association', step);
  for (const command of query.commands) checks.add('command', commandStep(decision.modality, command));

  const { failed } = checks;
  const { modality } = decision;
  return {
    allowed: failed === undefined,
    checks: checks.list,
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
  const check = describeCommand(command);
  // Without an entry the association has failed, and this check counts as not reached.
  if (modality === undefined) return passed(check, '');
  const decision = decideCommand(modality, command);
  const reason = decision.allowed ? decision.wouldDeny : decision.reason;
  if (reason === undefined) return passed(check, `${entryPath(modality)} allows it`);
  const detail = describeCommandDenial(modality, reason);
  return decision.allowed
    ? { check, outcome: 'would-deny', detail, reason }
    : failedBy(check, reason, detail, commandName(command.commandField));
}

function answerWhereAllowed(decision: AssociationDecision, hasCommands: boolean): string {
  const upstream = decision.allowed ? decision.upstream.calledAeTitle : '';
  return hasCommands
    ? `the response of upstream ${upstream}, byte for byte`
    : `A-ASSOCIATE-AC, once upstream ${upstream} has accepted`;
}

/**
 * Tells a decision step by step, for ingress and egress alike. Asks the gates of decide.ts and uses the words of the
 * checks that they run; it decides nothing itself, so it cannot disagree with live traffic. What it says names entries
 * of the allowlist and is for the operator, never for a peer.
 */

import { commandName } from '../dimse/commands';
import { canonicalAddress } from '../text/addresses';
import { dayOf } from '../text/moments';
import { escapeUnsafe, quoteValue } from '../text/quote';
import { type AssociationCheck, egressChecks, ingressChecksOf } from './associationChecks';
import { untrustedWords } from './certificate';
import { describeEgressPermissions, egressCommandChecks, ingressCommandChecks } from './commandChecks';
import { egressContextFilter, ingressContextFilter } from './contexts';
import type { DataSetChecks } from './dataSetChecks';
import {
  type AssociationRequest,
  type CommandRequest,
  decideAddress,
  decideAssociation,
  decideCommand,
  decideEgressAddress,
  decideEgressAssociation,
  decideEgressCommand,
  type EgressDecision,
} from './decide';
import { type DataSetOfFile, dataSetSteps } from './explainDataSet';
import {
  type CompiledEgress,
  type CompiledModality,
  type CompiledUpstream,
  EGRESS_LISTENER,
  type Policy,
} from './policy';
import { type ReasonCode, reasons, wireAnswer } from './reasons';
import { formatWireAnswer } from './wireAnswer';
import { describeCommand, describeSources, entryPath } from './words';

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
  /** Where other presentation contexts are of use, that of the command is refused in the A-ASSOCIATE-AC. */
  readonly isContextRefused?: boolean;
}

export interface ExplainedCommand extends CommandRequest {
  /** Of a C-STORE, where it is to be judged too. */
  readonly dataSet?: DataSetOfFile;
}

export interface ExplainQuery {
  readonly association: AssociationRequest;
  /** Requests on the association, each judged for itself. */
  readonly commands: readonly ExplainedCommand[];
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

/** Explains what would happen to this peer. */
export function explain(policy: Policy, query: ExplainQuery): Explanation {
  const { egress } = policy;
  return egress !== undefined && query.association.listener === EGRESS_LISTENER
    ? explainEgress(egress, query)
    : explainIngress(policy, query);
}

function explainIngress(policy: Policy, query: ExplainQuery): Explanation {
  const request = asSeenByListener(policy, query.association);
  const decision = decideAssociation(policy, request);
  const upstream = decision.allowed ? describeUpstream(decision.upstream) : '';
  return explainGates(query, {
    address: addressStep(policy, request, decision.modality),
    certificate: certificateStep(policy, request, query.certificateRefusal),
    association: associationSteps(ingressChecksOf(policy), policy, request, decision),
    decision,
    command: ingressGate,
    dataSets: ({ dataSets }) => dataSets.ingress.inbound,
    answering: upstream,
  });
}

function describeUpstream({ calledAeTitle, configuration: { tls } }: CompiledUpstream): string {
  return `upstream ${calledAeTitle}${tls === undefined ? '' : ' (over TLS)'}`;
}

function explainEgress(egress: CompiledEgress, query: ExplainQuery): Explanation {
  const { association } = query;
  const decision = decideEgressAssociation(egress, association);
  return explainGates(query, {
    address: egressAddressStep(egress, association),
    certificate: passed('TLS', 'egress is plain: no TLS and no certificate on this side'),
    association: associationSteps(egressChecks, egress, association, decision),
    decision,
    command: egressGate,
    dataSets: ({ dataSets }) => dataSets.egress.inbound,
    answering: decision.allowed ? entryPath(decision.modality) : '',
  });
}

/** Gate 4 of one direction, with the words for a command that is allowed. */
const ingressGate = {
  checks: ingressCommandChecks,
  decide: decideCommand,
  contextFilter: ingressContextFilter,
  words: (modality: CompiledModality) => `${entryPath(modality)} allows it`,
};
const egressGate: typeof ingressGate = {
  checks: egressCommandChecks,
  decide: decideEgressCommand,
  contextFilter: egressContextFilter,
  words: describeEgressPermissions,
};

type Step = Omit<ExplainedCheck, 'gate'>;

interface Gates {
  readonly address: Step;
  readonly certificate: Step;
  readonly association: readonly Step[];
  readonly decision: EgressDecision;
  readonly command: typeof ingressGate;
  readonly dataSets: (modality: CompiledModality) => DataSetChecks | undefined;
  /** Whose answer the peer gets where all is allowed. */
  readonly answering: string;
}

function explainGates({ commands }: ExplainQuery, gates: Gates): Explanation {
  const { decision, answering } = gates;
  const { modality } = decision;
  const checks = new Checks();
  checks.add('address', gates.address);
  checks.add('certificate', gates.certificate);
  for (const step of gates.association) checks.add('association', step);
  for (const command of commands) {
    // Without an entry the association has failed, and this check counts as not reached.
    const step =
      modality === undefined
        ? passed(describeCommand(command), '')
        : commandStep(gates.command, modality, command);
    checks.add('command', step);
    if (command.dataSet === undefined || modality === undefined) continue;
    const isReached = step.outcome !== 'failed';
    const steps = dataSetSteps(gates.dataSets(modality), command, command.dataSet, isReached);
    for (const one of steps) checks.add('command', one);
  }
  const { failed } = checks;
  const answer =
    commands.length > 0
      ? `the response of ${answering}, byte for byte`
      : `A-ASSOCIATE-AC, once ${answering} has accepted`;
  return {
    allowed: failed === undefined,
    checks: checks.list,
    ...(failed === undefined ? {} : { failed }),
    ...(modality === undefined ? {} : { modality }),
    ...(decision.allowed && decision.upstream !== undefined ? { upstream: decision.upstream } : {}),
    wireAnswer: failed?.wireAnswer ?? answer,
  };
}

/** Checks as they come. Behind one that failed nothing is reached, except that commands stand for themselves. */
class Checks {
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

function passed(check: string, detail: string): Step {
  return { check, outcome: 'passed', detail };
}

function failedBy(check: string, reason: ReasonCode, detail: string, command?: string): Step {
  const answer = formatWireAnswer(wireAnswer(reason), command);
  return { check, outcome: 'failed', detail, reason, wireAnswer: answer };
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
    const hint = nearest === undefined ? '' : `; ${describeSources([nearest])}`;
    return failedBy(check, decision.reason, `${address} is in no modality entry${hint}`);
  }
  return passed(
    check,
    policy.addresses.has(sourceAddress)
      ? `${address} is in at least one modality entry`
      : `${address} is in no modality entry, but unknownAddresses is "reject", so it may try`,
  );
}

function egressAddressStep(egress: CompiledEgress, { sourceAddress }: AssociationRequest): Step {
  const decision = decideEgressAddress(egress, sourceAddress);
  const address = canonicalAddress(sourceAddress) ?? quoteValue(sourceAddress);
  return decision.allowed
    ? passed('source address', `${address} is in egress.from`)
    : failedBy('source address', decision.reason, `${address} is not in egress.from`);
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
  if (certificate === undefined) {
    return passed(check, 'no certificate was given; one that the listener trusts is assumed');
  }
  const until = `valid to ${dayOf(certificate.validTo)}${untrustedWords(certificate)}`;
  return passed(check, `${escapeUnsafe(certificate.subject)}, ${until}`);
}

/** One step for each check: those before the one that failed have passed, those after it were not reached. */
function associationSteps<Ground>(
  checks: readonly AssociationCheck<Ground>[],
  ground: Ground,
  request: AssociationRequest,
  decision: EgressDecision,
): readonly Step[] {
  const denial = decision.allowed ? decision.wouldDeny : decision.reason;
  return checks.map(({ reason, name, words }): Step => {
    const isDenied = reason === denial;
    const detail = words({ ground, request, modality: decision.modality, isDenied });
    if (!isDenied) return passed(name, detail);
    return decision.allowed
      ? { check: name, outcome: 'would-deny', detail, reason }
      : failedBy(name, reason, detail);
  });
}

function commandStep(
  { checks, decide, contextFilter, words }: typeof ingressGate,
  modality: CompiledModality,
  command: CommandRequest,
): Step {
  const check = describeCommand(command);
  const decision = decide(modality, command);
  const reason = decision.allowed ? decision.wouldDeny : decision.reason;
  if (reason === undefined) return passed(check, words(modality));
  const detail = checks.find((one) => one.reason === reason)?.words(modality) ?? reasons[reason].text;
  if (decision.allowed) return { check, outcome: 'would-deny', detail, reason };
  const failed = failedBy(check, reason, detail, commandName(command.commandField));
  const isContextRefused = contextFilter(modality)?.(command.sopClassUid, false) !== undefined;
  return isContextRefused ? { ...failed, isContextRefused } : failed;
}

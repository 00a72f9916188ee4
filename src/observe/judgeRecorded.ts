/**
 * What a policy says of recorded requests: the verdict of each gate in its order, by the functions that decide on live
 * traffic. Where the log lacks a fact, says so and takes it to be as it was.
 */
import { CommandField } from '../dimse/commands';
import type { DataSetChecks } from '../policy/dataSetChecks';
import {
  type AssociationDecision,
  type AssociationRequest,
  decideAddress,
  decideAssociation,
  decideCommand,
  decideEgressAddress,
  decideEgressAssociation,
  decideEgressCommand,
  decideUntrusted,
} from '../policy/decide';
import type { CompiledModality, Policy } from '../policy/policy';
import type { Decision } from '../policy/reasons';
import type { RecordedRequest } from './recordedRequests';

export interface Verdict {
  readonly allowed: boolean;
  /** Why it is refused, or what observe mode lets pass; empty: neither. */
  readonly reason: string;
  /** What the reason is about. */
  readonly gate: 'association' | 'command';
  readonly modality: string | undefined;
  /** Facts that the log lacks were taken to be as they were when it was written. */
  readonly assumed?: 'certificate' | 'storeRules';
}

export function judge(policy: Policy, recorded: RecordedRequest): Verdict {
  return recorded.direction === 'egress' ? judgeEgress(policy, recorded) : judgeIngress(policy, recorded);
}

function judgeEgress({ egress }: Policy, recorded: RecordedRequest): Verdict {
  const { association, command, kind } = recorded;
  if (egress === undefined) return refused('source-address-unknown');
  const address = decideEgressAddress(egress, association.sourceAddress);
  if (!address.allowed) return refused(address.reason);
  if (kind === 'connection') return admitted(undefined, undefined);
  const decision = decideEgressAssociation(egress, association);
  if (!decision.allowed) return refused(decision.reason, decision.modality);
  const { modality } = decision;
  if (command === undefined) return admitted(modality, decision.wouldDeny);
  const verdict = ofCommand(modality, decideEgressCommand(modality, command));
  return withDataSet(verdict, recorded, modality.dataSets.egress.inbound);
}

function judgeIngress(policy: Policy, recorded: RecordedRequest): Verdict {
  const { association, command, kind, hadTls } = recorded;
  const address = decideAddress(policy, association.sourceAddress);
  if (!address.allowed) return refused(address.reason);
  if (kind === 'connection') return admitted(undefined, undefined);
  const listener = policy.listenerByName.get(association.listener);
  if (listener !== undefined && listener.isTls !== hadTls) {
    return refused(hadTls ? 'tls-on-plain-port' : 'plain-on-tls-port');
  }
  const { certificate: _unseen, ...withoutCertificate } = association;
  const request: AssociationRequest =
    listener?.requiresCertificate === true ? association : withoutCertificate;
  if (request.certificate?.untrusted !== undefined) {
    const gate2 = decideUntrusted(policy, request.certificate);
    if (!gate2.allowed) return refused(gate2.reason);
  }
  const decision = decideAssociation(policy, request);
  const again = decision.allowed ? undefined : withLackingFacts(policy, request, recorded, decision);
  const { modality } = again?.decision ?? decision;
  const assumed = again === undefined ? {} : { assumed: 'certificate' as const };
  const decided = again?.decision ?? decision;
  if (!decided.allowed) return { ...refused(decided.reason, modality), ...assumed };
  if (command === undefined) return { ...admitted(decided.modality, decided.wouldDeny), ...assumed };
  const verdict = ofCommand(decided.modality, decideCommand(decided.modality, command));
  return { ...assumed, ...withDataSet(verdict, recorded, decided.modality.dataSets.ingress.inbound) };
}

/**
 * A certificate whose DNS names or public key the log lacks: what the entry took before, it is taken to take again.
 * Undefined where the log says enough.
 */
function withLackingFacts(
  policy: Policy,
  request: AssociationRequest,
  recorded: RecordedRequest,
  decision: AssociationDecision,
): { readonly decision: AssociationDecision } | undefined {
  const { certificate } = request;
  if (decision.allowed || decision.reason !== 'certificate-mismatch' || certificate === undefined) {
    return undefined;
  }
  const { valuesByKind } = decision.modality?.certificates ?? {};
  const dnsNames = valuesByKind?.dns ?? [];
  const keys = certificate.spkiSha256 === '' ? (valuesByKind?.['spki-sha256'] ?? []) : [];
  if (dnsNames.length + keys.length === 0) return undefined;
  if (!wasIdentified(recorded) || decision.modality?.name !== recorded.modality) return { decision };
  const spkiSha256 = keys[0] ?? certificate.spkiSha256;
  return {
    decision: decideAssociation(policy, {
      ...request,
      certificate: { ...certificate, dnsNames, spkiSha256 },
    }),
  };
}

/** The certificate had passed. A refusal before that names an entry too, the one that came nearest. */
function wasIdentified({ allowed, kind, reason }: RecordedRequest): boolean {
  return allowed || kind === 'command' || reason.startsWith('called-ae-title');
}

function refused(reason: string, modality?: CompiledModality): Verdict {
  return { allowed: false, reason, gate: 'association', modality: modality?.name };
}

function admitted(modality: CompiledModality | undefined, wouldDeny: string | undefined): Verdict {
  return { allowed: true, reason: wouldDeny ?? '', gate: 'association', modality: modality?.name };
}

function ofCommand({ name }: CompiledModality, decision: Decision): Verdict {
  const reason = decision.allowed ? decision.wouldDeny : decision.reason;
  return { allowed: decision.allowed, reason: reason ?? '', gate: 'command', modality: name };
}

/**
 * The data set is not in the log, but its line says what was found in it. A store rule may say something else now: what
 * it says is not known, so it is taken to say the same.
 */
function withDataSet(
  verdict: Verdict,
  recorded: RecordedRequest,
  checks: DataSetChecks | undefined,
): Verdict {
  const { command, reason } = recorded;
  if (!verdict.allowed || command?.commandField !== CommandField.CStoreRq) return verdict;
  if (
    reason === 'data-set-mismatch' &&
    checks?.mismatch !== undefined &&
    checks.mismatch !== 'not looked at'
  ) {
    return { ...verdict, allowed: checks.mismatch !== 'refused', reason };
  }
  if (checks?.rules === undefined) return verdict;
  const assumed = 'storeRules';
  return reason === 'store-rule'
    ? { ...verdict, allowed: checks.rules.isObserved, reason, assumed }
    : { ...verdict, assumed };
}

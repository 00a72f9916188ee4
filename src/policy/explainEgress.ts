/**
 * Tells step by step what would become of an association that an archive requests through egress. Asks the gates of
 * decideEgress.ts and puts their answers into words.
 */

import { commandName } from '../dimse/commands';
import { canonicalAddress } from '../text/addresses';
import { escapeUnsafe, quoteValue } from '../text/quote';
import type { AssociationRequest, CommandRequest } from './decide';
import {
  decideEgressAddress,
  decideEgressAssociation,
  decideEgressCommand,
  type EgressDecision,
  egressAssociationChecks,
} from './decideEgress';
import {
  associationCheckName,
  describeCommand,
  describeProtocolVersion,
  entryPath,
  list,
} from './describeCheck';
import { Checks, type ExplainQuery, type Explanation, failedBy, passed, type Step } from './explanation';
import type { CompiledEgress, CompiledModality, Policy } from './policy';

export function explainEgress(policy: Policy, egress: CompiledEgress, query: ExplainQuery): Explanation {
  const { association, commands } = query;
  const decision = decideEgressAssociation(policy, egress, association);
  const modality = decision.allowed ? decision.modality : undefined;
  const checks = new Checks();
  checks.add('address', addressStep(egress, association));
  checks.add('certificate', passed('TLS', 'egress is plain: no TLS and no certificate on this side'));
  for (const step of associationSteps(egress, association, decision)) checks.add('association', step);
  for (const command of commands) checks.add('command', commandStep(modality, command));
  const { failed } = checks;
  return {
    allowed: failed === undefined,
    checks: checks.list,
    ...(failed === undefined ? {} : { failed }),
    ...(modality === undefined ? {} : { modality }),
    wireAnswer: failed?.wireAnswer ?? answerWhereAllowed(modality, commands.length > 0),
  };
}

function addressStep(egress: CompiledEgress, { sourceAddress }: AssociationRequest): Step {
  const decision = decideEgressAddress(egress, sourceAddress);
  const address = canonicalAddress(sourceAddress) ?? quoteValue(sourceAddress);
  return decision.allowed
    ? passed('source address', `${address} is in egress.from`)
    : failedBy('source address', decision.reason, `${address} is not in egress.from`);
}

function associationSteps(
  egress: CompiledEgress,
  request: AssociationRequest,
  decision: EgressDecision,
): readonly Step[] {
  return egressAssociationChecks.map((reason): Step => {
    const check = associationCheckName[reason];
    const isDenied = !decision.allowed && decision.reason === reason;
    const detail = describe(egress, request, decision, reason);
    return isDenied ? failedBy(check, reason, detail) : passed(check, detail);
  });
}

function describe(
  egress: CompiledEgress,
  request: AssociationRequest,
  decision: EgressDecision,
  check: (typeof egressAssociationChecks)[number],
): string {
  switch (check) {
    case 'protocol-version':
      return describeProtocolVersion(request);
    case 'application-context':
      return quoteValue(request.applicationContextName);
    case 'calling-ae-title-unknown': {
      const titles = list(egress.callingAeTitles.titles.map(quoteValue));
      return `${quoteValue(request.callingAeTitle)}; the AE titles of the archives: ${titles}`;
    }
    case 'called-ae-title-unknown': {
      const title = quoteValue(request.calledAeTitle);
      if (decision.allowed)
        return `${title} is ${entryPath(decision.modality)}, ${destination(decision.modality)}`;
      const known = list([...egress.modalityByCalledAeTitle.keys()].map(quoteValue));
      return `${title} leads to no modality with an address; there is: ${known}`;
    }
  }
}

function commandStep(modality: CompiledModality | undefined, command: CommandRequest): Step {
  const check = describeCommand(command);
  // Without a modality the association has failed, and this check counts as not reached.
  if (modality === undefined) return passed(check, '');
  const decision = decideEgressCommand(modality, command);
  const { egressPermissions } = modality;
  const permitted = egressPermissions === 'any' ? 'everything' : list([...egressPermissions]);
  const detail = `egressAllow of ${entryPath(modality)}: ${permitted}`;
  if (decision.allowed) return passed(check, detail);
  return failedBy(check, decision.reason, detail, commandName(command.commandField));
}

/** `at 10.1.2.10:2762 over TLS`. */
function destination({ configuration: { address } }: CompiledModality): string {
  if (address === undefined) return 'without an address';
  return `at ${escapeUnsafe(address.host)}:${address.port} ${address.tls === undefined ? 'without TLS' : 'over TLS'}`;
}

function answerWhereAllowed(modality: CompiledModality | undefined, hasCommands: boolean): string {
  const whose = modality === undefined ? '' : entryPath(modality);
  return hasCommands
    ? `the response of ${whose}, byte for byte`
    : `A-ASSOCIATE-AC, once ${whose} has accepted`;
}

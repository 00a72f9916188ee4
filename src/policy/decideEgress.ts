/**
 * The gates for what the archive sends: the same as in decide.ts, turned round. The archive is one of few that are
 * known by their AE titles; what it may send is up to the modality's entry. Pure, and asked by live traffic and by
 * `aegis explain` alike.
 */
import { isKnownRequest } from '../dimse/commands';
import { permissionFor } from '../dimse/services';
import { parseAddress } from '../text/addresses';
import { aeTitleKey } from '../text/aeTitle';
import { type AssociationRequest, type CommandRequest, preconditionDenial } from './decide';
import type { CompiledEgress, CompiledModality, Policy } from './policy';
import type { Decision, ReasonCode } from './reasons';

export type EgressDecision =
  | { readonly allowed: true; readonly modality: CompiledModality }
  | {
      readonly allowed: false;
      readonly reason: ReasonCode;
      /** What the reason alone does not say, for the log. */
      readonly detail?: string;
    };

/** Gate 1: whether an archive may come from this address. */
export function decideEgressAddress(egress: CompiledEgress, address: string): Decision {
  return parseAddress(address) !== undefined && egress.addresses.has(address)
    ? { allowed: true }
    : { allowed: false, reason: 'source-address-unknown' };
}

/** The checks of decideEgressAssociation in their order, each by the reason that it gives. */
export const egressAssociationChecks = [
  'protocol-version',
  'application-context',
  'calling-ae-title-unknown',
  'called-ae-title-unknown',
] as const satisfies readonly ReasonCode[];

/** Gate 3: whether an archive is calling, and whom. */
export function decideEgressAssociation(
  { strictAeTitles }: Policy,
  egress: CompiledEgress,
  request: AssociationRequest,
): EgressDecision {
  const precondition = preconditionDenial(request);
  if (precondition !== undefined) return { allowed: false, reason: precondition };
  if (!egress.callingAeTitles.has(request.callingAeTitle)) {
    const detail = 'egress takes the AE titles of the archives only';
    return { allowed: false, reason: 'calling-ae-title-unknown', detail };
  }
  const calledKey = aeTitleKey(request.calledAeTitle, strictAeTitles);
  const modality = calledKey === undefined ? undefined : egress.modalityByCalledAeTitle.get(calledKey);
  return modality === undefined
    ? {
        allowed: false,
        reason: 'called-ae-title-unknown',
        detail: 'it stands for no modality with an address',
      }
    : { allowed: true, modality };
}

/**
 * Gate 4: whether the archive may send this to the modality. Destinations of a C-MOVE and SOP classes are not looked
 * at: they restrict what modalities do to the archive. Observe mode does not open egress: it is about what a modality
 * asks for.
 */
export function decideEgressCommand(
  { egressPermissions }: CompiledModality,
  { commandField, sopClassUid }: CommandRequest,
): Decision {
  if (!isKnownRequest(commandField)) return { allowed: false, reason: 'command-unknown' };
  const permission = permissionFor(commandField, sopClassUid);
  const isAllowed =
    egressPermissions === 'any' || (permission !== undefined && egressPermissions.has(permission));
  return isAllowed ? { allowed: true } : { allowed: false, reason: 'command-not-allowed' };
}

/**
 * Which presentation contexts an entry has a use for: those on which gate 4 would let a request pass. All others are
 * refused when the association is negotiated, and are not proposed to the other end. Asks gate 4 itself, so that no
 * context is refused on which a request would have been allowed.
 */
import { CommandField } from '../dimse/commands';
import { canFetch, commandsOfContext } from '../dimse/permissions';
import { decideCommand, decideEgressCommand } from './decide';
import type { CompiledModality } from './policy';
import type { Decision, ReasonCode } from './reasons';

/**
 * Why a context with this abstract syntax is of no use; `isScpOnly`: its proposer wants to be sent images for a C-GET, and
 * not to send any. In place of the function, undefined: every context is passed on as it was proposed.
 */
export type ContextFilter =
  | ((abstractSyntax: string, isScpOnly: boolean) => ReasonCode | undefined)
  | undefined;

/** Of what the modality proposes. Observe mode relays what it would refuse, so it needs all of them. */
export function ingressContextFilter(modality: CompiledModality): ContextFilter {
  if (modality.isObserved || !isNarrowed(modality)) return undefined;
  const fetches = canFetch(modality.permissions) || opensFetching(modality.services);
  return (...context) => uselessBecause(...context, fetches, modality, decideCommand);
}

/** Of what the archive proposes to the modality. */
export function egressContextFilter(modality: CompiledModality): ContextFilter {
  const { egressPermissions, services } = modality;
  if (egressPermissions === 'any' || !isNarrowed(modality)) return undefined;
  const fetches = canFetch(egressPermissions) || opensFetching(services);
  return (...context) => uselessBecause(...context, fetches, modality, decideEgressCommand);
}

function isNarrowed({ configuration }: CompiledModality): boolean {
  return configuration.presentationContexts === 'allowed';
}

function opensFetching(services: ReadonlySet<string>): boolean {
  for (const uid of services) if (commandsOfContext(uid).includes(CommandField.CGetRq)) return true;
  return false;
}

/** `fetches`: the entry may use C-GET, whose images come back on storage contexts (PS3.4 §C.4.3). */
function uselessBecause(
  abstractSyntax: string,
  isScpOnly: boolean,
  fetches: boolean,
  modality: CompiledModality,
  decide: typeof decideCommand,
): ReasonCode | undefined {
  let reason: ReasonCode | undefined;
  for (const commandField of commandsOfContext(abstractSyntax)) {
    const isStore = commandField === CommandField.CStoreRq;
    if (isStore && fetches) return undefined;
    const decision: Decision =
      isStore && isScpOnly
        ? { allowed: false, reason: 'command-not-allowed' }
        : decide(modality, { commandField, sopClassUid: abstractSyntax });
    // The destination is known with the C-MOVE, not before it.
    if (decision.allowed || decision.reason === 'move-destination-not-allowed') return undefined;
    reason ??= decision.reason;
  }
  return reason;
}

/**
 * The checks of gate 4 in their order: each with its reason, how it decides, and what the entry allows instead, in words
 * for `aegis explain`. A new check is one object here.
 */
import { CommandField, isKnownRequest } from '../dimse/commands';
import { isPermitted } from '../dimse/permissions';
import type { CommandRequest } from './decide';
import type { CompiledModality } from './policy';
import { type ReasonCode, reasons } from './reasons';
import { entryPath, listed } from './words';

export interface CommandCheck {
  readonly reason: ReasonCode;
  /** Observe mode lets a denial pass. */
  readonly isObservable?: true;
  /** Pure. */
  readonly passes: (modality: CompiledModality, command: CommandRequest) => boolean;
  /** What the entry allows. */
  readonly words: (modality: CompiledModality) => string;
}

const commandKnown: CommandCheck = {
  // Stays denied in observe mode: nobody knows what a data set of it or a response to it would look like.
  reason: 'command-unknown',
  passes: (_modality, { commandField }) => isKnownRequest(commandField),
  words: () => reasons['command-unknown'].text,
};

/** Gate 4 of what modalities send. */
export const ingressCommandChecks: readonly CommandCheck[] = [
  commandKnown,
  {
    reason: 'command-not-allowed',
    isObservable: true,
    passes: ({ permissions, services }, { commandField, sopClassUid }) =>
      isPermitted(permissions, commandField, sopClassUid) || services.has(sopClassUid),
    words: (modality) =>
      `${entryPath(modality)} allows: ${listed([...modality.permissions, ...serviceNames(modality)])}`,
  },
  {
    reason: 'sop-class-not-allowed',
    isObservable: true,
    passes: ({ storeSopClasses }, { commandField, sopClassUid }) =>
      commandField !== CommandField.CStoreRq ||
      storeSopClasses === undefined ||
      storeSopClasses.has(sopClassUid),
    words: (modality) =>
      `${entryPath(modality)} may store: ${listed(modality.configuration.storeSopClasses ?? [])}`,
  },
  {
    reason: 'move-destination-not-allowed',
    isObservable: true,
    passes: ({ moveDestinations }, { commandField, moveDestination = '' }) =>
      commandField !== CommandField.CMoveRq ||
      moveDestinations === 'any' ||
      moveDestinations.has(moveDestination),
    words(modality) {
      const { moveDestinations } = modality;
      const titles = moveDestinations === 'any' ? ['*'] : moveDestinations.titles;
      return `${entryPath(modality)} may move to: ${listed(titles)}`;
    },
  },
];

/**
 * Gate 4 of what archives send. Destinations of a C-MOVE and SOP classes are not looked at: they restrict what
 * modalities do to the archive. Observe mode does not open egress: it is about what a modality asks for.
 */
export const egressCommandChecks: readonly CommandCheck[] = [
  commandKnown,
  {
    reason: 'command-not-allowed',
    passes: ({ egressPermissions, services }, { commandField, sopClassUid }) =>
      egressPermissions === 'any' ||
      isPermitted(egressPermissions, commandField, sopClassUid) ||
      services.has(sopClassUid),
    words: describeEgressPermissions,
  },
];

/** `egressAllow of modalities.ct1: echo, store`. */
export function describeEgressPermissions(modality: CompiledModality): string {
  const { egressPermissions } = modality;
  const permitted =
    egressPermissions === 'any' ? 'everything' : listed([...egressPermissions, ...serviceNames(modality)]);
  return `egressAllow of ${entryPath(modality)}: ${permitted}`;
}

/** As the entry writes them. */
function serviceNames({ configuration }: CompiledModality): readonly string[] {
  return (configuration.services ?? []).map((text) => `the service ${text}`);
}

/**
 * The keys that would let an entry go on with all that was relayed, when it enforces: those that it has, and what they
 * lack. Opens nothing beyond what was seen, and says what no key can open.
 */
import type { ModalityConfiguration } from '../config/schema';
import { CommandField } from '../dimse/commands';
import { type CommandPermission, commandPermissions, isPermitted, permissionFor } from '../dimse/permissions';
import { sopClassUid } from '../dimse/sopClasses';
import type { CompiledModality, CompiledUpstream } from '../policy/policy';
import { aeTitleKey, EVERY_AE_TITLE, normaliseAeTitle } from '../text/aeTitle';
import type { EntryObservations, JudgedRequest, SeenRequest } from './entryObservations';

/** Keys of an entry, as the configuration writes them. */
export type AllowanceKeys = Partial<
  Pick<
    ModalityConfiguration,
    | 'allow'
    | 'services'
    | 'storeSopClasses'
    | 'dataSets'
    | 'moveDestinations'
    | 'calledAeTitle'
    | 'maxAssociations'
  >
>;

export interface Allowance {
  /** Whole lists, to replace those of the entry; without keys that may stay as they are. */
  readonly keys: AllowanceKeys;
  /** Requests that stay refused whatever the entry says: on a SOP class that is not a UID, for example. */
  readonly impossible: readonly SeenRequest[];
  /** Called AE titles that no upstream has any more. */
  readonly withoutUpstream: readonly string[];
  /** What was stored, where the entry restricts nothing and this would be a restriction to think of. */
  readonly storedSopClasses: readonly string[];
}

export function allowanceOf(entry: EntryObservations): Allowance {
  const { modality } = entry;
  const lacking = new Lacking();
  if (modality !== undefined) {
    for (const kind of entry.requestByKind.values()) {
      if (kind.denial !== undefined) lacking.add(modality, kind);
    }
  }
  const calls = [...entry.callByTitle.values()].filter(({ denial }) => denial !== undefined);
  return {
    keys: modality === undefined ? {} : keysOf(modality, lacking, entry),
    impossible: lacking.impossible,
    withoutUpstream: calls
      .filter(({ upstream }) => upstream === undefined)
      .map(({ calledAeTitle }) => calledAeTitle),
    storedSopClasses: modality?.storeSopClasses === undefined ? storedSopClasses(entry) : [],
  };
}

/** What the entry has too little of. */
class Lacking {
  readonly permissions = new Set<CommandPermission>();
  /** SOP classes of requests that no permission opens. */
  readonly services = new Set<string>();
  readonly sopClasses = new Set<string>();
  readonly moveDestinations = new Set<string>();
  readonly impossible: SeenRequest[] = [];

  /** One refusal may hide the next: a C-STORE without permission may be of a SOP class that is not listed either. */
  add(modality: CompiledModality, kind: JudgedRequest): void {
    const { commandField, sopClassUid: uid, moveDestination = '' } = kind.request;
    const permission = permissionFor(commandField, uid);
    const isStored = commandField === CommandField.CStoreRq && modality.storeSopClasses?.has(uid) === false;
    const isMoved =
      commandField === CommandField.CMoveRq &&
      modality.moveDestinations !== 'any' &&
      !modality.moveDestinations.has(moveDestination);
    if (
      (permission === undefined && sopClassUid(kind.sopClass) === undefined) ||
      (isStored && sopClassUid(kind.sopClass) === undefined) ||
      (isMoved && !canBeListed(moveDestination))
    ) {
      const { command, sopClass } = kind;
      this.impossible.push({ command, sopClass, ...(moveDestination === '' ? {} : { moveDestination }) });
      return;
    }
    if (!isPermitted(modality.permissions, commandField, uid) && !modality.services.has(uid)) {
      if (permission === undefined) this.services.add(kind.sopClass);
      else this.permissions.add(permission);
    }
    if (isStored) this.sopClasses.add(kind.sopClass);
    if (isMoved) this.moveDestinations.add(normaliseAeTitle(moveDestination));
  }
}

/** A device that is called "*" would open every destination, if its name were put into the list. */
function canBeListed(aeTitle: string): boolean {
  return aeTitleKey(aeTitle, true) !== undefined && normaliseAeTitle(aeTitle) !== EVERY_AE_TITLE;
}

function keysOf(modality: CompiledModality, lacking: Lacking, entry: EntryObservations): AllowanceKeys {
  const { configuration, callingAeTitles } = modality;
  const { allow, services = [], storeSopClasses = [], moveDestinations } = configuration;
  const calledToo = [...entry.callByTitle.values()].flatMap(({ denial, upstream, calledAeTitle }) =>
    denial === undefined || upstream === undefined ? [] : titlesOf(upstream, calledAeTitle),
  );
  const hasMismatch = entry.wouldDeny.some(({ reason }) => reason === 'data-set-mismatch');
  const isLimitExceeded = entry.wouldDeny.some(({ reason }) => reason === 'association-limit');
  return {
    ...(lacking.permissions.size === 0
      ? {}
      : { allow: [...allow, ...commandPermissions.filter((name) => lacking.permissions.has(name))] }),
    ...(lacking.services.size === 0 ? {} : { services: [...services, ...[...lacking.services].sort()] }),
    ...(lacking.sopClasses.size === 0
      ? {}
      : { storeSopClasses: [...storeSopClasses, ...[...lacking.sopClasses].sort()] }),
    ...(hasMismatch ? { dataSets: 'observe' } : {}),
    ...(lacking.moveDestinations.size === 0
      ? {}
      : {
          moveDestinations: [
            ...(moveDestinations ?? callingAeTitles.titles),
            ...[...lacking.moveDestinations].sort(),
          ],
        }),
    ...(calledToo.length === 0
      ? {}
      : { calledAeTitle: [...new Set([...(configuration.calledAeTitle ?? []), ...calledToo])] }),
    ...(isLimitExceeded ? { maxAssociations: entry.mostAssociations } : {}),
  };
}

/** To list a catch-all would open every title: of what it takes, only the very title that was called is listed. */
function titlesOf({ calledAeTitle }: CompiledUpstream, called: string): string[] {
  if (calledAeTitle !== EVERY_AE_TITLE) return [calledAeTitle];
  return canBeListed(called) ? [normaliseAeTitle(called)] : [];
}

function storedSopClasses({ requestByKind }: EntryObservations): readonly string[] {
  const stored = [...requestByKind.values()].filter(({ command }) => command === 'C-STORE');
  return [...new Set(stored.map(({ sopClass }) => sopClass))].sort();
}

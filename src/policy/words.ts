/**
 * How the policy speaks to the operator: entries by their place in the configuration, lists that end, commands, and the
 * mode of an entry. Decides nothing, and nothing of it ever reaches a peer.
 */
import { commandName, formatStatus } from '../dimse/commands';
import { sopClassKeyword } from '../dimse/sopClasses';
import { describeUntil } from '../text/moments';
import { formatPath } from '../text/problems';
import { quoteValue } from '../text/quote';
import type { CommandRequest } from './decide';
import type { CompiledModality } from './policy';

/** More than these would bury the line. */
const MAX_SHOWN = 10;

/** `a, b, c and 7 more`. */
export function listed(texts: readonly string[]): string {
  if (texts.length === 0) return 'nothing';
  const shown = texts.slice(0, MAX_SHOWN).join(', ');
  return texts.length > MAX_SHOWN ? `${shown} and ${texts.length - MAX_SHOWN} more` : shown;
}

/** As in the configuration: `modalities.ct1`. */
export function entryPath({ name }: CompiledModality): string {
  return formatPath(['modalities', name]);
}

export function entryPaths(entries: readonly CompiledModality[]): string {
  return listed(entries.map(entryPath));
}

/** `from of modalities.ct1: 10.1.2.10, 10.1.3.0/24`. */
export function describeSources(entries: readonly CompiledModality[]): string {
  const blocks = listed(entries.flatMap((entry) => entry.configuration.from));
  return `from of ${entryPaths(entries)}: ${blocks}`;
}

/** `C-MOVE StudyRootQueryRetrieveInformationModelMove to "WS1"`. */
export function describeCommand({ commandField, sopClassUid, moveDestination }: CommandRequest): string {
  const name = commandName(commandField) ?? formatStatus(commandField);
  const destination = moveDestination === undefined ? '' : ` to ${quoteValue(moveDestination)}`;
  return `${name} ${sopClassKeyword(sopClassUid) ?? sopClassUid}${destination}`;
}

/** Undefined where the entry was never meant to be in observe mode. */
export function describeMode({
  isObserved,
  configuration,
}: Pick<CompiledModality, 'isObserved' | 'configuration'>): string | undefined {
  const { mode, observeUntil } = configuration;
  if (mode !== 'observe') return undefined;
  if (observeUntil === undefined) return 'observe, without an end';
  return isObserved
    ? `observe ${describeUntil(observeUntil)}`
    : `enforce: observe mode ended with ${observeUntil}`;
}

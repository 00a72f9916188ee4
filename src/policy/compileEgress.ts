/**
 * Makes ready for decisions which modalities the archive reaches through egress, and reports AE titles that could mean
 * two of them. The addresses of the modalities are for the gateway to know.
 */

import type { Configuration } from '../config/schema';
import { AddressSet } from '../text/addresses';
import { AeTitleSet, aeTitleKey, EVERY_AE_TITLE } from '../text/aeTitle';
import { formatPath } from '../text/problems';
import { quoteValue } from '../text/quote';
import type { CompiledEgress, CompiledModality, PolicyProblem, Suspensions } from './policy';

/** Undefined without egress in the configuration. */
export function compileEgress(
  { egress, upstreams, strictAeTitles }: Configuration,
  modalities: readonly CompiledModality[],
  suspensions: Suspensions,
  problems: PolicyProblem[],
): CompiledEgress | undefined {
  if (egress === undefined) return undefined;
  const archiveTitles = Object.entries(upstreams).flatMap(([key, { calledAeTitle }]) => [
    ...(key === EVERY_AE_TITLE ? [] : [key]),
    ...(calledAeTitle === undefined ? [] : [calledAeTitle]),
  ]);
  const ownTitles = egress.callingAeTitle ?? [];
  const index = ownTitles.indexOf(EVERY_AE_TITLE);
  if (index >= 0) {
    problems.push({
      severity: 'error',
      path: ['egress', 'callingAeTitle', index],
      message:
        '"*" would let every program of the archive\'s machine send; list the AE titles that the archive uses',
    });
  }
  if (archiveTitles.length + ownTitles.length === 0) {
    problems.push({
      severity: 'warning',
      path: ['egress'],
      message:
        'lets nobody send: upstreams["*"] names no AE title of the archive; give egress.callingAeTitle, or calledAeTitle there',
    });
  }
  return {
    strictAeTitles,
    addresses: new AddressSet(egress.from),
    callingAeTitles: new AeTitleSet([...archiveTitles, ...ownTitles], strictAeTitles),
    modalityByCalledAeTitle: indexByCalledAeTitle(modalities, strictAeTitles, problems),
    ...suspensions,
  };
}

/**
 * An archive calls a modality by the title that the modality listens to, or by the one that it calls with: the archive
 * knows one title for both. The first is the more exact, so it wins over the second of another entry. A title that
 * remains common to several entries leads nowhere: an association must never end at the wrong device.
 */
function indexByCalledAeTitle(
  modalities: readonly CompiledModality[],
  strictAeTitles: boolean,
  problems: PolicyProblem[],
): ReadonlyMap<string, CompiledModality> {
  const reachable = modalities.filter(({ configuration }) => configuration.address !== undefined);
  const byOwnTitle = new Map<string, CompiledModality>();
  for (const modality of reachable) {
    const title = modality.configuration.address?.calledAeTitle;
    const key = title === undefined ? undefined : aeTitleKey(title, strictAeTitles);
    if (title === undefined || key === undefined) continue;
    const earlier = byOwnTitle.get(key);
    if (earlier === undefined) byOwnTitle.set(key, modality);
    else problems.push(ambiguous(modality, earlier, title, ['address', 'calledAeTitle']));
  }
  const byCallingTitle = new Map<string, CompiledModality>();
  const leadsNowhere = new Set<string>();
  for (const modality of reachable) {
    for (const title of modality.callingAeTitles.titles) {
      const key = aeTitleKey(title, strictAeTitles);
      if (key === undefined || byOwnTitle.has(key)) continue;
      const earlier = byCallingTitle.get(key);
      if (earlier === undefined || earlier === modality) {
        byCallingTitle.set(key, modality);
        continue;
      }
      leadsNowhere.add(key);
      // A modality with a title of its own is reached by that title.
      const unreachable = [earlier, modality].filter(
        ({ configuration }) => configuration.address?.calledAeTitle === undefined,
      );
      if (unreachable.length > 0) problems.push(ambiguous(modality, earlier, title, ['address']));
    }
  }
  for (const key of leadsNowhere) byCallingTitle.delete(key);
  return new Map([...byCallingTitle, ...byOwnTitle]);
}

function ambiguous(
  modality: CompiledModality,
  earlier: CompiledModality,
  title: string,
  path: readonly string[],
): PolicyProblem {
  return {
    severity: 'error',
    path: ['modalities', modality.name, ...path],
    message:
      `is reached under the AE title ${quoteValue(title)}, and so is ${formatPath(['modalities', earlier.name])}: ` +
      'egress could not know which one the archive means; give each an address.calledAeTitle of its own',
  };
}

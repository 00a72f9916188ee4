/**
 * Makes one entry of the allowlist ready for decisions, and reports what is wrong with it. Whether two entries collide is
 * for compile.ts to find.
 */

import type { ModalityConfiguration } from '../config/schema';
import { permissionForService } from '../dimse/permissions';
import { sopClassUid } from '../dimse/sopClasses';
import { AeTitleSet, aeTitleKey, EVERY_AE_TITLE } from '../text/aeTitle';
import { nearestOf, quoteChoices, quoteValue } from '../text/quote';
import { compileCertificateMatchers } from './certificate';
import { dataSetChecks } from './dataSetChecks';
import { isObserved, reportValidity } from './entryTimes';
import type { CompiledListener, CompiledModality, CompiledUpstream, PolicyProblem } from './policy';
import { compileSopClasses, describeUnknownSopClass } from './sopClassMatcher';
import { compileStoreRules } from './storeRules';

/**
 * Sets that entries share. Of 10,000 entries most have the same permissions and listeners, and a set is large beside the
 * two or three names in it.
 */
export class SharedSets {
  readonly #setByNames = new Map<string, ReadonlySet<string>>();

  of<Name extends string>(names: readonly Name[]): ReadonlySet<Name> {
    const key = JSON.stringify(names);
    const set = this.#setByNames.get(key) ?? new Set(names);
    this.#setByNames.set(key, set);
    return set as ReadonlySet<Name>;
  }
}

/** What the compilation of one entry needs to know of the rest, and where it files problems. */
export interface Surroundings {
  readonly strictAeTitles: boolean;
  readonly listenerByName: ReadonlyMap<string, CompiledListener>;
  /** Keyed by aeTitleKey. */
  readonly upstreamByCalledAeTitle: ReadonlyMap<string, CompiledUpstream>;
  /** Whether an upstream takes every other called AE title. */
  readonly hasCatchAll: boolean;
  /** What time it is, in ms since 1970. */
  readonly nowMs: number;
  readonly problems: PolicyProblem[];
  readonly sets: SharedSets;
}

/** More names than these would bury the message. */
const MAX_NAMES_SHOWN = 10;

export function compileModality(
  name: string,
  entry: ModalityConfiguration,
  surroundings: Surroundings,
): CompiledModality {
  const { strictAeTitles, sets } = surroundings;
  const callingAeTitles = new AeTitleSet(entry.callingAeTitle, strictAeTitles);
  const report = (severity: PolicyProblem['severity'], path: (string | number)[], message: string) => {
    surroundings.problems.push({ severity, path: ['modalities', name, ...path], message });
  };
  const isObserving = isObserved(entry, surroundings.nowMs, report);
  reportValidity(entry, surroundings.nowMs, report);
  reportEmptyLists(entry, isObserving, report);
  reportCallingAeTitles(entry, report);
  return {
    name,
    callingAeTitles,
    listeners: compileListenerNames(entry, surroundings, report),
    certificates: compileCertificates(entry, report),
    calledAeTitles: compileCalledAeTitles(entry, surroundings, report),
    permissions: sets.of(entry.allow),
    services: sets.of(compileServices(entry, report)),
    storeSopClasses: compileStoreSopClasses(entry, report),
    moveDestinations: compileMoveDestinations(entry, callingAeTitles, strictAeTitles, report),
    egressPermissions: entry.egressAllow === undefined ? 'any' : sets.of(entry.egressAllow),
    dataSets: compileDataSets(entry, isObserving, report),
    isObserved: isObserving,
    configuration: entry,
  };
}

export type Report = (
  severity: PolicyProblem['severity'],
  path: (string | number)[],
  message: string,
) => void;

const listKeys = ['callingAeTitle', 'from', 'listeners', 'certificate', 'calledAeTitle'] as const;

function reportEmptyLists(entry: ModalityConfiguration, isObserving: boolean, report: Report): void {
  for (const key of listKeys) {
    if (entry[key]?.length === 0) report('warning', [key], 'is empty, which allows nobody');
  }
  if (entry.allow.length === 0 && entry.services === undefined && !isObserving) {
    report(
      'warning',
      [],
      'allows no command: it may open associations, and every request on them is refused',
    );
  }
}

/** An AE title is what tells two devices at one address apart, and what the archive knows the device by. */
function reportCallingAeTitles({ callingAeTitle }: ModalityConfiguration, report: Report): void {
  const index = callingAeTitle.indexOf(EVERY_AE_TITLE);
  if (index < 0) return;
  report(
    'error',
    ['callingAeTitle', index],
    '"*" would stand for any device at these addresses, whatever it calls itself; ' +
      'list its AE titles ("unknownAddresses": "reject" and "aegis modality pending" show them)',
  );
}

/** By default every TLS listener. A plain one must be named: without TLS nothing proves who is calling. */
function compileListenerNames(
  entry: ModalityConfiguration,
  { listenerByName, sets }: Surroundings,
  report: Report,
): ReadonlySet<string> {
  const known = [...listenerByName.values()];
  for (const [index, listener] of (entry.listeners ?? []).entries()) {
    if (listenerByName.has(listener)) continue;
    report('error', ['listeners', index], describeUnknown(listener, 'listener', [...listenerByName.keys()]));
  }
  if (entry.listeners === undefined && !known.some((listener) => listener.isTls)) {
    report('warning', [], 'names no listener, and there is none with TLS, so nobody can connect as it');
  }
  const names =
    entry.listeners ?? known.filter((listener) => listener.isTls).map((listener) => listener.name);
  const neverShowsCertificate = names.every(
    (listener) => listenerByName.get(listener)?.requiresCertificate === false,
  );
  if (entry.certificate !== undefined && names.length > 0 && neverShowsCertificate) {
    report(
      'warning',
      ['certificate'],
      'can never match: none of the listeners of this entry asks for a certificate',
    );
  }
  return sets.of(names);
}

function compileCertificates({ certificate }: ModalityConfiguration, report: Report) {
  for (const [index, text] of (certificate ?? []).entries()) {
    if (!text.startsWith('dns:') || !text.includes('*')) continue;
    report(
      'error',
      ['certificate', index],
      `${quoteValue(text)} has a wildcard, and a wildcard certificate does not identify a modality; ` +
        'name the whole DNS name, or the certificate by sha256: or spki-sha256:',
    );
  }
  return certificate === undefined ? undefined : compileCertificateMatchers(certificate);
}

function compileCalledAeTitles(
  { calledAeTitle }: ModalityConfiguration,
  { strictAeTitles, upstreamByCalledAeTitle, hasCatchAll }: Surroundings,
  report: Report,
) {
  if (hasCatchAll) {
    const isEvery = calledAeTitle === undefined || calledAeTitle.includes(EVERY_AE_TITLE);
    return isEvery ? undefined : new AeTitleSet(calledAeTitle, strictAeTitles);
  }
  for (const [index, title] of (calledAeTitle ?? []).entries()) {
    const key = aeTitleKey(title, strictAeTitles);
    if (key !== undefined && upstreamByCalledAeTitle.has(key)) continue;
    const known = [...upstreamByCalledAeTitle.values()].map((upstream) => upstream.calledAeTitle);
    report('error', ['calledAeTitle', index], describeUnknown(title, 'upstream', known));
  }
  return calledAeTitle === undefined ? undefined : new AeTitleSet(calledAeTitle, strictAeTitles);
}

/** SOP classes that a permission has are listed by mistake: half a service, without what belongs to it. */
function compileServices({ services = [] }: ModalityConfiguration, report: Report): string[] {
  return services.flatMap((text, index) => {
    const uid = sopClassUid(text);
    if (uid === undefined) {
      report('error', ['services', index], describeUnknownSopClass(text, 'accepted are keywords and UIDs'));
      return [];
    }
    const permission = permissionForService(uid);
    if (permission !== undefined) {
      report(
        'warning',
        ['services', index],
        `${quoteValue(text)} belongs to the permission ${quoteValue(permission)}, which opens all that goes with it; put that into allow instead`,
      );
    }
    return [uid];
  });
}

function compileStoreSopClasses({ storeSopClasses, allow }: ModalityConfiguration, report: Report) {
  if (storeSopClasses === undefined) return undefined;
  if (!allow.includes('store')) {
    report('warning', ['storeSopClasses'], 'has no effect, because "store" is not in allow');
  }
  const { matcher, problems } = compileSopClasses(storeSopClasses);
  for (const { index, message } of problems) report('error', ['storeSopClasses', index], message);
  return matcher;
}

/**
 * What a modality gets by C-GET is judged as what it stores, but for the rules on images. Observe mode does not open
 * egress: it is about what a modality asks for.
 */
function compileDataSets(entry: ModalityConfiguration, isObserving: boolean, report: Report) {
  const { dataSets } = entry;
  const egress = dataSetChecks(dataSets, false);
  return {
    ingress: {
      inbound: dataSetChecks(dataSets, isObserving, compileStoreRules(entry, isObserving, report)),
      upstream: dataSetChecks(dataSets, isObserving),
    },
    egress: { inbound: egress, upstream: egress },
  };
}

/** By default the entry's own AE titles: a C-MOVE elsewhere is a way of carrying images out. */
function compileMoveDestinations(
  { moveDestinations, allow }: ModalityConfiguration,
  callingAeTitles: AeTitleSet,
  strictAeTitles: boolean,
  report: Report,
): AeTitleSet | 'any' {
  if (moveDestinations === undefined) return callingAeTitles;
  if (!allow.includes('move')) {
    report('warning', ['moveDestinations'], 'has no effect, because "move" is not in allow');
  }
  return moveDestinations.includes('*') ? 'any' : new AeTitleSet(moveDestinations, strictAeTitles);
}

/** `"tsl" is not a listener; did you mean "tls"?`, or which there are. */
function describeUnknown(name: string, what: 'listener' | 'upstream', known: readonly string[]): string {
  const article = what === 'upstream' ? 'an' : 'a';
  const problem = `${quoteValue(name)} is not ${article} ${what}`;
  const nearest = nearestOf(name, known);
  if (nearest !== undefined) return `${problem}; did you mean ${quoteValue(nearest)}?`;
  if (known.length === 0) return `${problem}; there is none`;
  return `${problem}; accepted is ${quoteChoices(known.slice(0, MAX_NAMES_SHOWN))}, or add it to ${what}s first`;
}

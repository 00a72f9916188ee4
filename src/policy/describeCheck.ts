/**
 * The checks of an entry in words for the operator: what was compared with what. Decides nothing.
 */

import { commandName, formatStatus } from '../dimse/commands';
import { sopClassKeyword } from '../dimse/sopClasses';
import { canonicalAddress } from '../text/addresses';
import { aeTitleKey } from '../text/aeTitle';
import { describeObserveUntil } from '../text/moments';
import { formatPath } from '../text/problems';
import { escapeUnsafe, quoteValue } from '../text/quote';
import type { AssociationRequest, associationChecks, CommandRequest } from './decide';
import type { CompiledModality, Policy } from './policy';
import { type ReasonCode, reasons } from './reasons';

export type AssociationCheck = (typeof associationChecks)[number];

/** What each check looks at. */
export const associationCheckName: Readonly<Record<AssociationCheck, string>> = {
  'protocol-version': 'protocol version',
  'application-context': 'application context',
  'calling-ae-title-unknown': 'calling AE title',
  'source-address-mismatch': 'address of the entry',
  'listener-not-allowed': 'listener of the entry',
  'certificate-mismatch': 'certificate of the entry',
  'called-ae-title-unknown': 'called AE title',
  'called-ae-title-not-allowed': 'called AE title of the entry',
};

/** More than these would bury the line. */
const MAX_SHOWN = 10;

/** Why a check passed, or why it did not. `modality` is the entry that matched or alone came near. */
export function describeAssociationCheck(
  policy: Policy,
  request: AssociationRequest,
  modality: CompiledModality | undefined,
  check: AssociationCheck,
  isDenied: boolean,
): string {
  const key = aeTitleKey(request.callingAeTitle, policy.strictAeTitles);
  const sameTitle =
    (key === undefined ? undefined : policy.entriesByCallingAeTitle.get(key))?.modalities ?? [];
  const entries = modality === undefined ? sameTitle : [modality];
  const names = list(entries.map(entryPath));

  switch (check) {
    case 'protocol-version':
      return describeProtocolVersion(request);
    case 'application-context':
      return quoteValue(request.applicationContextName);
    case 'calling-ae-title-unknown': {
      const title = quoteValue(request.callingAeTitle);
      if (!isDenied) return `${title} is in ${list(sameTitle.map(entryPath))}`;
      return `${title} is ${key === undefined ? 'no AE title' : 'in no modality entry'}`;
    }
    case 'source-address-mismatch': {
      const address = canonicalAddress(request.sourceAddress) ?? quoteValue(request.sourceAddress);
      return `${address} is ${isDenied ? 'not ' : ''}in ${describeAddresses(entries)}`;
    }
    case 'listener-not-allowed': {
      const listeners = list(entries.flatMap((entry) => [...entry.listeners].map(quoteValue)));
      return `${quoteValue(request.listener)} is ${isDenied ? 'not ' : ''}among those of ${names}: ${listeners}`;
    }
    case 'certificate-mismatch':
      return describeCertificates(request, entries, isDenied);
    case 'called-ae-title-unknown': {
      const title = quoteValue(request.calledAeTitle);
      const known = [...policy.upstreamByCalledAeTitle.values()].map((upstream) => upstream.calledAeTitle);
      return isDenied ? `${title} is no upstream; there is: ${list(known)}` : `${title} is an upstream`;
    }
    case 'called-ae-title-not-allowed':
      return modality?.calledAeTitles === undefined
        ? `${names} may call every upstream`
        : `${names} may call: ${list(modality.calledAeTitles.titles)}`;
  }
}

export function describeProtocolVersion({ protocolVersion }: AssociationRequest): string {
  return (protocolVersion & 1) === 0 ? `${protocolVersion} has bit 0 not set` : 'version 1';
}

/** `from of modalities.ct1: 10.1.2.10, 10.1.3.0/24`. */
export function describeAddresses(entries: readonly CompiledModality[]): string {
  const blocks = list(entries.flatMap((entry) => entry.configuration.from));
  return `from of ${list(entries.map(entryPath))}: ${blocks}`;
}

function describeCertificates(
  { certificate }: AssociationRequest,
  entries: readonly CompiledModality[],
  isDenied: boolean,
): string {
  const names = list(entries.map(entryPath));
  if (entries.every((entry) => entry.certificates === undefined)) return `${names} names none`;
  const matchers = entries.flatMap((entry) => entry.certificates?.texts ?? []).map(escapeUnsafe);
  const those = `those of ${names}: ${list(matchers)}`;
  if (!isDenied) return `one of ${those}`;
  if (certificate === undefined) return `a certificate is needed, one of ${those}`;
  const shown = [
    `sha256:${certificate.fingerprint256}`,
    `spki-sha256:${certificate.spkiSha256}`,
    ...certificate.dnsNames.map((name) => `dns:${quoteValue(name)}`),
    ...(certificate.commonName === undefined ? [] : [`cn:${quoteValue(certificate.commonName)}`]),
  ];
  return `none of ${those}; this one is ${list(shown)}`;
}

/** `C-MOVE StudyRootQueryRetrieveInformationModelMove to "WS1"`. */
export function describeCommand({ commandField, sopClassUid, moveDestination }: CommandRequest): string {
  const name = commandName(commandField) ?? formatStatus(commandField);
  const destination = moveDestination === undefined ? '' : ` to ${quoteValue(moveDestination)}`;
  return `${name} ${sopClassKeyword(sopClassUid) ?? sopClassUid}${destination}`;
}

/** What the entry allows where it does not allow a command. */
export function describeCommandDenial(modality: CompiledModality, reason: ReasonCode): string {
  const { configuration, moveDestinations } = modality;
  const entry = entryPath(modality);
  switch (reason) {
    case 'command-not-allowed':
      return `${entry} allows: ${list([...modality.permissions])}`;
    case 'sop-class-not-allowed':
      return `${entry} may store: ${list(configuration.storeSopClasses ?? [])}`;
    case 'move-destination-not-allowed':
      return `${entry} may move to: ${list(moveDestinations === 'any' ? ['*'] : moveDestinations.titles)}`;
    default:
      return reasons[reason].text;
  }
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
    ? `observe ${describeObserveUntil(observeUntil)}`
    : `enforce: observe mode ended with ${observeUntil}`;
}

/** As in the configuration: `modalities.ct1`. */
export function entryPath({ name }: CompiledModality): string {
  return formatPath(['modalities', name]);
}

export function list(texts: readonly string[]): string {
  if (texts.length === 0) return 'nothing';
  const shown = texts.slice(0, MAX_SHOWN).join(', ');
  return texts.length > MAX_SHOWN ? `${shown} and ${texts.length - MAX_SHOWN} more` : shown;
}

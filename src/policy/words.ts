/**
 * How the policy speaks to the operator: entries by their place in the configuration, lists that end, commands, and the
 * mode of an entry. Decides nothing, and nothing of it ever reaches a peer.
 */
import { commandName, formatStatus } from '../dimse/commands';
import { sopClassKeyword } from '../dimse/sopClasses';
import { LAST_SEEN } from '../text/hostAndPort';
import { describeUntil } from '../text/moments';
import { formatPath } from '../text/problems';
import { escapeUnsafe, quoteValue } from '../text/quote';
import type { AssociationRequest, CommandRequest } from './decide';
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

/** `one of those of modalities.ct1: cn:ct1`; where it is denied, what was shown instead. */
export function describeCertificates(
  { certificate }: AssociationRequest,
  entries: readonly CompiledModality[],
  isDenied: boolean,
): string {
  const names = entryPaths(entries);
  if (entries.every((entry) => entry.certificates === undefined)) {
    return isDenied
      ? `${names} names no certificate, so it has to be trusted`
      : `${names} names no certificate`;
  }
  const matchers = entries.flatMap((entry) => entry.certificates?.texts ?? []).map(escapeUnsafe);
  const those = `those of ${names}: ${listed(matchers)}`;
  if (!isDenied) return `one of ${those}`;
  if (certificate === undefined) return `a certificate is needed, one of ${those}`;
  const shown = [
    `sha256:${certificate.fingerprint256}`,
    `spki-sha256:${certificate.spkiSha256}`,
    ...certificate.dnsNames.map((name) => `dns:${quoteValue(name)}`),
    ...(certificate.commonName === undefined ? [] : [`cn:${quoteValue(certificate.commonName)}`]),
  ];
  return `none of ${those}; this one is ${listed(shown)}`;
}

/** `at 10.1.2.10:2762 over TLS`. */
export function describeAddress({ configuration: { address } }: CompiledModality): string {
  if (address === undefined) return 'without an address';
  const where =
    address.host === LAST_SEEN ? 'where it was last seen, port ' : `at ${escapeUnsafe(address.host)}:`;
  return `${where}${address.port} ${address.tls === undefined ? 'without TLS' : 'over TLS'}`;
}

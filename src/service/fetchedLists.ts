/**
 * The revocation lists that a configuration fetches: from which URLs, for which CAs, and whether what came may take the
 * place of what is held. Knows no time of its own and no network.
 */
import type { X509Certificate } from 'node:crypto';
import { usedClientTlsOf } from '../config/clientTls';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { listFault } from '../net/tlsContext';
import type { ConfigurationPath } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import { Tag } from '../x509/der';
import { formatName } from '../x509/names';
import { revocationListNumber } from '../x509/revocationList';
import { type ListUser, listFilesOf, readLists, urlOf } from '../x509/revocationSources';
import { type RevocationList, readCertificates, revocationListsIn } from '../x509/tlsFiles';

export interface ListSource {
  readonly url: string;
  /** Where its list is kept. */
  readonly file: string;
  /** Of the first part of the configuration that names it. */
  readonly path: ConfigurationPath;
  /** The trusted CAs of every part that names it. */
  readonly authorities: readonly X509Certificate[];
}

/** The parts of a configuration that may name lists. */
export function listUsersOf(configuration: Configuration): { path: ConfigurationPath; tls: ListUser }[] {
  const listeners = configuration.listeners.flatMap(({ tls }, index) =>
    tls === undefined ? [] : [{ path: ['listeners', index, 'tls'], tls }],
  );
  return [...listeners, ...usedClientTlsOf(configuration).map(({ path, tls }) => ({ path: [...path], tls }))];
}

/** Each URL once. Throws OperatorError where a certificate cannot be read. */
export function listSourcesOf(configuration: Configuration): ListSource[] {
  const sourceByUrl = new Map<string, ListSource>();
  for (const { path: ofUser, tls } of listUsersOf(configuration)) {
    for (const file of listFilesOf(tls)) {
      const url = urlOf(file);
      if (url === undefined) continue;
      const { path = [...ofUser, 'crl'], authorities: known = [] } = sourceByUrl.get(url) ?? {};
      const trusted = (tls.trustedCertificates ?? []).flatMap((each) => readCertificates(each).certificates);
      sourceByUrl.set(url, { url, file, path, authorities: [...known, ...trusted] });
    }
  }
  return [...sourceByUrl.values()];
}

/** The list that is kept of it, where it can be used now. */
export function heldList({ file, authorities }: ListSource, now: Date): RevocationList | undefined {
  return readLists(file).find((list) => faultOf(list, authorities, now) === undefined);
}

/** The list in what was fetched. Throws OperatorError, in words that follow the URL, where it is not to be taken. */
export function acceptedList(
  bytes: Buffer,
  { url, authorities }: ListSource,
  held: RevocationList | undefined,
  now: Date,
): RevocationList {
  const list = decoded(bytes, url);
  const fault = faultOf(list, authorities, now) ?? staleness(list, held, now) ?? entriesFault(list);
  if (fault !== undefined) throw refused(`sent a list that ${fault}`);
  return list;
}

const PEM_BEGINNING = '-----BEGIN ';

/** Anybody may have sent the bytes: of PEM, a million blocks would be taken apart before one is found wanting. */
function decoded(bytes: Buffer, url: string): RevocationList {
  const isPem = bytes[0] !== Tag.sequence;
  if (isPem && bytes.includes(PEM_BEGINNING, bytes.indexOf(PEM_BEGINNING) + 1)) {
    throw refused('sent more than one block of PEM; one list is expected, so name the address of each');
  }
  try {
    return revocationListsIn(bytes, url)[0]!;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw refused(`sent ${bytes.length} bytes that are not a revocation list`);
  }
}

function faultOf(list: RevocationList, authorities: readonly X509Certificate[], now: Date) {
  return malformedOr(() => listFault(list, authorities, now));
}

/** After the signature: a CA does not send entries without end. */
function entriesFault(list: RevocationList): string | undefined {
  return malformedOr(() => void list.serialNumbers);
}

function malformedOr(fault: () => string | undefined): string | undefined {
  try {
    return fault();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `is malformed: ${error.message}`;
  }
}

/**
 * Who stands between could serve an older list, in which a certificate is not revoked yet. RFC 5280 §5.2.3: the number of
 * a later list is higher. A list that is past its end refuses everybody.
 */
function staleness(list: RevocationList, held: RevocationList | undefined, now: Date): string | undefined {
  const { nextUpdate } = list;
  if (nextUpdate !== undefined && nextUpdate <= now) return `ended at ${nextUpdate.toISOString()}`;
  if (held === undefined) return undefined;
  if (!held.issuer.encoded.equals(list.issuer.encoded)) {
    const isOver = held.nextUpdate !== undefined && held.nextUpdate <= now;
    return isOver
      ? undefined
      : `is of the CA ${formatName(list.issuer)}, and the one that is held is of ${formatName(held.issuer)}`;
  }
  const [number, heldNumber] = [numberOf(list), numberOf(held)];
  if (number !== undefined && heldNumber !== undefined && number < heldNumber) {
    return `is older than the one that is held: its number is ${number}, not ${heldNumber} or more`;
  }
  return list.thisUpdate < held.thisUpdate
    ? `is older than the one that is held: of ${list.thisUpdate.toISOString()}, not ${held.thisUpdate.toISOString()} or later`
    : undefined;
}

function numberOf(list: RevocationList): bigint | undefined {
  const number = revocationListNumber(list);
  return number === undefined ? undefined : BigInt(`0x${number}`);
}

export function isSameList(one: RevocationList, other: RevocationList | undefined): boolean {
  return other !== undefined && one.toBeSigned.equals(other.toBeSigned);
}

/** `list 7 of CN=CA, of 2026-11-30T10:00:00.000Z, to 2026-12-07T10:00:00.000Z, 3 revoked`. */
export function describeList(list: RevocationList): string {
  const { issuer, thisUpdate, nextUpdate, serialNumbers } = list;
  const number = numberOf(list);
  const name = number === undefined ? 'list' : `list ${number}`;
  const end = nextUpdate === undefined ? 'without an end' : `to ${nextUpdate.toISOString()}`;
  const of = `${name} of ${formatName(issuer)}, of ${thisUpdate.toISOString()}, ${end}`;
  return escapeUnsafe(`${of}, ${serialNumbers.size} revoked`);
}

/** What follows while nothing newer can be had. */
export function describeHeld(list: RevocationList | undefined, now: Date): string {
  if (list === undefined) return 'no list of it is held, so certificates that need it are refused';
  const { thisUpdate, nextUpdate } = list;
  const held = `the list of ${thisUpdate.toISOString()}`;
  if (nextUpdate === undefined) return `${held} counts meanwhile`;
  return nextUpdate <= now
    ? `${held} ended at ${nextUpdate.toISOString()}, so its certificates are refused`
    : `${held} counts until ${nextUpdate.toISOString()}`;
}

function refused(words: string): OperatorError {
  return new OperatorError(escapeUnsafe(words), ExitCode.Failed);
}

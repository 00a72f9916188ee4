/**
 * What `aegis check` finds about revocation lists of URLs: fetches each one as the gateway would, and says how old the one
 * is that is kept. Keeps nothing: only the gateway writes its folder.
 */
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { fetchBytes } from '../net/fetchBytes';
import { withoutList } from '../net/tlsContext';
import {
  acceptedList,
  describeHeld,
  describeList,
  heldList,
  type ListSource,
  listSourcesOf,
  listUsersOf,
} from '../service/fetchedLists';
import { DAY_MS } from '../text/moments';
import type { Finding } from '../text/problems';
import { countOf, escapeUnsafe } from '../text/quote';
import { oneLine } from '../x509/names';
import { listFilesOf, readLists, urlOf } from '../x509/revocationSources';
import { type RevocationList, readCertificates } from '../x509/tlsFiles';

/** A list of a URL that can be used. */
export interface FetchedList {
  readonly url: string;
  /** In words. */
  readonly list: string;
  /** ISO 8601. */
  readonly thisUpdate: string;
  readonly nextUpdate?: string;
}

/** `show` is called for each one that is well, at once. */
export async function inspectFetchedLists(
  configuration: Configuration,
  isOffline: boolean,
  show: (list: FetchedList) => void,
): Promise<Finding[]> {
  const sources = readable(() => listSourcesOf(configuration)) ?? [];
  const listByUrl = new Map<string, RevocationList>();
  const findings = await Promise.all(
    sources.map(async (source) => {
      const held = heldList(source, new Date());
      if (held !== undefined) listByUrl.set(source.url, held);
      const fault = isOffline
        ? undefined
        : await fetchFault(source, held, (list) => listByUrl.set(source.url, list));
      const list = listByUrl.get(source.url);
      if (fault === undefined && list !== undefined) show(foundOf(source.url, list));
      return findingOf(source, held, fault, isOffline);
    }),
  );
  return [...findings.flat(), ...uncovered(configuration, listByUrl)];
}

async function fetchFault(
  source: ListSource,
  held: RevocationList | undefined,
  take: (list: RevocationList) => void,
): Promise<string | undefined> {
  try {
    take(acceptedList(await fetchBytes(source.url), source, held, new Date()));
    return undefined;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message;
  }
}

/** Without the network, a list that is not kept yet is a warning: it may be the first start. */
function findingOf(
  { url, path }: ListSource,
  held: RevocationList | undefined,
  fault: string | undefined,
  isOffline: boolean,
): Finding[] {
  const now = new Date();
  const what = fault ?? (held === undefined && isOffline ? 'was not fetched yet' : undefined);
  if (what === undefined) return [];
  const isCurrent = held !== undefined && (held.nextUpdate === undefined || held.nextUpdate > now);
  const message = escapeUnsafe(`${url} ${what}; ${describeHeld(held, now)}`);
  return [{ path, message, severity: isCurrent || isOffline ? 'warning' : 'error', kind: 'upstream' }];
}

function foundOf(url: string, list: RevocationList): FetchedList {
  const { thisUpdate, nextUpdate } = list;
  const hours = Math.max(0, Math.floor((Date.now() - thisUpdate.getTime()) / (DAY_MS / 24)));
  const age = hours < 48 ? countOf(hours, 'hour') : countOf(Math.floor(hours / 24), 'day');
  return {
    url,
    list: `${describeList(list)} (${age} old)`,
    thisUpdate: thisUpdate.toISOString(),
    ...(nextUpdate === undefined ? {} : { nextUpdate: nextUpdate.toISOString() }),
  };
}

/** Trusted CAs without any list, in parts of the configuration that fetch some. */
function uncovered(configuration: Configuration, listByUrl: ReadonlyMap<string, RevocationList>): Finding[] {
  return listUsersOf(configuration).flatMap(({ path, tls }): Finding[] => {
    const files = readable(() => listFilesOf(tls)) ?? [];
    const urls = files.map(urlOf);
    // What could not be fetched is reported already; what it covers is not known.
    if (!urls.some((url) => url !== undefined)) return [];
    if (urls.some((url) => url !== undefined && !listByUrl.has(url))) return [];
    const lists = files.flatMap(
      (file, index) => listByUrl.get(urls[index] ?? '') ?? readable(() => readLists(file)) ?? [],
    );
    const bundles = readable(() => (tls.trustedCertificates ?? []).map(readCertificates)) ?? [];
    return withoutList(bundles, lists).map(({ subject }) => ({
      path: [...path, 'crl'],
      message: escapeUnsafe(
        `has no list of the trusted CA ${oneLine(subject, 'no subject')}, so its certificates are refused; name its address or file too`,
      ),
      severity: 'warning',
      kind: 'file',
    }));
  });
}

/** What cannot be read is reported by those who check the files. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return undefined;
  }
}

/**
 * Where revocation lists come from: files, and URLs whose list is kept in a file of the gateway. Knows which file that is,
 * and which URLs "auto" stands for. Fetches nothing. URLs come from the configuration and from certificates that it
 * names, never from what a peer shows: a stranger could make the gateway ask any address of the hospital.
 */
import type { X509Certificate } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { OperatorError } from '../errors';
import { decodeCertificate } from './certificate';
import { issuerOf } from './certificateTrust';
import { decodeDer, explicitTag, itemsOf } from './der';
import { extensionOid } from './extensions';
import { oneLine, uriOf } from './names';
import { type RevocationList, readCertificates, readCrl } from './tlsFiles';

/** Stands for the distribution points of the certificates that the same part of the configuration names. */
const AUTO = 'auto';
/** The name of no URL and, with its percent sign, hardly that of a file of the operator. */
const AUTO_NAME = '%auto';

/** The name of a kept list is its URL: file systems take no longer ones. */
const MAX_NAME_LENGTH = 255;

/** Whether an entry of `crl` names something else than a file. */
export function isFetched(entry: string): boolean {
  return entry === AUTO || /^[a-z][a-z0-9+.-]*:\/\//i.test(entry);
}

/** What is wrong with an entry of `crl`; undefined for files, "auto", and URLs that can be fetched. */
export function listEntryProblem(entry: string): string | undefined {
  if (!isFetched(entry) || entry === AUTO) return undefined;
  const url = URL.canParse(entry) ? new URL(entry) : undefined;
  if (url?.protocol === 'ldap:' || url?.protocol === 'ldaps:') {
    return 'is an LDAP address, which is not supported; name the http:// address of the same list, or a file';
  }
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    return 'is not an address that lists are fetched from; accepted are http://, https://, "auto" and files';
  }
  if (url.username !== '' || url.password !== '') {
    return 'has a user name or a password in it; lists are public, so leave them out';
  }
  if (nameOf(entry).length > MAX_NAME_LENGTH) return 'is too long an address; name the list of a shorter one';
  return undefined;
}

/** Where the list of a URL (or what "auto" stands for) is kept. Takes an entry without a problem. */
export function keptFile(folder: string, entry: string): string {
  return join(folder, entry === AUTO ? AUTO_NAME : nameOf(entry));
}

function nameOf(url: string): string {
  const parsed = new URL(url);
  parsed.hash = '';
  // Windows takes no `*` in a name.
  return encodeURIComponent(parsed.href).replaceAll('*', '%2A');
}

/** The URL whose list is kept in this file; undefined for a file of the operator. */
export function urlOf(file: string): string | undefined {
  const name = basename(file);
  if (!/^https?%3A%2F%2F/.test(name)) return undefined;
  return decodeURIComponent(name);
}

/** Whether the operator names the file itself, and keeps it current. */
export function isOfOperator(file: string): boolean {
  return urlOf(file) === undefined && !isAuto(file);
}

function isAuto(file: string): boolean {
  return basename(file) === AUTO_NAME;
}

/** As the operator wrote it. */
export function describeSource(file: string): string {
  return isAuto(file) ? AUTO : (urlOf(file) ?? file);
}

/** The files of one part of the configuration. */
export interface ListUser {
  readonly certificate?: string | readonly string[] | undefined;
  readonly trustedCertificates?: readonly string[] | undefined;
  readonly crl?: readonly string[] | undefined;
}

/** The files of its lists, those that "auto" stands for among them. Throws OperatorError. */
export function listFilesOf(user: ListUser): readonly string[] {
  const { crl = [] } = user;
  if (!crl.some(isAuto)) return crl;
  const files = crl.flatMap((file) =>
    isAuto(file) ? distributionPoints(user).map((url) => keptFile(dirname(file), url)) : file,
  );
  return [...new Set(files)];
}

/**
 * The lists of a file as they are on the disk. Of a URL whose list was not fetched yet, or is damaged, none: its fetch
 * reports that. Throws OperatorError for files of the operator.
 */
export function readLists(file: string): RevocationList[] {
  const url = urlOf(file);
  if (url === undefined) return readCrl(file);
  try {
    return readCrl(file).map((list) => Object.assign(list, { file: url }));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [];
  }
}

/**
 * Of the trusted certificates, and of our own with its chain: that one names the list of the CA that issued it, which is
 * often the CA of the modalities. Only what a trusted CA has signed counts.
 */
function distributionPoints({ certificate = [], trustedCertificates = [] }: ListUser): string[] {
  const trusted = trustedCertificates.flatMap((file) => readCertificates(file).certificates);
  const own = [certificate].flat().flatMap((file) => readCertificates(file).certificates);
  const now = new Date();
  const signed = [...trusted, ...own].filter((each) => issuerOf(each, trusted, now) !== undefined);
  const names = signed.flatMap(pointsOf);
  const urls = names.filter((name) => /^https?:/i.test(name) && listEntryProblem(name) === undefined);
  if (urls.length > 0) return [...new Set(urls)];
  const subjects = trusted.map(({ subject }) => oneLine(subject, 'no subject')).join(', ');
  const others = names.length === 0 ? 'none at all' : `only ${names.join(', ')}`;
  throw new OperatorError(
    `crl is "auto", but the certificates here name no list over HTTP (${others}); name the http:// address of the list ` +
      `of each CA (${subjects})`,
  );
}

/** The first HTTP name of each point: its names are places of one and the same list. Others where it has no such name. */
function pointsOf({ raw }: X509Certificate): string[] {
  const points = decodeCertificate(raw).extensions.get(extensionOid.crlDistributionPoints);
  if (points === undefined) return [];
  return itemsOf(decodeDer(points)).flatMap((point) => {
    const [name] = itemsOf(point);
    if (name?.tag !== explicitTag(0)) return [];
    const [choice] = itemsOf(name);
    if (choice?.tag !== explicitTag(0)) return [];
    const names = itemsOf(choice).flatMap((each) => uriOf(each) ?? []);
    const overHttp = names.find((each) => /^https?:/i.test(each));
    return overHttp === undefined ? names : [overHttp];
  });
}

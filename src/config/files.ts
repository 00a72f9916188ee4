/**
 * Looks into the files of TLS that a configuration names and collects everything that is wrong with them, each finding
 * at the key that names the file. Also says whether what lasts for a time has begun or ends soon. How a file is read
 * belongs to x509/, and what OpenSSL makes of it to net/.
 */
import type { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { OperatorError } from '../errors';
import { loadClientTlsContext, loadTlsContext, withoutList } from '../net/tlsContext';
import { DAY_MS, formatDay } from '../text/moments';
import type { ConfigurationPath, Finding, Severity } from '../text/problems';
import { countOf, daysLeft, escapeUnsafe } from '../text/quote';
import { purposeProblem } from '../x509/certificate';
import type { ExtendedKeyUsage } from '../x509/extensions';
import { oneLine } from '../x509/names';
import { isOfOperator } from '../x509/revocationSources';
import {
  type CertificateFile,
  type RevocationList,
  readCertificates,
  readCrl,
  readPrivateKey,
} from '../x509/tlsFiles';
import { type ClientTls, clientTlsOf } from './clientTls';
import type { Configuration, ListenerTlsConfiguration } from './schema';
import { inspectAnchors, inspectDeviceSigners, scopeWarning, type TrustedFile } from './trustedFiles';

/** Long enough to order a certificate from an authority that works by post. */
export const WARN_CERTIFICATE_DAYS = 30;
/** Lists are renewed every few days; this is a long weekend. */
const WARN_CRL_DAYS = 3;

export interface Clock {
  /** Default: the present. */
  readonly now?: Date;
  /** What ends within so many days is an error instead of a warning. Default: 0. */
  readonly failWithinDays?: number;
}

/**
 * Reads every certificate, private key and revocation list. Findings about dates are of the kind `expiry`, all
 * others of the kind `file`.
 */
export function inspectTlsFiles(configuration: Configuration, clock: Clock = {}): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { tls }] of configuration.listeners.entries()) {
    if (tls === undefined) continue;
    const path = ['listeners', index, 'tls'];
    findings.push(...inspectTls(path, serverUse(tls, configuration), clock));
  }
  for (const client of clientTlsOf(configuration)) {
    findings.push(...inspectTls(client.path, clientUse(client), clock));
  }
  return findings;
}

/** The files of one place of the configuration, and what our own certificate is for there. */
interface TlsUse {
  readonly certificates: readonly string[];
  readonly privateKeys: readonly string[];
  readonly trustedCertificates: readonly string[];
  readonly crl: readonly string[];
  /** Throws OperatorError where they do not fit together. */
  load(): unknown;
  /** Finds trust that reaches further than was meant. */
  inspectTrust(files: readonly TrustedFile[]): Iterable<Finding>;
  /** The extended key usage that the certificate needs, if it names any. */
  readonly purpose: ExtendedKeyUsage;
  purposeFault(fault: string): string;
  /** What to do about a certificate of our own that ends. */
  readonly renewal: string;
}

function serverUse(tls: ListenerTlsConfiguration, configuration: Configuration): TlsUse {
  const { certificate, privateKey, trustedCertificates = [], crl = [] } = tls;
  return {
    certificates: certificate,
    privateKeys: privateKey,
    trustedCertificates,
    crl,
    load: () => loadTlsContext(tls),
    inspectTrust: (files) => inspectDeviceSigners(files, configuration),
    purpose: 'serverAuth',
    purposeFault: (fault) =>
      `is not meant for servers (${fault}), so modalities would refuse it; issue one with "aegis pki server"`,
    renewal: 'issue a new one; if "aegis pki" issued it, run "aegis pki renew server"',
  };
}

function clientUse({ kind, tls }: ClientTls): TlsUse {
  const peer = { upstream: 'archive', egress: 'modality', syslog: 'syslog server', redis: 'Redis server' }[
    kind
  ];
  const { certificate, privateKey, trustedCertificates, crl = [] } = tls;
  return {
    certificates: certificate === undefined ? [] : [certificate],
    privateKeys: privateKey === undefined ? [] : [privateKey],
    trustedCertificates,
    crl,
    load: () => loadClientTlsContext(tls),
    // Trusted for this one peer only.
    inspectTrust: () => [],
    purpose: 'clientAuth',
    purposeFault: (fault) =>
      `is not meant for clients (${fault}), so the ${peer} would refuse it; public CAs issue none for clients since 2026, so issue one with "aegis pki client NAME"`,
    renewal: 'issue a new one; if "aegis pki" issued it, run "aegis pki renew NAME"',
  };
}

function* inspectTls(path: ConfigurationPath, use: TlsUse, clock: Clock): Generator<Finding> {
  const certificates = yield* readEach([...path, 'certificate'], use.certificates, readCertificates);
  const keys = yield* readEach([...path, 'privateKey'], use.privateKeys, readPrivateKey);
  const trusted = yield* readEach(
    [...path, 'trustedCertificates'],
    use.trustedCertificates,
    readCertificates,
  );
  // What is wrong with a list that is fetched is found where it is fetched.
  const listFiles = use.crl.filter(isOfOperator);
  const lists = yield* readEach([...path, 'crl'], listFiles, readCrl);
  const isReadable = [certificates, keys, trusted, lists].every((files) => files.isComplete);
  if (isReadable && use.certificates.length === use.privateKeys.length)
    yield* attempt(path, () => use.load());
  for (const { path: place, content } of certificates.files) {
    const fault = purposeProblem(content.certificates[0], use.purpose);
    if (fault !== undefined) {
      const message = escapeUnsafe(`${content.file} ${use.purposeFault(fault)}`);
      yield { path: place, kind: 'file', message };
    }
    yield* inspectCertificates(place, content, use.renewal, clock);
  }
  for (const { path: place, content } of trusted.files) yield* inspectAuthorities(place, content, clock);
  yield* inspectAnchors(trusted.files, clock.now ?? new Date());
  yield* use.inspectTrust(trusted.files);
  for (const { path: place, content } of lists.files) yield* inspectLists(place, content, clock);
  if (listFiles.length === use.crl.length) yield* inspectCoverage([...path, 'crl'], trusted, lists);
}

/** A list that lasts a week is always near its end: days that are more than half of its lifetime say nothing. */
function failDaysOf(from: Date, to: Date | undefined, { failWithinDays = 0 }: Clock): number {
  if (to === undefined) return 0;
  const lifetimeDays = (to.getTime() - from.getTime()) / DAY_MS;
  return failWithinDays <= lifetimeDays / 2 ? failWithinDays : 0;
}

/** Where no CA has a list, loading fails. Where one of several has none, only its devices are shut out. */
function* inspectCoverage(
  path: ConfigurationPath,
  trusted: ReadFiles<CertificateFile>,
  lists: ReadFiles<readonly RevocationList[]>,
): Generator<Finding> {
  const bundles = trusted.files.map(({ content }) => content);
  const authorities = bundles.flatMap(({ certificates }) => certificates);
  const all = lists.files.flatMap(({ content }) => content);
  const uncovered = all.length === 0 ? [] : withoutList(bundles, all);
  if (uncovered.length === authorities.length) return;
  for (const { subject } of uncovered) {
    const message = escapeUnsafe(
      `names no list of the trusted CA ${oneLine(subject)}, so its certificates are refused; name it too`,
    );
    yield { path, message, severity: 'warning', kind: 'file' };
  }
}

interface ReadFiles<T> {
  readonly files: readonly { readonly path: ConfigurationPath; readonly content: T }[];
  /** Every file could be read. */
  readonly isComplete: boolean;
}

function* readEach<T>(
  path: ConfigurationPath,
  names: readonly string[],
  read: (file: string) => T,
): Generator<Finding, ReadFiles<T>> {
  const files: { path: ConfigurationPath; content: T }[] = [];
  for (const [index, name] of names.entries()) {
    const place = [...path, index];
    if (!existsSync(name)) {
      const message = `${escapeUnsafe(name)} does not exist; correct the path, or make the file (see "aegis pki --help")`;
      yield { path: place, message, kind: 'file' };
      continue;
    }
    const content = yield* attempt(place, () => read(name));
    if (content !== undefined) files.push({ path: place, content });
  }
  return { files, isComplete: files.length === names.length };
}

/** What an operator can fix is a finding; anything else is a defect and is thrown. */
function* attempt<T>(path: ConfigurationPath, action: () => T): Generator<Finding, T | undefined> {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    yield { path, message: escapeUnsafe(error.message), kind: 'file' };
    return undefined;
  }
}

interface CertificatesOfFile {
  readonly file: string;
  readonly certificates: readonly X509Certificate[];
}

function* inspectCertificates(
  path: ConfigurationPath,
  { file, certificates }: CertificatesOfFile,
  advice: string,
  clock: Clock,
): Generator<Finding> {
  for (const certificate of certificates) {
    const subject = oneLine(certificate.subject) || 'no subject';
    const failWithinDays = clock.failWithinDays ?? 0;
    yield* inspectDates(path, {
      what: `${file} (${subject})`,
      from: new Date(certificate.validFrom),
      to: new Date(certificate.validTo),
      advice,
      warnWithinDays: Math.max(WARN_CERTIFICATE_DAYS, failWithinDays),
      failWithinDays,
      now: clock.now,
    });
  }
}

/** One CA of a bundle that is out of date shuts out its own modalities only: a warning. */
function* inspectAuthorities(
  path: ConfigurationPath,
  file: CertificatesOfFile,
  clock: Clock,
): Generator<Finding> {
  const advice = 'certificates of this CA are refused then; add the new one of the CA';
  for (const finding of inspectCertificates(path, file, advice, clock)) {
    yield file.certificates.length > 1 ? { ...finding, severity: 'warning' } : finding;
  }
}

function* inspectLists(
  path: ConfigurationPath,
  lists: readonly RevocationList[],
  clock: Clock,
): Generator<Finding> {
  for (const list of lists) {
    const { file, thisUpdate, nextUpdate } = list;
    const scope = scopeWarning(list);
    if (scope !== undefined) {
      yield { path, message: escapeUnsafe(scope), severity: 'warning', kind: 'file' };
    }
    const failWithinDays = failDaysOf(thisUpdate, nextUpdate, clock);
    yield* inspectDates(path, {
      what: file,
      from: thisUpdate,
      to: nextUpdate,
      advice:
        'a list that is out of date refuses everybody; get the new one from the CA, or run "aegis pki renew crl" for one of "aegis pki"',
      warnWithinDays: Math.max(WARN_CRL_DAYS, failWithinDays),
      failWithinDays,
      now: clock.now,
    });
  }
}

interface Dates {
  readonly what: string;
  /** Undefined where it is not known. */
  readonly from?: Date;
  readonly to: Date | undefined;
  /** What follows, and what to do. */
  readonly advice: string;
  readonly warnWithinDays: number;
  readonly failWithinDays: number;
  readonly now?: Date | undefined;
}

/** A finding where it has not begun, has ended, or ends soon. */
export function* inspectDates(path: ConfigurationPath, dates: Dates): Generator<Finding> {
  const { what, from, to, advice, warnWithinDays, failWithinDays, now = new Date() } = dates;
  const finding = (message: string, severity: Severity): Finding => ({
    path,
    message: escapeUnsafe(`${what} ${message}`),
    severity,
    kind: 'expiry',
  });
  if (from !== undefined && from > now) {
    yield finding(`is not valid before ${from.toISOString()}; check the clock of this machine`, 'error');
  }
  if (to === undefined) return;
  const days = (to.getTime() - now.getTime()) / DAY_MS;
  const date = formatDay(to);
  if (days <= 0) {
    yield finding(`expired ${countOf(Math.floor(-days), 'day')} ago, on ${date}; ${advice}`, 'error');
  } else if (days <= warnWithinDays) {
    const severity = days <= failWithinDays ? 'error' : 'warning';
    yield finding(`expires in ${daysLeft(Math.floor(days))}, on ${date}; ${advice}`, severity);
  }
}

/**
 * Looks into the files of TLS that a configuration names and collects everything that is wrong with them, each finding
 * at the key that names the file. How a file is read and what OpenSSL makes of it belongs to net/.
 */
import type { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { OperatorError } from '../errors';
import { loadClientTlsContext, loadTlsContext, withoutList } from '../net/tlsContext';
import type { ConfigurationPath, Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import { isMeantFor } from '../x509/certificate';
import { oneLine } from '../x509/names';
import {
  type CertificateFile,
  type RevocationList,
  readCertificates,
  readCrl,
  readPrivateKey,
} from '../x509/tlsFiles';
import type { Configuration, ListenerTlsConfiguration, ModalityConfiguration } from './schema';
import { type Clock, DAY_MS, inspectDates, WARN_CERTIFICATE_DAYS } from './validity';

/** Lists are renewed every few days; this is a long weekend. */
const WARN_CRL_DAYS = 3;

type AddressTls = NonNullable<NonNullable<ModalityConfiguration['address']>['tls']>;

/**
 * Reads every certificate, private key and revocation list. Findings about dates are of the kind `expiry`, all
 * others of the kind `file`.
 */
export function inspectTlsFiles(configuration: Configuration, clock: Clock = {}): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { tls }] of configuration.listeners.entries()) {
    if (tls !== undefined) findings.push(...inspectListener(['listeners', index, 'tls'], tls, clock));
  }
  for (const [name, { address }] of Object.entries(configuration.modalities)) {
    if (address?.tls === undefined) continue;
    findings.push(...inspectAddress(['modalities', name, 'address', 'tls'], address.tls, clock));
  }
  return findings;
}

function* inspectListener(
  path: ConfigurationPath,
  tls: ListenerTlsConfiguration,
  clock: Clock,
): Generator<Finding> {
  const certificates = yield* readEach([...path, 'certificate'], tls.certificate, readCertificates);
  const keys = yield* readEach([...path, 'privateKey'], tls.privateKey, readPrivateKey);
  const trusted = yield* readEach(
    [...path, 'trustedCertificates'],
    tls.trustedCertificates ?? [],
    readCertificates,
  );
  const lists = yield* readEach([...path, 'crl'], tls.crl ?? [], readCrl);
  const isReadable = [certificates, keys, trusted, lists].every((files) => files.isComplete);
  const isTrusting = tls.clientCertificate === 'none' || (tls.trustedCertificates ?? []).length > 0;
  if (isReadable && isTrusting && tls.certificate.length === tls.privateKey.length) {
    yield* attempt(path, () => loadTlsContext(tls));
  }
  for (const { path: place, content } of certificates.files) {
    if (!isMeantFor(content.certificates[0], 'serverAuth')) {
      yield {
        path: place,
        kind: 'file',
        message: `${content.file} is not meant for servers (its extended key usage lacks serverAuth), so modalities would refuse it; issue one with "aegis pki server"`,
      };
    }
    yield* inspectCertificates(place, content, ISSUE_ANEW, clock);
  }
  for (const { path: place, content } of trusted.files) {
    yield* inspectAuthorities(place, content, clock);
  }
  for (const { path: place, content } of lists.files) yield* inspectLists(place, content, clock);
  yield* inspectCoverage([...path, 'crl'], trusted, lists);
}

/** A list that lasts a week is always near its end: days that are more than half of its lifetime say nothing. */
function failDaysOf(from: Date, to: Date | undefined, { failWithinDays = 0 }: Clock): number {
  if (to === undefined) return 0;
  const lifetimeDays = (to.getTime() - from.getTime()) / DAY_MS;
  return failWithinDays <= lifetimeDays / 2 ? failWithinDays : 0;
}

/** What to do about a certificate of our own that ends. */
const ISSUE_ANEW = 'issue a new one, for one of our own CA with "aegis pki renew server"';
const ISSUE_CLIENT_ANEW = 'issue a new one, for one of our own CA with "aegis pki renew NAME"';

function* inspectAddress(path: ConfigurationPath, tls: AddressTls, clock: Clock): Generator<Finding> {
  const own = tls.certificate === undefined ? [] : [tls.certificate];
  const ownKey = tls.privateKey === undefined ? [] : [tls.privateKey];
  const certificates = yield* readEach([...path, 'certificate'], own, readCertificates);
  const keys = yield* readEach([...path, 'privateKey'], ownKey, readPrivateKey);
  const trusted = yield* readEach(
    [...path, 'trustedCertificates'],
    tls.trustedCertificates,
    readCertificates,
  );
  const lists = yield* readEach([...path, 'crl'], tls.crl ?? [], readCrl);
  const isReadable = [certificates, keys, trusted, lists].every((files) => files.isComplete);
  if (isReadable && own.length === ownKey.length) yield* attempt(path, () => loadClientTlsContext(tls));
  for (const { path: place, content } of certificates.files) {
    if (!isMeantFor(content.certificates[0], 'clientAuth')) {
      yield {
        path: place,
        kind: 'file',
        message: `${content.file} is not meant for clients (its extended key usage lacks clientAuth), so the modality would refuse it; issue one with "aegis pki client NAME"`,
      };
    }
    yield* inspectCertificates(place, content, ISSUE_CLIENT_ANEW, clock);
  }
  for (const { path: place, content } of trusted.files) {
    yield* inspectAuthorities(place, content, clock);
  }
  for (const { path: place, content } of lists.files) yield* inspectLists(place, content, clock);
  yield* inspectCoverage([...path, 'crl'], trusted, lists);
}

/** That no CA at all has a list is an error of loading; that one of several has none shuts out its devices only. */
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

/** What an operator can mend is a finding; anything else is a defect and is thrown. */
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
    const subject = oneLine(certificate.subject, 'no subject');
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
  for (const { file, thisUpdate, nextUpdate } of lists) {
    const failWithinDays = failDaysOf(thisUpdate, nextUpdate, clock);
    yield* inspectDates(path, {
      what: file,
      from: thisUpdate,
      to: nextUpdate,
      advice:
        'a list out of date refuses everybody; fetch the new one from the CA, for our own with "aegis pki renew crl"',
      warnWithinDays: Math.max(WARN_CRL_DAYS, failWithinDays),
      failWithinDays,
      now: clock.now,
    });
  }
}

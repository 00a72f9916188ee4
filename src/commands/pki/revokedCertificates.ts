/**
 * Finds revoked certificates that an entry of the allowlist is to accept: its device would be refused, and the entry would
 * not show why. Knows what the CA of a folder has recorded, and the lists of the listeners.
 */
import type { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import { authorityFiles } from '../../pki/folder';
import { acceptedOf, type IssuedEntry, type IssuedLog, readIssuedLog } from '../../pki/issuedLog';
import { parseClientName } from '../../pki/subjectNames';
import { formatDay } from '../../text/moments';
import { type Finding, formatPath } from '../../text/problems';
import { quoteValue } from '../../text/quote';
import { decodeCertificate } from '../../x509/certificate';
import { canonicalPin, certificateFingerprint } from '../../x509/fingerprints';
import { isRevoked } from '../../x509/revocationList';
import { listFilesOf, readLists } from '../../x509/revocationSources';
import { readCertificates } from '../../x509/tlsFiles';
import { folderOption } from './reportText';

/**
 * Entries that name a revoked certificate by its fingerprint or that of its key, as far as the records of our CAs lie
 * beside the certificates that the listeners trust.
 */
export async function findRevokedPins({ listeners, modalities }: Configuration): Promise<Finding[]> {
  const folders = new Set(listeners.flatMap(({ tls }) => (tls?.trustedCertificates ?? []).map(dirname)));
  const revokedByPin = new Map<string, string>();
  for (const folder of folders) {
    const log = await readRecord(folder);
    if (log === undefined) continue;
    const accepted = new Set(acceptedOf(log).flatMap(pinsOf));
    for (const entry of log.issued) {
      const revocation = log.revokedBySerialNumber.get(entry.serialNumber);
      if (revocation === undefined) continue;
      const words = `certificate ${entry.serialNumber} of ${quoteValue(entry.name)}, which was revoked on ${formatDay(revocation.time)}: ${makeAnother(folder, entry.name)}`;
      for (const pin of pinsOf(entry)) if (!accepted.has(pin)) revokedByPin.set(pin, words);
    }
  }
  return Object.entries(modalities).flatMap(([name, { certificate = [] }]) =>
    certificate.flatMap((pin, index): Finding[] => {
      const words = revokedByPin.get(canonicalPin(pin));
      if (words === undefined) return [];
      const path = ['modalities', name, 'certificate', index];
      return [{ path, message: `names ${words}`, severity: 'warning', kind: 'file' }];
    }),
  );
}

/** What `aegis check` would say of this entry, and what it cannot know: certificates of other CAs that were given as files. */
export async function revocationWarnings(
  name: string,
  configuration: Configuration,
  certificates: readonly string[],
): Promise<string[]> {
  const entry = configuration.modalities[name];
  const modalities = entry === undefined ? {} : { [name]: entry };
  const pins = await findRevokedPins({ ...configuration, modalities });
  // Of our own CA, the list says the same.
  if (pins.length === 0) return findListedFiles(certificates, configuration);
  const path = formatPath(['modalities', name, 'certificate']);
  return pins.map(({ message }) => `${path} ${message}`);
}

/** By the lists of the listeners. Texts that do not name a file are passed over. */
function findListedFiles(files: readonly string[], { listeners }: Configuration): string[] {
  const lists = listeners.flatMap(({ name, tls }) =>
    (readable(() => listFilesOf(tls ?? {})) ?? []).flatMap((file) =>
      (readable(() => readLists(file)) ?? []).map((crl) => ({ name, crl })),
    ),
  );
  return files.flatMap((file) => {
    const certificate = readable(() => readCertificates(file).certificates[0]);
    if (certificate === undefined) return [];
    const { encoded } = decodeCertificate(certificate.raw).issuer;
    const list = lists.find(
      ({ crl }) => crl.issuer.encoded.equals(encoded) && isRevoked(crl, certificate.serialNumber),
    );
    if (list === undefined) return [];
    return [
      `${file} is revoked by ${list.crl.file}, so the listener ${quoteValue(list.name)} refuses the device; have its CA issue another`,
    ];
  });
}

/** Throws OperatorError where the folder of the CA has a certificate of that name, with what to do about it. */
export async function refuseIssued(folder: string, name: string): Promise<void> {
  const file = join(folder, `${parseClientName(name)}.crt`);
  if (!existsSync(file)) return;
  const certificate = readable(() => readCertificates(file).certificates[0]);
  const isRevoked = certificate !== undefined && isRevokedIn(await readRecord(folder), certificate);
  throw new OperatorError(
    isRevoked
      ? `${file} is revoked; ${makeAnother(folder, name)}, and accept it with --certificate ${file}`
      : `${file} exists: it was issued before; accept it with --certificate ${file}, or choose another name`,
    ExitCode.Failed,
  );
}

function isRevokedIn(log: IssuedLog | undefined, certificate: X509Certificate): boolean {
  const issued = log?.issued.find(({ fingerprint }) => fingerprint === certificateFingerprint(certificate));
  return issued !== undefined && log!.revokedBySerialNumber.has(issued.serialNumber);
}

function makeAnother(folder: string, name: string): string {
  return `make another with "aegis pki client${folderOption(folder)} ${name} --force"`;
}

/** Undefined where there is none, or one that cannot be read: "aegis pki list" reports why. */
async function readRecord(folder: string): Promise<IssuedLog | undefined> {
  const { issuedLog } = authorityFiles(folder);
  if (!existsSync(issuedLog)) return undefined;
  try {
    return await readIssuedLog(issuedLog);
  } catch (error) {
    if (error instanceof OperatorError) return undefined;
    throw error;
  }
}

/** Undefined where a file cannot be read: `aegis check` reports that. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof OperatorError) return undefined;
    throw error;
  }
}

function pinsOf({ fingerprint, spkiFingerprint }: IssuedEntry): string[] {
  return [fingerprint, ...(spkiFingerprint === undefined ? [] : [spkiFingerprint])].map(canonicalPin);
}

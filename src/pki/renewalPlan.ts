/**
 * Finds what a renewal will renew, and refuses what must not be: certificates that are not ours or revoked, keys that
 * are not theirs. Issues nothing.
 */
import { createPublicKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { existingOf } from '../files/write';
import { quoteValue } from '../text/quote';
import { authorityFiles, readAuthorityCertificate } from './folder';
import { serverTargets } from './folderCertificates';
import { type KeyFile, readKeyFile } from './folderKey';
import { hasLegacyPkcs12 } from './folderPkcs12';
import { pemPaths } from './folderRecord';
import { type IssuedEntry, type IssuedLog, readIssuedLog } from './issuedLog';
import { revokedKeyOf } from './revokedKeys';

/** A certificate of the folder with what is needed to issue it anew. */
export interface Renewable {
  readonly fileName: string;
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  readonly entry: IssuedEntry;
  readonly keyFile: KeyFile;
}

/** Found before anything is issued, so that passwords are asked for only where they are needed. */
export interface RenewalPlan {
  readonly name: string;
  readonly kind: IssuedEntry['kind'];
  readonly isKeyNew: boolean;
  readonly certificates: readonly Renewable[];
  /** The .p12 file is written anew: its password is needed. */
  readonly hasPkcs12: boolean;
  /** The .p12 file that is there is one for old devices. */
  readonly isLegacyPkcs12: boolean;
}

/** Throws OperatorError where there is nothing of this name, or where it must not be renewed. */
export async function planRenewal(directory: string, name: string, isKeyNew: boolean): Promise<RenewalPlan> {
  const fileNames = name === 'server' ? serverTargets.map(({ fileName }) => fileName) : [name];
  const authority = parseCertificate(
    authorityFiles(directory).certificate,
    await readAuthorityCertificate(directory),
  );
  const log = await readIssuedLog(authorityFiles(directory).issuedLog);
  // Known names only: what is no name cannot become a path either.
  const isKnown = log.issued.some((entry) => entry.name === name);
  const present = isKnown ? await existingOf(fileNames.map((file) => join(directory, `${file}.crt`))) : [];
  if (present.length === 0) {
    throw new OperatorError(
      `there is no certificate of ${quoteValue(name)} in ${directory}; see aegis pki list`,
      ExitCode.Failed,
    );
  }
  const certificates = await Promise.all(
    fileNames
      .filter((fileName) => present.includes(pemPaths(directory, fileName)[0]))
      .map((fileName) => readRenewable(directory, authority, log, { name, fileName, isKeyNew })),
  );
  const [first] = certificates;
  const { kind } = first!.entry;
  return {
    name,
    kind,
    isKeyNew,
    certificates,
    // node-forge writes PKCS#12 with RSA keys only.
    hasPkcs12:
      kind === 'client' &&
      typeof first!.keyFile === 'object' &&
      first!.certificate.publicKey.asymmetricKeyType === 'rsa',
    isLegacyPkcs12: await hasLegacyPkcs12(directory, name),
  };
}

/** Reads one certificate with its key; throws OperatorError where it must not be renewed. */
async function readRenewable(
  directory: string,
  authority: X509Certificate,
  log: IssuedLog,
  {
    name,
    fileName,
    isKeyNew,
  }: { readonly name: string; readonly fileName: string; readonly isKeyNew: boolean },
): Promise<Renewable> {
  const [certificateFile, privateKeyFile] = pemPaths(directory, fileName);
  const certificatePem = readText(certificateFile, { missing: 'see aegis pki list' });
  const certificate = parseCertificate(certificateFile, certificatePem);
  const entry = log.issued.find(
    (issued) => issued.name === name && issued.serialNumber === certificate.serialNumber,
  );
  if (entry === undefined || !certificate.verify(authority.publicKey)) {
    throw new OperatorError(
      `${certificateFile} was not issued for ${quoteValue(name)} by this CA; see aegis pki list`,
      ExitCode.Failed,
    );
  }
  const isRevoked =
    log.revokedBySerialNumber.has(entry.serialNumber) ||
    (!isKeyNew && revokedKeyOf(log, certificate.publicKey) !== undefined);
  if (isRevoked) {
    throw new OperatorError(
      `${certificateFile} is revoked, or its key is; issue one for another key: ${issueAgain(entry)}`,
      ExitCode.Failed,
    );
  }
  const keyFile = await readKeyFile(privateKeyFile);
  refuseKeyFile(privateKeyFile, keyFile, certificate, isKeyNew, entry);
  return { fileName, certificate, certificatePem, entry, keyFile };
}

const issueAgain = ({ name }: IssuedEntry): string =>
  name === 'server'
    ? 'aegis pki server --force'
    : `aegis pki client ${name} --force, or aegis pki sign for a new request of the device`;

function parseCertificate(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new OperatorError(`${file} holds no certificate; restore it from a backup`, ExitCode.Failed);
  }
}

function refuseKeyFile(
  file: string,
  keyFile: KeyFile,
  certificate: X509Certificate,
  isKeyNew: boolean,
  entry: IssuedEntry,
): void {
  if (typeof keyFile === 'object') {
    if (createPublicKey(keyFile.key).equals(certificate.publicKey)) return;
    throw new OperatorError(
      `${file} does not belong to the certificate beside it; restore the pair from a backup`,
      ExitCode.Failed,
    );
  }
  if (isKeyNew) {
    throw new OperatorError(
      `--new-key: ${file} is ${keyFile === 'missing' ? 'not here' : 'encrypted'}, so the device has made its key itself, or keeps it; ${issueAgain(entry)}`,
      ExitCode.Failed,
    );
  }
}

/**
 * Renews certificates in the folder of a CA: the same name, names and purpose with a new serial number and new dates,
 * for the same key or for another of its kind. First finds what will be renewed, and refuses what must not be. What was
 * there is kept, under its serial number.
 */
import { createPublicKey, type X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { existingOf, type FileToWrite, PUBLIC_MODE, SECRET_MODE } from '../files/write';
import { quoteValue } from '../text/quote';
import { decodeCertificate } from '../x509/certificate';
import { certificateFingerprint } from '../x509/fingerprints';
import { commonNamesOf } from '../x509/names';
import type { CertificateAuthority } from './authority';
import {
  authorityFiles,
  formerPaths,
  type KeyFile,
  makeFormerFolder,
  parseCertificate,
  pemPaths,
  readAuthorityCertificate,
  readKeyFile,
} from './folder';
import {
  hasLegacyPkcs12,
  type Pkcs12Choice,
  pkcs12Files,
  recordAndWrite,
  removeStalePassword,
  SERVER_TARGETS,
  type WrittenCertificates,
  type WrittenPkcs12,
} from './folderCertificates';
import { type IssuedEntry, type IssuedLog, readIssuedLog, revokedKeyOf } from './issuedLog';
import {
  type CertifiedKey,
  type CertifyOptions,
  certify,
  type IssuedCertificate,
  withNewKey,
} from './leafCertificates';

/** A certificate of the folder with what is needed to issue it again. */
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
  /** The .p12 file is written again: its password is needed. */
  readonly hasPkcs12: boolean;
  /** The .p12 file that is there is one for old devices. */
  readonly isLegacyPkcs12: boolean;
}

/** Throws OperatorError where there is nothing of this name, or where it must not be renewed. */
export async function planRenewal(directory: string, name: string, isKeyNew: boolean): Promise<RenewalPlan> {
  const fileNames = name === 'server' ? SERVER_TARGETS.map(({ fileName }) => fileName) : [name];
  const authority = await readAuthorityCertificate(directory);
  const log = await readIssuedLog(authorityFiles(directory).issuedLog);
  // Known names only, so that nothing else becomes a path.
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
      `${certificateFile} is revoked, or its key is; issue one for another key: ${howToIssueAnother(entry)}`,
      ExitCode.Failed,
    );
  }
  const keyFile = await readKeyFile(privateKeyFile);
  refuseKeyFile(privateKeyFile, keyFile, certificate, isKeyNew, entry);
  return { fileName, certificate, certificatePem, entry, keyFile };
}

function howToIssueAnother({ name }: IssuedEntry): string {
  return name === 'server'
    ? 'aegis pki server --force'
    : `aegis pki client ${name} --force, or aegis pki sign for a new request of the device`;
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
      `--new-key: ${file} is ${keyFile === 'missing' ? 'not here' : 'encrypted'}, so the device made its key itself, or keeps it; ${howToIssueAnother(entry)}`,
      ExitCode.Failed,
    );
  }
}

export interface RenewedCertificates
  extends Omit<WrittenCertificates, 'replacedFiles'>,
    Partial<WrittenPkcs12> {
  /** Copies of what the new files replaced. */
  readonly keptFiles: readonly string[];
  /** `sha256:…` of the certificates that were renewed. */
  readonly formerFingerprints: readonly string[];
  readonly isKeyNew: boolean;
}

export interface RenewalOptions {
  readonly notAfter?: Date | undefined;
  /** Needed where the plan says so. */
  readonly pkcs12?: Pkcs12Choice | undefined;
}

/** Issues as planned and writes everything at once. */
export async function renewAsPlanned(
  directory: string,
  authority: CertificateAuthority,
  plan: RenewalPlan,
  options: RenewalOptions,
): Promise<RenewedCertificates> {
  const { name, kind, isKeyNew } = plan;
  const kept = plan.certificates.flatMap((renewable) => copiesOf(directory, renewable, isKeyNew));
  const issued = await Promise.all(
    plan.certificates.map(async (renewable) => ({
      fileName: renewable.fileName,
      hasKeyFile: renewable.keyFile !== 'missing',
      certificate: await issueAgain(authority, renewable, isKeyNew, options.notAfter),
    })),
  );
  const { certificate } = issued[0]!;
  const privateKeyPem = privateKeyPemOf(certificate, plan.certificates[0]!.keyFile);
  const pkcs12 =
    options.pkcs12 === undefined || privateKeyPem === undefined
      ? undefined
      : pkcs12Files(directory, name, options.pkcs12, {
          privateKeyPem,
          certificatePem: certificate.certificatePem,
          authorityCertificatePem: authority.certificatePem,
        });
  const files = [...kept, ...(pkcs12?.files ?? [])];
  await makeFormerFolder(directory);
  const written = await recordAndWrite(directory, { name, kind }, issued, files);
  if (options.pkcs12 !== undefined) await removeStalePassword(directory, name, options.pkcs12);
  return {
    ...written,
    ...pkcs12?.written,
    keptFiles: kept.map(({ path }) => path),
    formerFingerprints: plan.certificates.map(({ certificate: former }) => certificateFingerprint(former)),
    isKeyNew,
  };
}

/** The new key, else the one that is there; undefined where the device keeps it. */
function privateKeyPemOf(
  certificate: CertifiedKey | IssuedCertificate,
  keyFile: KeyFile,
): string | undefined {
  if ('privateKeyPem' in certificate) return certificate.privateKeyPem;
  return typeof keyFile === 'object' ? keyFile.pem : undefined;
}

function copiesOf(directory: string, renewable: Renewable, isKeyNew: boolean): FileToWrite[] {
  const { fileName, certificate, certificatePem, keyFile } = renewable;
  const [certificateCopy, keyCopy] = formerPaths(directory, fileName, certificate.serialNumber);
  const copies: FileToWrite[] = [{ path: certificateCopy, content: certificatePem, mode: PUBLIC_MODE }];
  // A device goes on with the old key until it gets the new one.
  if (isKeyNew && typeof keyFile === 'object') {
    copies.push({ path: keyCopy, content: keyFile.pem, mode: SECRET_MODE });
  }
  return copies;
}

function issueAgain(
  authority: CertificateAuthority,
  { certificate, entry }: Renewable,
  isKeyNew: boolean,
  notAfter: Date | undefined,
) {
  const [commonName = entry.name] = commonNamesOf(decodeCertificate(certificate.raw).subject);
  const options: Omit<CertifyOptions, 'publicKey'> = {
    purpose: entry.kind,
    commonName,
    names: entry.names,
    notAfter,
  };
  const { publicKey } = certificate;
  if (!isKeyNew) return certify(authority, { ...options, publicKey });
  const keyType = publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa';
  return withNewKey(keyType, (newKey) => certify(authority, { ...options, publicKey: newKey }));
}

/**
 * The folder of a CA: which file holds what, and that nothing is overwritten unasked. Makes and opens the CA, and reads
 * keys. Issues nothing: folderCertificates.ts, folderRequests.ts, folderRenewal.ts and folderAuthority.ts do.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { fileError } from '../files/systemErrors';
import { existingOf, PUBLIC_MODE, SECRET_MODE, writeFiles } from '../files/write';
import type { KeyType } from '../x509/algorithms';
import { decodeCertificate } from '../x509/certificate';
import { certificateFingerprint, publicKeyFingerprint } from '../x509/fingerprints';
import { commonNamesOf } from '../x509/names';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  isEncryptedKey,
  issueAuthorityRevocationList,
  openCertificateAuthority,
} from './authority';

/** A certificate as the configuration and operators speak of it. */
export interface CertificateSummary {
  readonly commonName: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly keyType: KeyType;
  /** `sha256:…` of the certificate; another one after each renewal. */
  readonly fingerprint: string;
  /** `spki-sha256:…` of its public key. */
  readonly spkiFingerprint: string;
  readonly serialNumber: string;
  readonly notAfter: Date;
  readonly certificateFile: string;
  /** Absent where the key is not in the folder: a device made it and keeps it. */
  readonly privateKeyFile?: string;
}

export interface AuthorityFiles {
  readonly certificate: string;
  readonly privateKey: string;
  readonly revocationList: string;
  readonly issuedLog: string;
}

export function authorityFiles(directory: string): AuthorityFiles {
  return {
    certificate: join(directory, 'ca.crt'),
    privateKey: join(directory, 'ca.key'),
    revocationList: join(directory, 'ca.crl'),
    issuedLog: join(directory, 'issued.jsonl'),
  };
}

/** Certificate and private key of this name. */
export function pemPaths(directory: string, fileName: string): [string, string] {
  return [join(directory, `${fileName}.crt`), join(directory, `${fileName}.key`)];
}

export interface CreateFolderOptions {
  readonly commonName?: string | undefined;
  /** Encrypts ca.key (PKCS#8, AES-256). */
  readonly passphrase?: string | undefined;
  readonly force?: boolean | undefined;
}

export interface CreatedFolder {
  readonly authority: CertificateSummary;
  readonly revocationListFile: string;
  readonly isKeyEncrypted: boolean;
  /** Files that were there before; only with `force`. */
  readonly replacedFiles: readonly string[];
}

/** Makes a CA and its empty CRL, and the folder (0700) when there is none. */
export async function createFolder(directory: string, options: CreateFolderOptions): Promise<CreatedFolder> {
  const files = authorityFiles(directory);
  const replacedFiles = await refuseExistingAuthority(directory, options.force);
  const authority = await createCertificateAuthority(options);
  const encryption =
    options.passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: options.passphrase };
  const privateKeyPem = authority.privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption });
  const revocationList = issueAuthorityRevocationList(authority, []);
  await makeFolder(directory);
  await writeFiles([
    { path: files.privateKey, content: privateKeyPem, mode: SECRET_MODE },
    { path: files.issuedLog, content: '', mode: PUBLIC_MODE },
    { path: files.revocationList, content: revocationList, mode: PUBLIC_MODE },
    { path: files.certificate, content: authority.certificatePem, mode: PUBLIC_MODE },
  ]);
  return {
    authority: summarize(authority.certificate, [], {
      certificateFile: files.certificate,
      privateKeyFile: files.privateKey,
    }),
    revocationListFile: files.revocationList,
    isKeyEncrypted: options.passphrase !== undefined,
    replacedFiles,
  };
}

/** Keys lie in it: nobody else gets in. */
export async function makeFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw fileError('write', cause, directory);
  });
}

/** The files that a new CA will replace; throws OperatorError when there are any and `force` is not set. */
export function refuseExistingAuthority(directory: string, force: boolean | undefined): Promise<string[]> {
  return findReplaced(
    Object.values(authorityFiles(directory)),
    force,
    'a new CA makes every certificate of the old one worthless: choose another folder with --dir, or replace the CA with --force',
  );
}

function readAuthorityFile(directory: string, file: 'certificate' | 'privateKey'): string {
  return readText(authorityFiles(directory)[file], {
    missing: `make a CA with "aegis pki init --dir ${directory}", or name the folder of yours`,
  });
}

/** The certificate of the CA of a folder; needs no key. Throws OperatorError where there is none. */
export async function readAuthorityCertificate(directory: string): Promise<X509Certificate> {
  return parseCertificate(authorityFiles(directory).certificate, readAuthorityFile(directory, 'certificate'));
}

/** Takes the PEM of a file. Throws OperatorError where it is not a certificate. */
export function parseCertificate(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new OperatorError(`${file} holds no certificate; restore it from a backup`, ExitCode.Failed);
  }
}

/**
 * Opens the CA of a folder. `readPassphrase` is called only when its key is encrypted. Throws OperatorError when
 * there is no CA or it cannot be opened.
 */
export async function openFolder(
  directory: string,
  readPassphrase: () => Promise<string | undefined>,
): Promise<CertificateAuthority> {
  const certificatePem = readAuthorityFile(directory, 'certificate');
  const privateKeyPem = readAuthorityFile(directory, 'privateKey');
  const passphrase = isEncryptedKey(privateKeyPem) ? await readPassphrase() : undefined;
  return openCertificateAuthority(certificatePem, privateKeyPem, passphrase);
}

/** Those of `paths` that will be replaced; throws OperatorError when there are any and `force` is not set. */
export async function findReplaced(
  paths: readonly string[],
  force: boolean | undefined,
  whatToDo: string,
): Promise<string[]> {
  const existing = await existingOf(paths);
  if (existing.length > 0 && force !== true) {
    throw new OperatorError(
      `${existing.join(', ')} ${existing.length === 1 ? 'exists' : 'exist'}; ${whatToDo}`,
      ExitCode.Failed,
    );
  }
  return existing;
}

export function summarize(
  certificate: X509Certificate,
  names: readonly string[],
  files: Pick<CertificateSummary, 'certificateFile' | 'privateKeyFile'>,
): CertificateSummary {
  return {
    // A CA of somebody else may leave it out.
    commonName: commonNamesOf(decodeCertificate(certificate.raw).subject)[0] ?? names[0] ?? '',
    names,
    keyType: certificate.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa',
    fingerprint: certificateFingerprint(certificate),
    spkiFingerprint: publicKeyFingerprint(certificate.publicKey),
    serialNumber: certificate.serialNumber,
    notAfter: new Date(certificate.validTo),
    ...files,
  };
}

/** `encrypted`: Aegis never writes such a file, so it is the device's own. */
export type KeyFile = { readonly pem: string; readonly key: KeyObject } | 'encrypted' | 'missing';

/** Throws OperatorError where the file is not a private key. */
export async function readKeyFile(path: string): Promise<KeyFile> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw fileError('read', cause, path);
  }
  if (isEncryptedKey(pem)) return 'encrypted';
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    throw new OperatorError(`${path} holds no private key; move it away`, ExitCode.Failed);
  }
}

/** A folder of its own for what was renewed, so that `*.crt` in the folder of the CA is what is in use. */
function formerFolder(directory: string): string {
  return join(directory, 'former');
}

/** Certificate and key; the serial number makes them unique, so that none ever replaces another. */
export function formerPaths(directory: string, fileName: string, serialNumber: string): [string, string] {
  return pemPaths(formerFolder(directory), `${fileName}.${serialNumber}`);
}

/** Readable by its owner only, as the folder of the CA is. */
export async function makeFormerFolder(directory: string): Promise<void> {
  const folder = formerFolder(directory);
  // Not `recursive`: on a file system that is read-only, Node then says that the folder does not exist.
  await mkdir(folder, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw fileError('write', cause, folder);
  });
}

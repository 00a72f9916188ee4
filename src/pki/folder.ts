/**
 * The folder of a CA: which file holds what, and that nothing is overwritten unasked. Makes and opens the CA;
 * folderCertificates.ts and folderRevocation.ts work with it. Knows nothing of terminals.
 */
import type { X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { fileError } from '../files/systemErrors';
import { existingOf, PUBLIC_MODE, SECRET_MODE, writeFiles } from '../files/write';
import type { KeyType } from '../x509/algorithms';
import { certificateFingerprint, publicKeyFingerprint } from '../x509/fingerprints';
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
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw fileError('write', cause, directory);
  });
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

/** The files that a new CA will replace; throws OperatorError when there are any and `force` is not set. */
export const refuseExistingAuthority = (directory: string, force: boolean | undefined): Promise<string[]> =>
  findReplaced(
    Object.values(authorityFiles(directory)),
    force,
    'a new CA makes every certificate of the old one worthless: choose another folder with --dir, or replace the CA with --force',
  );

const howToGetAuthority = (directory: string): string =>
  `make a CA with "aegis pki init --dir ${directory}", or name the folder of yours with --dir`;

/** PEM of the CA of a folder. Throws OperatorError where there is none: nothing else of the folder is looked at. */
export const readAuthorityCertificate = async (directory: string): Promise<string> =>
  readText(authorityFiles(directory).certificate, { missing: howToGetAuthority(directory) });

/**
 * Takes up the CA of a folder. `readPassphrase` is asked only when its key is encrypted. Throws OperatorError when
 * there is no CA or it cannot be opened.
 */
export async function openFolder(
  directory: string,
  readPassphrase: () => Promise<string | undefined>,
): Promise<CertificateAuthority> {
  const certificatePem = await readAuthorityCertificate(directory);
  const privateKeyPem = readText(authorityFiles(directory).privateKey, {
    missing: howToGetAuthority(directory),
  });
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
    // The subject has this one attribute.
    commonName: certificate.subject.replace(/^CN=/, ''),
    names,
    keyType: certificate.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa',
    fingerprint: certificateFingerprint(certificate),
    spkiFingerprint: publicKeyFingerprint(certificate.publicKey),
    serialNumber: certificate.serialNumber,
    notAfter: new Date(certificate.validTo),
    ...files,
  };
}

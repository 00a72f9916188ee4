/**
 * Issues certificates with their keys into the folder of a CA: the files of the gateway and of each modality. Puts on
 * record what is issued, here and elsewhere. leafCertificates.ts decides what a certificate contains.
 */
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type FileToWrite, PUBLIC_MODE, SECRET_MODE, writeFiles } from '../files/write';
import type { KeyType } from '../x509/algorithms';
import { encodePkcs12, isLegacyPkcs12 } from '../x509/pkcs12';
import type { CertificateAuthority } from './authority';
import { authorityFiles, type CertificateSummary, findReplaced, pemPaths, summarize } from './folder';
import {
  acceptedCertificates,
  appendToIssuedLog,
  findNamesOfOthers,
  type IssuedEntry,
  type NameOfOther,
  readIssuedLog,
} from './issuedLog';
import {
  type CertifiedKey,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from './leafCertificates';
import { parseClientName } from './subjectNames';

export interface WrittenClientCertificate extends WrittenCertificates, WrittenPkcs12 {
  readonly namesOfOthers: readonly NameOfOther[];
}

interface CommonOptions {
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly notAfter?: Date | undefined;
  readonly force?: boolean | undefined;
}

/** RSA and ECDSA side by side: the listener offers both and each modality takes what it understands. */
export const SERVER_TARGETS: readonly { readonly keyType: KeyType; readonly fileName: string }[] = [
  { keyType: 'rsa', fileName: 'server' },
  { keyType: 'ecdsa', fileName: 'server-ecdsa' },
];

/** Issues server.crt (RSA) and server-ecdsa.crt for the same names. */
export async function writeServerCertificates(
  directory: string,
  authority: CertificateAuthority,
  options: CommonOptions,
): Promise<WrittenCertificates> {
  const replacedFiles = await findReplaced(
    SERVER_TARGETS.flatMap(({ fileName }) => pemPaths(directory, fileName)),
    options.force,
    'a listener may be using them: write to another folder with --dir, or replace them with --force',
  );
  const issued = await Promise.all(
    SERVER_TARGETS.map(async ({ keyType, fileName }) => ({
      fileName,
      certificate: await issueServerCertificate(authority, { ...options, keyType }),
    })),
  );
  const written = await recordAndWrite(directory, { name: 'server', kind: 'server' }, issued, []);
  return { ...written, replacedFiles };
}

export interface ClientFilesOptions extends CommonOptions {
  readonly name: string;
  readonly pkcs12: Pkcs12Choice;
}

/** Issues NAME.crt, NAME.key and NAME.p12 for one modality. */
export async function writeClientCertificate(
  directory: string,
  authority: CertificateAuthority,
  options: ClientFilesOptions,
): Promise<WrittenClientCertificate> {
  const { name, pkcs12: choice } = options;
  const replacedFiles = await findReplacedClientFiles(directory, name, options.force);
  const log = await readIssuedLog(authorityFiles(directory).issuedLog);
  const certificate = await issueClientCertificate(authority, options);
  const pkcs12 = pkcs12Files(directory, name, choice, {
    ...certificate,
    authorityCertificatePem: authority.certificatePem,
  });
  const issued = [{ fileName: name, certificate }];
  const written = await recordAndWrite(directory, { name, kind: 'client' }, issued, pkcs12.files);
  await removeStalePassword(directory, name, choice);
  const namesOfOthers = findNamesOfOthers(log, name, certificate.names);
  return { ...written, replacedFiles, ...pkcs12.written, namesOfOthers };
}

/** What `writeClientCertificate` would replace; throws OperatorError when it would refuse the name or the files. */
export async function findReplacedClientFiles(
  directory: string,
  name: string,
  force: boolean | undefined,
): Promise<string[]> {
  const fileName = parseClientName(name);
  return findReplaced(
    [...pemPaths(directory, fileName), ...Object.values(pkcs12Paths(directory, fileName))],
    force,
    'a modality may be using them: choose another name, or replace them with --force',
  );
}

export interface WrittenCertificates {
  readonly certificates: readonly CertificateSummary[];
  /** Files that were there before; only with `force`. */
  readonly replacedFiles: readonly string[];
  /** Earlier certificates of the same name, which peers go on accepting until they are revoked. */
  readonly stillAccepted: readonly IssuedEntry[];
}

/** A certificate and the name of its files, without `.crt` and `.key`. */
export interface NamedCertificate {
  readonly fileName: string;
  /** With a private key where one was made for it; then that is written, too. */
  readonly certificate: CertifiedKey | IssuedCertificate;
  /** The key was in the folder before. */
  readonly hasKeyFile?: boolean;
}

export async function recordAndWrite(
  directory: string,
  { name, kind }: Pick<IssuedEntry, 'name' | 'kind'>,
  issued: readonly NamedCertificate[],
  furtherFiles: readonly FileToWrite[],
): Promise<Omit<WrittenCertificates, 'replacedFiles'>> {
  const { issuedLog } = authorityFiles(directory);
  const log = await readIssuedLog(issuedLog);
  const certificates: CertificateSummary[] = [];
  const files: FileToWrite[] = [];
  for (const { fileName, certificate, hasKeyFile } of issued) {
    const [certificateFile, privateKeyFile] = pemPaths(directory, fileName);
    const isKeyNew = 'privateKeyPem' in certificate;
    if (isKeyNew) files.push({ path: privateKeyFile, content: certificate.privateKeyPem, mode: SECRET_MODE });
    files.push({ path: certificateFile, content: certificate.certificatePem, mode: PUBLIC_MODE });
    certificates.push(
      summarize(certificate.certificate, certificate.names, {
        certificateFile,
        ...(isKeyNew || hasKeyFile === true ? { privateKeyFile } : {}),
      }),
    );
  }
  const time = new Date().toISOString();
  const record = certificates.map(
    (summary): IssuedEntry => ({
      event: 'issued',
      time,
      name,
      kind,
      file: basename(summary.certificateFile),
      names: [...summary.names],
      serialNumber: summary.serialNumber,
      fingerprint: summary.fingerprint,
      spkiFingerprint: summary.spkiFingerprint,
      notAfter: summary.notAfter.toISOString(),
    }),
  );
  // Recorded before a certificate gets its name: one that is not on record could never be revoked. But after everything
  // was written beside its place, so that a full disk puts nothing on record that does not exist. What a crash leaves in
  // between is no more open than ca.key in the same folder. A record whose files could not be moved can be revoked.
  await writeFiles([...files, ...furtherFiles], () => appendToIssuedLog(issuedLog, record));
  return { certificates, stillAccepted: acceptedCertificates(log, name) };
}

export interface Pkcs12Choice {
  readonly password: string;
  /** The password is then kept beside the .p12 file, since nobody has seen it. */
  readonly isPasswordGenerated: boolean;
  /** Triple DES instead of AES-256. */
  readonly isLegacy: boolean;
}

export interface WrittenPkcs12 {
  readonly pkcs12File: string;
  /** Only where the password was generated. */
  readonly pkcs12PasswordFile?: string;
}

export function pkcs12Paths(directory: string, fileName: string) {
  return {
    pkcs12File: join(directory, `${fileName}.p12`),
    pkcs12PasswordFile: join(directory, `${fileName}.p12.password`),
  };
}

/** What is to be written for this choice, in memory. */
export function pkcs12Files(
  directory: string,
  name: string,
  choice: Pkcs12Choice,
  pem: {
    readonly privateKeyPem: string;
    readonly certificatePem: string;
    readonly authorityCertificatePem: string;
  },
): { readonly files: readonly FileToWrite[]; readonly written: WrittenPkcs12 } {
  const { pkcs12File, pkcs12PasswordFile } = pkcs12Paths(directory, name);
  const content = encodePkcs12({ ...pem, ...choice, friendlyName: name });
  const pkcs12 = { path: pkcs12File, content, mode: SECRET_MODE } as const;
  if (!choice.isPasswordGenerated) return { files: [pkcs12], written: { pkcs12File } };
  const password = { path: pkcs12PasswordFile, content: `${choice.password}\n`, mode: SECRET_MODE } as const;
  return { files: [pkcs12, password], written: { pkcs12File, pkcs12PasswordFile } };
}

/** The generated password of a .p12 file that was replaced would only mislead. */
export async function removeStalePassword(
  directory: string,
  name: string,
  { isPasswordGenerated }: Pkcs12Choice,
): Promise<void> {
  if (!isPasswordGenerated) await rm(pkcs12Paths(directory, name).pkcs12PasswordFile, { force: true });
}

/** Whether the .p12 file that is there is one for old devices; false where there is none. */
export async function hasLegacyPkcs12(directory: string, name: string): Promise<boolean> {
  const content = await readFile(pkcs12Paths(directory, name).pkcs12File).catch(() => undefined);
  return content !== undefined && isLegacyPkcs12(content);
}

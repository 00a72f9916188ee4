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
  const { certificate, certificates, ...prepared } = await prepareClient(directory, authority, options);
  await recordAndMove(directory, [prepared]);
  await removeStalePassword(directory, name, choice);
  return {
    certificates,
    stillAccepted: acceptedCertificates(log, name),
    replacedFiles,
    pkcs12File: prepared.pkcs12File,
    ...(prepared.pkcs12PasswordFile === undefined ? {} : { pkcs12PasswordFile: prepared.pkcs12PasswordFile }),
    namesOfOthers: findNamesOfOthers(log, name, certificate.names),
  };
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

/** Certificates before they are written: their files, and what goes on record. */
export interface PreparedCertificates {
  readonly certificates: readonly CertificateSummary[];
  readonly files: readonly FileToWrite[];
  readonly record: readonly IssuedEntry[];
}

function prepare(
  directory: string,
  { name, kind }: Pick<IssuedEntry, 'name' | 'kind'>,
  issued: readonly NamedCertificate[],
): PreparedCertificates {
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
  return { certificates, files, record };
}

export async function recordAndWrite(
  directory: string,
  owner: Pick<IssuedEntry, 'name' | 'kind'>,
  issued: readonly NamedCertificate[],
  furtherFiles: readonly FileToWrite[],
): Promise<Omit<WrittenCertificates, 'replacedFiles'>> {
  const log = await readIssuedLog(authorityFiles(directory).issuedLog);
  const prepared = prepare(directory, owner, issued);
  await recordAndMove(directory, [prepared], furtherFiles);
  return { certificates: prepared.certificates, stillAccepted: acceptedCertificates(log, owner.name) };
}

export interface MoveOptions {
  /** Once everything is written beside its place; where it throws, nothing is recorded or moved. */
  readonly beforeRecord?: () => Promise<void>;
  /** Once everything is on record, before anything is moved; where it throws, nothing is. */
  readonly beforeMoving?: () => Promise<void>;
  /** Aborted before the record, nothing is written. */
  readonly signal?: AbortSignal;
}

/**
 * Recorded before a certificate gets its name: one that is not on record could never be revoked. But after everything was
 * written beside its place, so that a full disk puts nothing on record that does not exist. What a crash leaves in between
 * is no more open than ca.key in the same folder. A record whose files could not be moved can be revoked.
 */
export async function recordAndMove(
  directory: string,
  prepared: readonly Pick<PreparedCertificates, 'files' | 'record'>[],
  furtherFiles: readonly FileToWrite[] = [],
  { beforeRecord, beforeMoving, signal }: MoveOptions = {},
): Promise<void> {
  const record = prepared.flatMap((one) => one.record);
  await writeFiles(
    [...prepared.flatMap(({ files }) => files), ...furtherFiles],
    async () => {
      await beforeRecord?.();
      await appendToIssuedLog(authorityFiles(directory).issuedLog, record);
      await beforeMoving?.();
    },
    signal,
  );
}

/** The certificate of a modality before it is written. */
export interface PreparedClient extends PreparedCertificates, WrittenPkcs12 {
  readonly certificate: IssuedCertificate;
}

/** Issues the certificate of one modality in memory, with its .p12 file. */
export async function prepareClient(
  directory: string,
  authority: CertificateAuthority,
  options: Omit<ClientFilesOptions, 'force'>,
): Promise<PreparedClient> {
  const { name } = options;
  const certificate = await issueClientCertificate(authority, options);
  const pkcs12 = pkcs12Files(directory, name, options.pkcs12, {
    ...certificate,
    authorityCertificatePem: authority.certificatePem,
  });
  const prepared = prepare(directory, { name, kind: 'client' }, [{ fileName: name, certificate }]);
  return { ...prepared, files: [...prepared.files, ...pkcs12.files], certificate, ...pkcs12.written };
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

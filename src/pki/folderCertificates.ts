/**
 * Issues certificates into the folder of a CA: the files of the gateway and of each modality, and their records.
 * What a certificate contains is decided in authority.ts.
 */
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type FileToWrite, publicMode, secretMode, writeFiles } from './atomicFiles';
import {
  type CertificateAuthority,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
  type KeyType,
} from './authority';
import { authorityFiles, type CertificateSummary, findReplaced, summarize } from './folder';
import { acceptedCertificates, appendToIssuedLog, type IssuedEntry, readIssuedLog } from './issuedLog';
import { encodePkcs12 } from './pkcs12';
import { parseClientName } from './subjectNames';

export interface WrittenCertificates {
  readonly certificates: readonly CertificateSummary[];
  /** Files that were there before; only with `force`. */
  readonly replacedFiles: readonly string[];
  /** Earlier certificates of the same name, which peers go on accepting until they are revoked. */
  readonly stillAccepted: readonly IssuedEntry[];
}

export interface WrittenClientCertificate extends WrittenCertificates {
  readonly pkcs12File: string;
  /** Only where the password was generated. */
  readonly pkcs12PasswordFile?: string;
}

interface CommonOptions {
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly notAfter?: Date | undefined;
  readonly force?: boolean | undefined;
}

/** RSA and ECDSA side by side: the listener offers both and each modality takes what it understands. */
const serverTargets: readonly { readonly keyType: KeyType; readonly fileName: string }[] = [
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
    serverTargets.flatMap(({ fileName }) => pemPaths(directory, fileName)),
    options.force,
    'a listener may be using them: write to another folder with --dir, or replace them with --force',
  );
  const issued = await Promise.all(
    serverTargets.map(async ({ keyType, fileName }) => ({
      fileName,
      certificate: await issueServerCertificate(authority, { ...options, keyType }),
    })),
  );
  const written = await recordAndWrite(directory, { name: 'server', kind: 'server' }, issued, []);
  return { ...written, replacedFiles };
}

export interface ClientOptions extends CommonOptions {
  readonly name: string;
  readonly pkcs12: {
    readonly password: string;
    /** The password is then kept beside the .p12 file, since nobody knows it. */
    readonly isPasswordGenerated: boolean;
    readonly isLegacy: boolean;
  };
}

/** Issues NAME.crt, NAME.key and NAME.p12 for one modality. */
export async function writeClientCertificate(
  directory: string,
  authority: CertificateAuthority,
  options: ClientOptions,
): Promise<WrittenClientCertificate> {
  const replacedFiles = await findReplacedClientFiles(directory, options.name, options.force);
  const certificate = await issueClientCertificate(authority, options);
  const { password, isPasswordGenerated } = options.pkcs12;
  const pkcs12 = encodePkcs12({
    ...certificate,
    ...options.pkcs12,
    authorityCertificatePem: authority.certificatePem,
    friendlyName: options.name,
  });
  const { pkcs12File, pkcs12PasswordFile } = pkcs12Paths(directory, options.name);
  const pkcs12Files: FileToWrite[] = [{ path: pkcs12File, content: pkcs12, mode: secretMode }];
  if (isPasswordGenerated) {
    pkcs12Files.push({ path: pkcs12PasswordFile, content: `${password}\n`, mode: secretMode });
  }
  const written = await recordAndWrite(
    directory,
    { name: options.name, kind: 'client' },
    [{ fileName: options.name, certificate }],
    pkcs12Files,
  );
  // The generated password of the .p12 file that was replaced would only mislead.
  if (!isPasswordGenerated) await rm(pkcs12PasswordFile, { force: true });
  return { ...written, replacedFiles, pkcs12File, ...(isPasswordGenerated ? { pkcs12PasswordFile } : {}) };
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

const pemPaths = (directory: string, fileName: string): [string, string] => [
  join(directory, `${fileName}.crt`),
  join(directory, `${fileName}.key`),
];

const pkcs12Paths = (directory: string, fileName: string) => ({
  pkcs12File: join(directory, `${fileName}.p12`),
  pkcs12PasswordFile: join(directory, `${fileName}.p12.password`),
});

async function recordAndWrite(
  directory: string,
  { name, kind }: Pick<IssuedEntry, 'name' | 'kind'>,
  issued: readonly { readonly fileName: string; readonly certificate: IssuedCertificate }[],
  furtherFiles: readonly FileToWrite[],
): Promise<Omit<WrittenCertificates, 'replacedFiles'>> {
  const { issuedLog } = authorityFiles(directory);
  const log = await readIssuedLog(issuedLog);
  const certificates: CertificateSummary[] = [];
  const files: FileToWrite[] = [];
  for (const { fileName, certificate } of issued) {
    const [certificateFile, privateKeyFile] = pemPaths(directory, fileName);
    certificates.push(summarize(certificate.certificate, certificate.names, certificateFile, privateKeyFile));
    files.push(
      { path: privateKeyFile, content: certificate.privateKeyPem, mode: secretMode },
      { path: certificateFile, content: certificate.certificatePem, mode: publicMode },
    );
  }
  const time = new Date().toISOString();
  // Recorded first: a certificate that is not on record could never be revoked.
  await appendToIssuedLog(
    issuedLog,
    certificates.map((summary) => ({
      event: 'issued',
      time,
      name,
      kind,
      file: basename(summary.certificateFile),
      names: [...summary.names],
      serialNumber: summary.serialNumber,
      fingerprint: summary.fingerprint,
      notAfter: summary.notAfter.toISOString(),
    })),
  );
  await writeFiles([...files, ...furtherFiles]);
  return { certificates, stillAccepted: acceptedCertificates(log, name) };
}

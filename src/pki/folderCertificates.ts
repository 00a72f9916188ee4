/**
 * Issues certificates with their keys into the folder of a CA: the files of the gateway and of each modality.
 * What a certificate contains is decided in leafCertificates.ts.
 */
import type { KeyType } from '../x509/algorithms';
import type { CertificateAuthority } from './authority';
import { authorityFiles, findReplaced } from './folder';
import {
  type Pkcs12Choice,
  pkcs12Files,
  pkcs12Paths,
  removeStalePassword,
  type WrittenPkcs12,
} from './folderPkcs12';
import { pemPaths, recordAndWrite, type WrittenCertificates } from './folderRecord';
import { readIssuedLog } from './issuedLog';
import { issueClientCertificate, issueServerCertificate } from './leafCertificates';
import { findNamesOfOthers, type NameOfOther } from './namesOfOthers';
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
export const serverTargets: readonly { readonly keyType: KeyType; readonly fileName: string }[] = [
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
  readonly pkcs12: Pkcs12Choice;
}

/** Issues NAME.crt, NAME.key and NAME.p12 for one modality. */
export async function writeClientCertificate(
  directory: string,
  authority: CertificateAuthority,
  options: ClientOptions,
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

/**
 * Puts certificates into the folder of a CA: on record, and all files of a command at once. Knows nothing of why they are
 * issued.
 */
import { basename, join } from 'node:path';
import { type FileToWrite, PUBLIC_MODE, SECRET_MODE, writeFiles } from '../files/write';
import { authorityFiles, type CertificateSummary, summarize } from './folder';
import { acceptedCertificates, appendToIssuedLog, type IssuedEntry, readIssuedLog } from './issuedLog';
import type { CertifiedKey, IssuedCertificate } from './leafCertificates';

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

export const pemPaths = (directory: string, fileName: string): [string, string] => [
  join(directory, `${fileName}.crt`),
  join(directory, `${fileName}.key`),
];

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
  // was written beside its place: a full disk puts nothing on record that nobody has. What a crash leaves in between is
  // no more open than ca.key in the same folder. A record whose files could not be moved does no harm: it can be revoked.
  await writeFiles([...files, ...furtherFiles], () => appendToIssuedLog(issuedLog, record));
  return { certificates, stillAccepted: acceptedCertificates(log, name) };
}

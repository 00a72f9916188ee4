/**
 * Renews the CA of a folder and its CRL. The key stays: another key would be another CA.
 */
import { ExitCode, OperatorError } from '../errors';
import { PUBLIC_MODE, writeFiles } from '../files/write';
import { type CertificateAuthority, renewCertificateAuthority } from './authority';
import { authorityFiles, type CertificateSummary, summarize } from './folder';
import { currentRevocationList } from './folderRevocation';
import { formerPaths, makeFormerFolder } from './formerFiles';

export interface RenewedAuthority {
  readonly authority: CertificateSummary;
  readonly revocationListFile: string;
  /** The copy of the certificate before it. */
  readonly keptFile: string;
  /** Until then, peers that have the former certificate go on accepting what the CA issued. */
  readonly formerNotAfter: Date;
}

/** Writes ca.crt for the same key, and ca.crl, which ends with it. */
export async function renewAuthority(
  directory: string,
  authority: CertificateAuthority,
  notAfter: Date | undefined,
): Promise<RenewedAuthority> {
  const { certificate } = authority;
  if (!certificate.checkIssued(certificate)) {
    throw new OperatorError(
      'the CA was issued by another CA: have that one renew it, and put the new certificate in place of ca.crt',
      ExitCode.Failed,
    );
  }
  const renewed = renewCertificateAuthority(authority, { notAfter });
  const files = authorityFiles(directory);
  const [keptFile] = formerPaths(directory, 'ca', certificate.serialNumber);
  await makeFormerFolder(directory);
  await writeFiles([
    { path: keptFile, content: authority.certificatePem, mode: PUBLIC_MODE },
    await currentRevocationList(directory, renewed),
    { path: files.certificate, content: renewed.certificatePem, mode: PUBLIC_MODE },
  ]);
  return {
    authority: summarize(renewed.certificate, [], {
      certificateFile: files.certificate,
      privateKeyFile: files.privateKey,
    }),
    revocationListFile: files.revocationList,
    keptFile,
    formerNotAfter: new Date(certificate.validTo),
  };
}

export interface RenewedRevocationList {
  readonly revocationListFile: string;
  readonly nextUpdate: Date;
}

/** Writes ca.crl anew with all that was revoked before. It ends with the CA. */
export async function renewRevocationList(
  directory: string,
  authority: CertificateAuthority,
): Promise<RenewedRevocationList> {
  const nextUpdate = new Date(authority.certificate.validTo);
  if (nextUpdate.getTime() <= Date.now()) {
    throw new OperatorError(
      'the CA has expired, and a list of it would end with it; renew both with aegis pki renew ca',
      ExitCode.Failed,
    );
  }
  await writeFiles([await currentRevocationList(directory, authority)]);
  return { revocationListFile: authorityFiles(directory).revocationList, nextUpdate };
}

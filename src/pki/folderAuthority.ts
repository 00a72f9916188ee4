/**
 * The CA of a folder and its CRL: revokes what it has issued, and renews both. The record in issued.jsonl comes first;
 * ca.crl is made from all of it. The key stays: another key would be another CA.
 */
import { ExitCode, OperatorError } from '../errors';
import { type FileToWrite, PUBLIC_MODE, writeFiles } from '../files/write';
import type { RevocationReason } from '../x509/revocationReasons';
import {
  type CertificateAuthority,
  issueAuthorityRevocationList,
  renewCertificateAuthority,
} from './authority';
import { authorityFiles, type CertificateSummary, formerPaths, makeFormerFolder, summarize } from './folder';
import { acceptedCertificates, appendToIssuedLog, type IssuedEntry, readIssuedLog } from './issuedLog';

export interface RevocationOptions {
  /** Name of a modality, or `server`. */
  readonly name: string;
  /** Only this certificate of that name; default: all that peers still accept. */
  readonly serialNumber?: string | undefined;
  readonly reason?: RevocationReason | undefined;
}

export interface RevocationResult {
  /** What this call revoked; empty when all of it was revoked or expired before. */
  readonly revoked: readonly IssuedEntry[];
  readonly revocationListFile: string;
}

/**
 * Revokes certificates and writes the CRL again, even when there is nothing left to revoke: a call that was cut short
 * between the two is completed by repeating it. Throws OperatorError when no such certificate was issued.
 */
export async function revokeCertificates(
  directory: string,
  authority: CertificateAuthority,
  { name, serialNumber, reason }: RevocationOptions,
): Promise<RevocationResult> {
  const { issuedLog, revocationList } = authorityFiles(directory);
  const isMeant = (entry: IssuedEntry) =>
    entry.name === name && (serialNumber === undefined || entry.serialNumber === serialNumber.toUpperCase());
  const before = await readIssuedLog(issuedLog);
  if (!before.issued.some(isMeant)) {
    throw new OperatorError(
      `no certificate ${serialNumber === undefined ? '' : `with serial number ${serialNumber} `}was issued for "${name}"; see aegis pki list`,
      ExitCode.Failed,
    );
  }
  const revoked = acceptedCertificates(before, name).filter(isMeant);
  const time = new Date().toISOString();
  await appendToIssuedLog(
    issuedLog,
    revoked.map((entry) => ({ event: 'revoked', time, serialNumber: entry.serialNumber, reason })),
  );
  await writeFiles([await currentRevocationList(directory, authority)]);
  return { revoked, revocationListFile: revocationList };
}

/** ca.crl of everything that was revoked so far, to be written. */
async function currentRevocationList(
  directory: string,
  authority: CertificateAuthority,
): Promise<FileToWrite> {
  const { issuedLog, revocationList } = authorityFiles(directory);
  const { revokedBySerialNumber } = await readIssuedLog(issuedLog);
  const entries = [...revokedBySerialNumber.values()].map((entry) => ({
    serialNumber: entry.serialNumber,
    revokedAt: new Date(entry.time),
    reason: entry.reason,
  }));
  return {
    path: revocationList,
    content: issueAuthorityRevocationList(authority, entries),
    mode: PUBLIC_MODE,
  };
}

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

/** Writes ca.crl again, with all that was revoked before. It ends with the CA. */
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

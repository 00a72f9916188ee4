/**
 * Revokes what the CA of a folder has issued. The record in issued.jsonl comes first, ca.crl is made from all of it.
 */
import { ExitCode, OperatorError } from '../errors';
import { type FileToWrite, PUBLIC_MODE, writeFiles } from '../files/write';
import type { RevocationReason } from '../x509/revocationReason';
import { type CertificateAuthority, issueAuthorityRevocationList } from './authority';
import { authorityFiles } from './folder';
import { acceptedCertificates, appendToIssuedLog, type IssuedEntry, readIssuedLog } from './issuedLog';

export interface RevocationOptions {
  /** Name of a modality, or `server`. */
  readonly name: string;
  /** Only this certificate of that name; default: all that peers still accept. */
  readonly serialNumber?: string | undefined;
  readonly reason?: RevocationReason | undefined;
}

export interface Revocation {
  /** What this call revoked; empty when all of it was revoked or expired before. */
  readonly revoked: readonly IssuedEntry[];
  readonly revocationListFile: string;
}

/**
 * Revokes certificates and writes the CRL anew, even when there is nothing left to revoke: a call that was cut short
 * between the two is completed by repeating it. Throws OperatorError when no such certificate was issued.
 */
export async function revokeCertificates(
  directory: string,
  authority: CertificateAuthority,
  { name, serialNumber, reason }: RevocationOptions,
): Promise<Revocation> {
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

/** ca.crl of everything that was revoked up to now, to be written. */
export async function currentRevocationList(
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

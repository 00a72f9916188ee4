/**
 * Revokes what the CA of a folder has issued, and tells what became of each certificate. The record in issued.jsonl
 * comes first, ca.crl is made from all of it.
 */
import { ExitCode, OperatorError } from '../errors';
import { publicMode, writeFiles } from './atomicFiles';
import { type CertificateAuthority, issueAuthorityRevocationList } from './authority';
import { authorityFiles } from './folder';
import { acceptedCertificates, appendToIssuedLog, type IssuedEntry, readIssuedLog } from './issuedLog';
import type { RevocationReason } from './revocationReason';

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
  // Read again, for what another command revoked in the meantime.
  const { revokedBySerialNumber } = await readIssuedLog(issuedLog);
  const entries = [...revokedBySerialNumber.values()].map((entry) => ({
    serialNumber: entry.serialNumber,
    revokedAt: new Date(entry.time),
    reason: entry.reason,
  }));
  // Number 1 was the empty list; revocations are never taken back, so their count only grows.
  const content = issueAuthorityRevocationList(authority, 1 + entries.length, entries);
  await writeFiles([{ path: revocationList, content, mode: publicMode }]);
  return { revoked, revocationListFile: revocationList };
}

export interface ListedCertificate extends IssuedEntry {
  readonly state: 'valid' | 'expired' | 'revoked';
  readonly revokedAt?: string;
}

/** Everything that the CA of this folder issued, in that order. */
export async function listCertificates(directory: string): Promise<ListedCertificate[]> {
  const { issued, revokedBySerialNumber } = await readIssuedLog(authorityFiles(directory).issuedLog);
  const now = new Date().toISOString();
  return issued.map((entry) => {
    const revocation = revokedBySerialNumber.get(entry.serialNumber);
    if (revocation !== undefined) return { ...entry, state: 'revoked', revokedAt: revocation.time };
    return { ...entry, state: entry.notAfter > now ? 'valid' : 'expired' };
  });
}

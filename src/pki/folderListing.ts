/**
 * Lists everything that the CA of a folder issued, its state and its end: certificates, the CA itself and its CRL. Needs
 * no key.
 */
import { basename } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { daysUntil } from '../text/moments';
import { certificateFingerprint } from '../x509/fingerprints';
import { pemContents } from '../x509/pem';
import { decodeRevocationList } from '../x509/revocationList';
import { authorityFiles, readAuthorityCertificate } from './folder';
import { readIssuedLog } from './issuedLog';

/** Long enough to order, sign and carry a certificate to a device that is serviced once a month. */
const EXPIRES_SOON_DAYS = 30;

export type ListedState = 'valid' | 'expires-soon' | 'expired' | 'revoked';

export interface ListedCertificate {
  /** Name that it was issued for; of the CA and its list `ca` and `crl`, as `renew` takes them. */
  readonly name: string;
  readonly kind: 'server' | 'client' | 'ca' | 'crl';
  readonly file: string;
  readonly names: readonly string[];
  readonly serialNumber?: string;
  /** `sha256:…` */
  readonly fingerprint?: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** Whole days, negative when it has ended. */
  readonly daysLeft: number;
  readonly state: ListedState;
  readonly revokedAt?: string;
  /** Whether a later one has taken its place in the file. */
  readonly isReplaced: boolean;
}

/** Everything, the first to end first. */
export async function listCertificates(directory: string): Promise<ListedCertificate[]> {
  const files = authorityFiles(directory);
  const { authority, nextUpdate } = await readOwnFiles(directory);
  const { issued, revokedBySerialNumber } = await readIssuedLog(files.issuedLog);
  const lastByFile = new Map(issued.map((entry) => [entry.file, entry.serialNumber]));
  const now = new Date();
  const certificates = issued.map((entry): ListedCertificate => {
    const { name, kind, file, names, serialNumber, fingerprint, notAfter } = entry;
    const revocation = revokedBySerialNumber.get(serialNumber);
    return {
      ...{ name, kind, file, names, serialNumber, fingerprint },
      ...ending(new Date(notAfter), now),
      ...(revocation === undefined ? {} : { state: 'revoked', revokedAt: revocation.time }),
      isReplaced: lastByFile.get(file) !== serialNumber,
    };
  });
  const own = { names: [], isReplaced: false } as const;
  return [
    ...certificates,
    {
      ...own,
      name: 'ca',
      kind: 'ca',
      file: basename(files.certificate),
      serialNumber: authority.serialNumber,
      fingerprint: certificateFingerprint(authority),
      ...ending(new Date(authority.validTo), now),
    } as const,
    {
      ...own,
      name: 'crl',
      kind: 'crl',
      file: basename(files.revocationList),
      ...ending(nextUpdate ?? new Date(authority.validTo), now),
    } as const,
  ].sort((one, other) => one.notAfter.localeCompare(other.notAfter));
}

/** Those in use: neither revoked nor replaced by a later one. */
export function inUse(certificates: readonly ListedCertificate[]): ListedCertificate[] {
  return certificates.filter(({ state, isReplaced }) => state !== 'revoked' && !isReplaced);
}

async function readOwnFiles(directory: string) {
  const { revocationList } = authorityFiles(directory);
  const authority = await readAuthorityCertificate(directory);
  const text = readText(revocationList, { missing: 'write it with "aegis pki renew crl"' });
  try {
    const [list] = pemContents(text, 'X509 CRL');
    return { authority, nextUpdate: decodeRevocationList(list!).nextUpdate };
  } catch {
    const problem = `${revocationList} is damaged; write it again with "aegis pki renew crl"`;
    throw new OperatorError(problem, ExitCode.Failed);
  }
}

function ending(end: Date, now: Date): Pick<ListedCertificate, 'notAfter' | 'daysLeft' | 'state'> {
  const daysLeft = daysUntil(end, now);
  const state = daysLeft < 0 ? 'expired' : daysLeft < EXPIRES_SOON_DAYS ? 'expires-soon' : 'valid';
  return { notAfter: end.toISOString(), daysLeft, state };
}

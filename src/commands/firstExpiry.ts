/**
 * What `aegis check` says of the certificate or revocation list that ends first. Whether that is a problem is not known
 * here.
 */
import { relative } from 'node:path';
import { usedClientTlsOf } from '../config/clientTls';
import type { Configuration } from '../config/schema';
import { daysUntil, formatDay } from '../text/moments';
import { countOf, escapeUnsafe } from '../text/quote';
import { validityOf } from '../x509/certificate';
import { describeSource, listFilesOf, readLists } from '../x509/revocationSources';
import { readCertificates } from '../x509/tlsFiles';

export interface Expiry {
  readonly file: string;
  readonly notAfter: Date;
}

/** Of the certificates and lists that the gateway reads; they were inspected before, so they can be read. */
export function firstExpiry(configuration: Configuration): Expiry | undefined {
  const settings = [...configuration.listeners, ...usedClientTlsOf(configuration)].flatMap(
    ({ tls }) => tls ?? [],
  );
  const certificates = settings.flatMap(({ certificate = [], trustedCertificates = [] }) =>
    [certificate, trustedCertificates].flat(),
  );
  const lists = settings.flatMap(listFilesOf);
  const expiries = [
    ...[...new Set(certificates)].flatMap((file) =>
      readCertificates(file).certificates.map((each) => ({ file, notAfter: validityOf(each).notAfter })),
    ),
    ...[...new Set(lists)].flatMap((file) =>
      readLists(file).flatMap(({ nextUpdate }) =>
        nextUpdate === undefined ? [] : [{ file: describeSource(file), notAfter: nextUpdate }],
      ),
    ),
  ];
  return expiries.sort((one, other) => one.notAfter.getTime() - other.notAfter.getTime())[0];
}

export function expiryLines(first: Expiry | undefined): string[] {
  if (first === undefined) return [];
  const { file, notAfter } = first;
  const left = countOf(Math.max(0, daysUntil(notAfter)), 'day');
  return [`first to expire: ${escapeUnsafe(shortest(file))} on ${formatDay(notAfter)} (${left})`];
}

/** As the operator would type it. */
function shortest(file: string): string {
  const fromHere = relative(process.cwd(), file);
  return fromHere.length < file.length ? fromHere : file;
}

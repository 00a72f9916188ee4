/**
 * What the certificates and revocation lists of a running configuration hold, in a few words each. A reload reports what
 * changed, and the files are watched. Whether they are good is for files.ts.
 */
import { OperatorError } from '../errors';
import { formatDay } from '../text/moments';
import { escapeUnsafe } from '../text/quote';
import { oneLine } from '../x509/names';
import { describeSource, type ListUser, listFilesOf, readLists, urlOf } from '../x509/revocationSources';
import { readCertificates } from '../x509/tlsFiles';
import { usedClientTlsOf } from './clientTls';
import type { Configuration } from './schema';

/** By the path of the file. */
export type TlsFileStates = ReadonlyMap<string, string>;

interface TlsFiles {
  readonly certificates: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  readonly lists: ReadonlySet<string>;
}

/** Files of the listeners, and of the archives and modalities that the gateway reaches. */
function tlsFilesOf(configuration: Configuration): TlsFiles {
  const ingress = configuration.listeners.flatMap(({ tls }) => tls ?? []);
  const all = [...ingress, ...usedClientTlsOf(configuration).map(({ tls }) => tls)];
  return {
    certificates: new Set(
      all.flatMap(({ certificate = [], trustedCertificates = [] }) =>
        [certificate, trustedCertificates].flat(),
      ),
    ),
    keys: new Set(all.flatMap(({ privateKey = [] }) => privateKey)),
    lists: new Set(all.flatMap(listFilesOfReadable)),
  };
}

/** None where a certificate cannot be read that "auto" has to look into: files.ts reports that. */
function listFilesOfReadable(user: ListUser): readonly string[] {
  try {
    return listFilesOf(user);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [];
  }
}

/** Every file of the operator whose content counts for the running gateway. */
export function watchedFiles(configuration: Configuration): string[] {
  const { certificates, keys, lists } = tlsFilesOf(configuration);
  return [...certificates, ...keys, ...[...lists].filter((file) => urlOf(file) === undefined)];
}

/** A file that cannot be read is left out: files.ts reports it, with what to do. */
export function readTlsFileStates(configuration: Configuration): TlsFileStates {
  const { certificates, lists } = tlsFilesOf(configuration);
  const states = new Map<string, string>();
  const read = (file: string, describe: () => string[]) => {
    try {
      states.set(file, describe().join(', '));
    } catch {
      states.delete(file);
    }
  };
  for (const file of certificates) {
    read(file, () =>
      readCertificates(file).certificates.map(({ subject, serialNumber, validTo }) => {
        const name = oneLine(subject) || 'no subject';
        return `${name} (serial number ${serialNumber}, to ${formatDay(new Date(validTo))})`;
      }),
    );
  }
  for (const file of lists) {
    read(file, () =>
      readLists(file).map(({ thisUpdate, nextUpdate }) => {
        const end = nextUpdate === undefined ? 'without an end' : `to ${formatDay(nextUpdate)}`;
        return `revocation list of ${thisUpdate.toISOString()}, ${end}`;
      }),
    );
  }
  return states;
}

/** One line for each file that holds something else than before; files that are no longer used are left out. */
export function describeFileChanges(before: TlsFileStates, after: TlsFileStates): string[] {
  return [...after].flatMap(([file, state]) => {
    const earlier = before.get(file);
    if (earlier === undefined || earlier === state) return [];
    return [escapeUnsafe(`${describeSource(file)} now holds ${state}`)];
  });
}

/**
 * Keeps when certificates, revocation lists and entries end: those that the gateway uses on either side, and those that
 * modalities show. The former are read when the gateway reads them, at its start and at a reload. The latter come from
 * audit events. What follows from a date is not known here.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import { type ClientTls, usedClientTlsOf } from '../config/clientTls';
import type { Configuration } from '../config/schema';
import { endMs } from '../text/moments';
import { type Validity, validityOf } from '../x509/certificate';
import { listFilesOf, readLists } from '../x509/revocationSources';
import { readCertificates } from '../x509/tlsFiles';

type ClientTlsKind = ClientTls['kind'] | `${ClientTls['kind']}-${'ca' | 'crl'}`;

export interface CertificateExpiry {
  /**
   * `listener`: its own certificate, with the chain that it shows; `ca` and `crl`: what it trusts. `upstream…`: the same
   * towards an archive, `egress…` towards a modality, `syslog…` towards the syslog server. `modality`: the one that the
   * modality itself showed last. `entry`: no certificate, but the entry of the modality (validUntil).
   */
  readonly kind: 'listener' | 'ca' | 'crl' | ClientTlsKind | 'modality' | 'entry';
  /** Name of the listener, upstream or modality, or address of the syslog server. */
  readonly name: string;
  /** The first of all of this kind. */
  readonly notAfter: Date;
  /** When that one began; not known of modalities. */
  readonly notBefore?: Date;
}

export class CertificateExpiries implements AuditSink {
  #ofFiles: readonly CertificateExpiry[];
  /** Only of modalities that are in the configuration, so it is bounded by that. */
  readonly #endByModality = new Map<string, string>();

  /** Throws OperatorError where a file cannot be read. */
  constructor(configuration: Configuration) {
    this.#ofFiles = readCertificateExpiries(configuration);
  }

  /** What ends first comes first. */
  get list(): readonly CertificateExpiry[] {
    const shown = [...this.#endByModality].map(([name, end]) => expiryOfModality(name, end));
    return [...this.#ofFiles, ...shown].sort(
      (one, other) => one.notAfter.getTime() - other.notAfter.getTime(),
    );
  }

  /** Names of listeners whose own certificate has ended. */
  endedListeners(now: Date): string[] {
    const isEnded = ({ kind, notAfter }: CertificateExpiry) => kind === 'listener' && notAfter <= now;
    return this.list.filter(isEnded).map(({ name }) => name);
  }

  /** Where a modality shows a certificate with another end than before, returns that. */
  record({ event, modality, tls }: AuditEvent): CertificateExpiry | undefined {
    if (event !== 'association.accepted' || modality === undefined) return undefined;
    if (tls?.notAfter === undefined || this.#endByModality.get(modality) === tls.notAfter) return undefined;
    this.#endByModality.set(modality, tls.notAfter);
    return expiryOfModality(modality, tls.notAfter);
  }

  /** Reads what a new configuration names. The result takes it over when it is called. Throws OperatorError. */
  prepareReload(configuration: Configuration): () => void {
    const ofFiles = readCertificateExpiries(configuration);
    return () => {
      this.#ofFiles = ofFiles;
      for (const name of this.#endByModality.keys()) {
        if (configuration.modalities[name] === undefined) this.#endByModality.delete(name);
      }
    };
  }
}

function expiryOfModality(name: string, end: string): CertificateExpiry {
  return { kind: 'modality', name, notAfter: new Date(end) };
}

function readCertificateExpiries(configuration: Configuration): CertificateExpiry[] {
  const read = new LifetimeReader();
  return [
    ...configuration.listeners.flatMap(({ name, tls }) =>
      tls === undefined
        ? []
        : firstOfEach(name, {
            listener: read.certificates(tls.certificate),
            ca: read.certificates(tls.trustedCertificates ?? []),
            crl: read.lists(listFilesOf(tls)),
          }),
    ),
    ...Object.entries(configuration.modalities).flatMap(([name, { validUntil }]): CertificateExpiry[] => {
      const end = validUntil === undefined ? undefined : endMs(validUntil);
      return end === undefined ? [] : [{ kind: 'entry', name, notAfter: new Date(end) }];
    }),
    ...usedClientTlsOf(configuration).flatMap(({ kind, name, tls }) =>
      firstOfEach(name, {
        [kind]: read.certificates(tls.certificate === undefined ? [] : [tls.certificate]),
        [`${kind}-ca`]: read.certificates(tls.trustedCertificates),
        [`${kind}-crl`]: read.lists(listFilesOf(tls)),
      }),
    ),
  ];
}

/** Reads each file once: thousands of modalities share a few. */
class LifetimeReader {
  readonly #lifetimesByFile = new Map<string, readonly Validity[]>();

  certificates(files: readonly string[]): readonly Validity[] {
    return files.flatMap((file) =>
      this.#once(file, () => readCertificates(file).certificates.map(validityOf)),
    );
  }

  /** A list without a next update does not end. */
  lists(files: readonly string[]): readonly Validity[] {
    return files.flatMap((file) =>
      this.#once(file, () =>
        readLists(file).flatMap(({ thisUpdate, nextUpdate }) =>
          nextUpdate === undefined ? [] : [{ notBefore: thisUpdate, notAfter: nextUpdate }],
        ),
      ),
    );
  }

  #once(file: string, read: () => readonly Validity[]): readonly Validity[] {
    const known = this.#lifetimesByFile.get(file) ?? read();
    this.#lifetimesByFile.set(file, known);
    return known;
  }
}

/** Of each kind, what ends first. */
function firstOfEach(
  name: string,
  lifetimesByKind: Partial<Record<CertificateExpiry['kind'], readonly Validity[]>>,
): CertificateExpiry[] {
  return Object.entries(lifetimesByKind).flatMap(([kind, lifetimes]) => {
    const [first] = [...lifetimes].sort((one, other) => one.notAfter.getTime() - other.notAfter.getTime());
    return first === undefined ? [] : [{ kind: kind as CertificateExpiry['kind'], name, ...first }];
  });
}

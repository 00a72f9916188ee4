/**
 * When the certificates and revocation lists end that the listeners use, and the certificates that modalities show.
 * The former are read when the gateway reads them, at its start and at a reload; the latter are told by audit events.
 * What is to be done about a date is for others.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration, ListenerTlsConfiguration } from '../config/schema';
import { readCertificates, readCrl } from '../net/tlsFiles';

export interface CertificateExpiry {
  /** `listener`: its own certificate, with the chain that it shows; `modality`: the one that it showed last. */
  readonly kind: 'listener' | 'ca' | 'crl' | 'modality';
  /** Name of the listener or modality. */
  readonly name: string;
  /** The first of all of this kind. */
  readonly notAfter: Date;
  /** When that one began; not known of modalities. */
  readonly notBefore?: Date;
}

export class CertificateExpiries implements AuditSink {
  #ofListeners: readonly CertificateExpiry[];
  /** Only of modalities that are in the configuration, so it is bounded by that. */
  readonly #endByModality = new Map<string, string>();

  /** Throws OperatorError where a file cannot be read. */
  constructor(configuration: Configuration) {
    this.#ofListeners = readCertificateExpiries(configuration);
  }

  /** What ends first comes first. */
  get list(): readonly CertificateExpiry[] {
    const shown = [...this.#endByModality].map(
      ([name, end]): CertificateExpiry => ({ kind: 'modality', name, notAfter: new Date(end) }),
    );
    return [...this.#ofListeners, ...shown].sort(
      (one, other) => one.notAfter.getTime() - other.notAfter.getTime(),
    );
  }

  record({ event, modality, tls }: AuditEvent): void {
    if (event !== 'association.accepted' || modality === undefined || tls?.notAfter === undefined) return;
    this.#endByModality.set(modality, tls.notAfter);
  }

  /** Reads what a new configuration names; nothing changes before the function that comes back is called. Throws OperatorError. */
  prepareReload(configuration: Configuration): () => void {
    const ofListeners = readCertificateExpiries(configuration);
    return () => {
      this.#ofListeners = ofListeners;
      for (const name of this.#endByModality.keys()) {
        if (configuration.modalities[name] === undefined) this.#endByModality.delete(name);
      }
    };
  }
}

function readCertificateExpiries({ listeners }: Configuration): CertificateExpiry[] {
  return listeners.flatMap(({ name, tls }) => (tls === undefined ? [] : expiriesOf(name, tls)));
}

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function expiriesOf(name: string, tls: ListenerTlsConfiguration): CertificateExpiry[] {
  const validitiesOf = (files: readonly string[]) =>
    files.flatMap((file) =>
      readCertificates(file).certificates.map(({ validFrom, validTo }) => ({
        notBefore: new Date(validFrom),
        notAfter: new Date(validTo),
      })),
    );
  // A list without an end does not end.
  const lists = (tls.crl ?? [])
    .flatMap(readCrl)
    .flatMap(({ thisUpdate, nextUpdate }) =>
      nextUpdate === undefined ? [] : [{ notBefore: thisUpdate, notAfter: nextUpdate }],
    );
  return [
    { kind: 'listener', name, validities: validitiesOf(tls.certificate) } as const,
    { kind: 'ca', name, validities: validitiesOf(tls.trustedCertificates ?? []) } as const,
    { kind: 'crl', name, validities: lists } as const,
  ].flatMap(({ validities, ...labels }) => {
    const first = firstToEnd(validities);
    return first === undefined ? [] : [{ ...labels, ...first }];
  });
}

function firstToEnd(validities: readonly Validity[]): Validity | undefined {
  return [...validities].sort((one, other) => one.notAfter.getTime() - other.notAfter.getTime())[0];
}

/**
 * When the certificates and revocation lists end that the listeners use. Read when the gateway reads them: at its
 * start and at a reload. What is to be done about a date is for `aegis check` and for whoever watches the metric.
 */
import type { Configuration, ListenerTlsConfiguration } from '../config/schema';
import { readCertificates, readCrl } from '../net/tlsFiles';

export interface CertificateExpiry {
  /** `listener`: its own certificate, with the chain that it shows. */
  readonly kind: 'listener' | 'ca' | 'crl';
  /** Name of the listener. */
  readonly name: string;
  /** The first of all of this kind. */
  readonly notAfter: Date;
}

/** Throws OperatorError where a file cannot be read. */
export function readCertificateExpiries({ listeners }: Configuration): CertificateExpiry[] {
  return listeners.flatMap(({ name, tls }) => (tls === undefined ? [] : expiriesOf(name, tls)));
}

function expiriesOf(name: string, tls: ListenerTlsConfiguration): CertificateExpiry[] {
  const endsOf = (files: readonly string[]) =>
    files.flatMap((file) => readCertificates(file).certificates.map(({ validTo }) => new Date(validTo)));
  // A list without an end does not end.
  const lists = (tls.crl ?? []).flatMap(readCrl).flatMap(({ nextUpdate }) => nextUpdate ?? []);
  return [
    { kind: 'listener', name, ends: endsOf(tls.certificate) } as const,
    { kind: 'ca', name, ends: endsOf(tls.trustedCertificates ?? []) } as const,
    { kind: 'crl', name, ends: lists } as const,
  ].flatMap(({ ends, ...labels }) => {
    const times = ends.map((end) => end.getTime());
    return times.length === 0 ? [] : [{ ...labels, notAfter: new Date(Math.min(...times)) }];
  });
}

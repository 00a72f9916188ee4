/**
 * Entries of the configuration that name a certificate which was renewed by a fingerprint that has changed with it. The
 * gateway would refuse the modality as soon as it shows the new one.
 */
import { readConfiguration } from '../../config/load';
import { OperatorError } from '../../errors';
import type { RenewedCertificates } from '../../pki/folderRenewal';
import { formatPath } from '../../text/problems';
import { canonicalPin } from '../../x509/fingerprints';

export interface PinnedEntry {
  /** As in the configuration: `modalities.ct1.certificate`. */
  readonly path: string;
}

/** Empty where there is no configuration, or none that can be read: the CA may live on another machine. */
export function findPinnedEntries(configurationFile: string, renewed: RenewedCertificates): PinnedEntry[] {
  let modalities: Readonly<Record<string, { readonly certificate?: readonly string[] | undefined }>>;
  try {
    modalities = readConfiguration(configurationFile).configuration?.modalities ?? {};
  } catch (error) {
    if (error instanceof OperatorError) return [];
    throw error;
  }
  const former = new Set([...renewed.formerFingerprints].map(canonicalPin));
  const current = new Set(renewed.certificates.map(({ fingerprint }) => canonicalPin(fingerprint)));
  return Object.entries(modalities).flatMap(([name, { certificate = [] }]) => {
    const pins = certificate.map(canonicalPin);
    const isStale = pins.some((pin) => former.has(pin)) && !pins.some((pin) => current.has(pin));
    return isStale ? [{ path: formatPath(['modalities', name, 'certificate']) }] : [];
  });
}

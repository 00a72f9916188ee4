/**
 * The certificate of a device among the files of a CA's folder, as `aegis pki client` leaves them. Issues nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ModalityConfiguration } from '../config/schema';
import { compileCertificateMatchers, matchesCertificate, peerCertificate } from '../policy/certificate';
import { readCertificates } from '../x509/tlsFiles';
import { certificateFacts } from './listenerFacts';
import type { DeviceFiles } from './sheet';

/**
 * Undefined where there is none of that name, or one that the entry does not accept. Throws OperatorError where it
 * cannot be read.
 */
export function findDeviceFiles(
  folder: string,
  name: string,
  { certificate: accepted }: ModalityConfiguration,
): DeviceFiles | undefined {
  // Other names have no certificate, and could lead out of the folder.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return undefined;
  const file = (extension: string) => join(folder, `${name}.${extension}`);
  if (!existsSync(file('crt'))) return undefined;
  const [certificate] = readCertificates(file('crt')).certificates;
  const isAccepted =
    accepted === undefined ||
    matchesCertificate(compileCertificateMatchers(accepted), peerCertificate(certificate));
  if (!isAccepted) return undefined;
  return {
    certificate: certificateFacts(file('crt'), certificate),
    privateKeyFile: file('key'),
    pkcs12File: existsSync(file('p12')) ? file('p12') : undefined,
  };
}

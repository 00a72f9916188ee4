/**
 * PKCS#12 files, as devices import them: one RSA key, its certificate and that of the CA. Knows nothing of where
 * the password comes from.
 */
import forge from 'node-forge';
import { OperatorError } from '../errors';

export interface Pkcs12Options {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  readonly authorityCertificatePem: string;
  readonly friendlyName: string;
  readonly password: string;
  /** Triple DES instead of AES-256, for devices that cannot read anything newer. */
  readonly isLegacy: boolean;
}

/**
 * The bytes of a .p12 file. Its password is stretched by 2,048 rounds only, which is what old devices accept: it
 * protects as well as it is long, and no better.
 */
export function encodePkcs12(options: Pkcs12Options): Buffer {
  if (!/^[\x20-\x7e]+$/.test(options.password)) {
    throw new OperatorError(
      'the PKCS#12 password is empty or has other than printable ASCII characters, which devices encode in different ways',
    );
  }
  const pkcs12 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(options.privateKeyPem),
    [
      forge.pki.certificateFromPem(options.certificatePem),
      forge.pki.certificateFromPem(options.authorityCertificatePem),
    ],
    options.password,
    { algorithm: options.isLegacy ? '3des' : 'aes256', friendlyName: options.friendlyName },
  );
  return Buffer.from(forge.asn1.toDer(pkcs12).getBytes(), 'latin1');
}

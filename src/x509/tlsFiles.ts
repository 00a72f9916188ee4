/**
 * Reads the PEM files of TLS: private keys, certificates, revocation lists. The only place that does, so that
 * `aegis start` and `aegis check` find the same faults. Says which file and what to do; never shows a key's content.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import {
  decodeRevocationListDates,
  type RevocationListDates,
  revocationListIssuer,
} from './revocationListReader';

export interface PrivateKeyFile {
  readonly file: string;
  readonly pem: string;
  readonly key: KeyObject;
}

export interface CertificateFile {
  readonly file: string;
  readonly pem: string;
  /** In the order of the file; at least one. */
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]];
}

export interface RevocationList extends RevocationListDates {
  readonly file: string;
  readonly pem: string;
  readonly der: Buffer;
  /** The issuer's name, as DER. */
  readonly issuer: Buffer;
}

const PEM_FILE = { folder: 'a PEM file is needed', exitCode: ExitCode.Usage } as const;

/**
 * Reads an unencrypted private key. Refuses a file that others could read: whoever has the key is the gateway.
 * Throws OperatorError.
 */
export function readPrivateKey(file: string): PrivateKeyFile {
  const pem = readText(file, { ...PEM_FILE, secret: 'private key' });
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new OperatorError(
      `${file} is encrypted; a private key without a passphrase is needed, write one with ` +
        `"openssl pkey -in ${file} -out KEY" and "chmod 600 KEY"`,
    );
  }
  try {
    return { file, pem, key: createPrivateKey(pem) };
  } catch {
    throw new OperatorError(`${file} holds no private key; a PEM file with an RSA or EC key is accepted`);
  }
}

/** Reads a certificate with its chain, or a bundle of CA certificates. Throws OperatorError. */
export function readCertificates(file: string): CertificateFile {
  const blocks = pemBlocks(file, readText(file, PEM_FILE), 'CERTIFICATE', 'openssl x509 -inform DER');
  const certificates = blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new OperatorError(`${file} is damaged: certificate ${index + 1} cannot be read; copy it again`);
    }
  });
  const [first, ...rest] = certificates;
  if (first === undefined) throw new OperatorError(`${file} holds no certificate`);
  return { file, pem: blocks.join('\n'), certificates: [first, ...rest] };
}

/** Reads every revocation list of a file; node:tls would take the first and forget the rest. Throws OperatorError. */
export function readCrl(file: string): RevocationList[] {
  return pemBlocks(file, readText(file, PEM_FILE), 'X509 CRL', 'openssl crl -inform DER').map(
    (pem, index) => {
      try {
        const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
        return { file, pem, der, issuer: revocationListIssuer(der), ...decodeRevocationListDates(der) };
      } catch {
        throw new OperatorError(
          `${file} is damaged: revocation list ${index + 1} cannot be read; copy it again`,
        );
      }
    },
  );
}

/** Whole blocks with this label; at least one. */
function pemBlocks(file: string, text: string, label: string, converter: string): string[] {
  const blocks = text.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')) ?? [];
  const beginnings = text.split(`-----BEGIN ${label}-----`).length - 1;
  if (beginnings !== blocks.length) throw new OperatorError(`${file} is cut short; copy it again`);
  if (blocks.length > 0) return blocks;
  throw new OperatorError(
    `${file} holds no PEM block "${label}"; if it is in DER form, convert it with ` +
      `"${converter} -in ${file} -out FILE.pem"`,
  );
}

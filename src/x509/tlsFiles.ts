/**
 * Reads the PEM files of TLS: private keys, certificates, revocation lists. The only place that does, so that
 * `aegis start` and `aegis check` find the same faults. Says which file and what to do; never shows a key's content.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { derOf, type PemBlock, pemBlocks } from './pem';
import { decodeRevocationList, type RevocationListParts } from './revocationList';

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

/** One of the lists of a file. */
export interface RevocationList extends RevocationListParts {
  readonly file: string;
  readonly pem: string;
}

const PEM_FILE = { folder: 'a PEM file is needed', exitCode: ExitCode.Usage } as const;

/**
 * Reads an unencrypted private key. Refuses a file that others could read: with the key they could pose as the
 * gateway.
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
  const problem = `${file} holds no private key; a PEM file with an RSA or EC key is accepted`;
  return readOr(problem, () => ({ file, pem, key: createPrivateKey(pem) }));
}

/** Reads a certificate with its chain, or a bundle of CA certificates. Throws OperatorError. */
export function readCertificates(file: string): CertificateFile {
  const blocks = blocksOf(file, 'CERTIFICATE', 'openssl x509 -inform DER');
  const [first, ...rest] = blocks.map(({ pem }, index) =>
    readOr(damage(file, `certificate ${index + 1}`), () => new X509Certificate(pem)),
  );
  if (first === undefined) throw new OperatorError(`${file} holds no certificate`);
  return { file, pem: blocks.map(({ pem }) => pem).join('\n'), certificates: [first, ...rest] };
}

/** Reads every revocation list of a file; node:tls would take the first and forget the rest. Throws OperatorError. */
export function readCrl(file: string): RevocationList[] {
  return blocksOf(file, 'X509 CRL', 'openssl crl -inform DER').map((block, index) =>
    readOr(damage(file, `revocation list ${index + 1}`), () => ({
      ...decodeRevocationList(derOf(block)),
      file,
      pem: block.pem,
    })),
  );
}

/** The blocks with this label; at least one. */
function blocksOf(file: string, label: string, converter: string): PemBlock[] {
  const text = readText(file, PEM_FILE);
  const all = readOr(`${file} is cut short; copy it again`, () => pemBlocks(text));
  const blocks = all.filter((block) => block.label === label);
  if (blocks.length > 0) return blocks;
  throw new OperatorError(
    `${file} holds no PEM block "${label}"; if it is in DER form, convert it with ` +
      `"${converter} -in ${file} -out FILE.pem"`,
  );
}

function damage(file: string, part: string): string {
  return `${file} is damaged: ${part} cannot be read; copy it again`;
}

function readOr<T>(problem: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new OperatorError(problem);
  }
}

/**
 * Reads the PEM files of TLS: private keys, certificates, revocation lists. The only place that does, so that
 * `aegis start` and `aegis check` find the same faults. Says which file and what to do; never shows a key's content.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ExitCode, OperatorError } from '../errors';
import { readBytes } from '../files/read';
import { Tag } from './der';
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
}

const PEM_FILE = { folder: 'a PEM file is needed', exitCode: ExitCode.Usage } as const;

/**
 * Reads an unencrypted private key. Refuses a file that others could read: with the key they could pose as the
 * gateway.
 * Throws OperatorError.
 */
export function readPrivateKey(file: string): PrivateKeyFile {
  const bytes = readBytes(file, { ...PEM_FILE, secret: 'private key' });
  const pem = bytes.toString('latin1');
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new OperatorError(
      `${file} is encrypted; a private key without a passphrase is needed, write one with ` +
        `"openssl pkey -in ${file} -out KEY" and "chmod 600 KEY"`,
    );
  }
  const problem = `${file} ${keyProblem(file, bytes)}`;
  return readOr(problem, () => ({ file, pem, key: createPrivateKey(pem) }));
}

/** Keys that sign as they are. What else a PEM file can hold agrees on keys, or is out of use. */
const SIGNING_TYPES: ReadonlySet<string | undefined> = new Set(['ed25519', 'ed448', 'ec', 'rsa', 'rsa-pss']);

/** A private key that signs something other than TLS. Throws OperatorError. */
export function readSigningKey(file: string): KeyObject {
  const { key } = readPrivateKey(file);
  if (SIGNING_TYPES.has(key.asymmetricKeyType)) return key;
  throw new OperatorError(
    `${file} has a key that cannot sign (${key.asymmetricKeyType}); make one with "openssl genpkey -algorithm ed25519 -out ${file}"`,
  );
}

function keyProblem(file: string, bytes: Buffer): string {
  const accepted = 'a PEM file with an RSA or EC key is accepted';
  const text = bytes.toString('latin1');
  if (isPkcs12(bytes)) {
    return `is a PKCS#12 file (.p12, .pfx); ${accepted}, write one with "openssl pkcs12 -in ${file} -nocerts -nodes -out FILE.key"`;
  }
  return text.includes('-----BEGIN CERTIFICATE-----') && !text.includes('PRIVATE KEY-----')
    ? `holds a certificate and no private key; name the file with its key (${accepted})`
    : `holds no private key; ${accepted}`;
}

/** Reads a certificate with its chain, or a bundle of CA certificates. Throws OperatorError. */
export function readCertificates(file: string): CertificateFile {
  const blocks = blocksOf(file, readBytes(file, PEM_FILE), 'CERTIFICATE', 'openssl x509');
  const [first, ...rest] = blocks.map(({ pem }, index) =>
    readOr(damage(file, `certificate ${index + 1}`), () => new X509Certificate(pem)),
  );
  if (first === undefined) throw new OperatorError(`${file} holds no certificate`);
  return { file, pem: blocks.map(({ pem }) => pem).join('\n'), certificates: [first, ...rest] };
}

/** Reads the revocation lists of a file: one as DER, as CAs publish it, or any number as PEM. Throws OperatorError. */
export function readCrl(file: string): RevocationList[] {
  const lists = revocationListsIn(readBytes(file, PEM_FILE), file);
  for (const [index, list] of lists.entries()) {
    // Read here, so that a damaged entry is found now and not when a device comes.
    readOr(damage(file, `an entry of revocation list ${index + 1}`), () => list.serialNumbers);
  }
  return lists;
}

/**
 * The same of bytes that are not in a file yet; `file` is what messages call them. Of entries nothing is read: there may be
 * millions, and nobody knows yet who signed them. Throws OperatorError.
 */
export function revocationListsIn(bytes: Buffer, file: string): RevocationList[] {
  const isDer = bytes[0] === Tag.sequence;
  const lists = isDer ? [bytes] : blocksOf(file, bytes, 'X509 CRL', 'openssl crl').map(derOf);
  const problem = `holds neither a revocation list nor PEM; get the list of the CA again`;
  return lists.map((list, index) =>
    readOr(isDer ? `${file} ${problem}` : damage(file, `revocation list ${index + 1}`), () =>
      Object.assign(decodeRevocationList(list), { file }),
    ),
  );
}

/** The blocks with this label; at least one. */
function blocksOf(file: string, bytes: Buffer, label: string, converter: string): PemBlock[] {
  const all = readOr(`${file} is cut short; copy it again`, () => pemBlocks(bytes.toString('latin1')));
  const blocks = all.filter((block) => block.label === label);
  if (blocks.length > 0) return blocks;
  throw new OperatorError(`${file} ${otherKind(file, bytes, all, label, converter)}`);
}

/** What somebody named instead, and what to do. */
function otherKind(file: string, bytes: Buffer, all: PemBlock[], label: string, converter: string): string {
  if (isPkcs12(bytes)) {
    return (
      'is a PKCS#12 file (.p12, .pfx), and PEM is needed; write the certificate with ' +
      `"openssl pkcs12 -in ${file} -nokeys -out FILE.crt" and the key with "openssl pkcs12 -in ${file} -nocerts -nodes -out FILE.key"`
    );
  }
  const [other] = all;
  if (other !== undefined)
    return `holds no PEM block "${label}", but one "${other.label}"; name the right file`;
  return (
    `holds no PEM block "${label}"; if it is in DER form, convert it with ` +
    `"${converter} -inform DER -in ${file} -out FILE.pem"`
  );
}

/** PFX of version 3 (RFC 7292 §4) in DER or BER: enough for a word about it. */
function isPkcs12(bytes: Buffer): boolean {
  return bytes[0] === Tag.sequence && bytes.subarray(0, 12).includes(Buffer.of(Tag.integer, 1, 3));
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

/**
 * Recognises what is in a file, PEM or DER, and takes it apart: certificates, keys, requests, CRLs, PKCS#12. For files
 * that an operator has at hand. OpenSSL alone reads what peers send.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ExitCode, OperatorError } from '../errors';
import { readBytes } from '../files/read';
import { decodeCertificationRequest } from './certificationRequest';
import {
  describeCertificate,
  describePrivateKey,
  describePublicKey,
  describeRequest,
  describeRevocationList,
  type Inspected,
  type InspectedPrivateKey,
} from './inspected';
import { derOf, type PemBlock, pemBlocks } from './pem';
import { ciphersOf, decodePkcs12, isPkcs12 } from './pkcs12';
import { decodeRevocationList } from './revocationList';

/** A bundle of all public CAs has a quarter of it; what is longer is another kind of file. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Called when something is encrypted; undefined where nobody knows the password. */
export type ReadPassword = (what: 'private key' | 'PKCS#12 file') => Promise<string | undefined>;

/** What is in the file, in its order; at least one. Throws OperatorError where nothing can be recognised. */
export async function inspectFile(file: string, readPassword: ReadPassword): Promise<Inspected[]> {
  const content = readBytes(file, {
    maxBytes: MAX_FILE_BYTES,
    tooLong: 'files of certificates and keys are smaller',
  });
  try {
    const text = content.toString('latin1');
    const blocks = pemBlocks(text);
    if (blocks.length === 0) return [await inspectDer(content, readPassword)];
    const found: Inspected[] = [];
    for (const block of blocks) {
      // OpenSSL writes the curve in front of the key, which names it too.
      if (block.label !== 'EC PARAMETERS') found.push(await inspectBlock(block, readPassword));
    }
    if (found.length === 0) throw unrecognised();
    return found;
  } catch (error) {
    const { message } = error as Error;
    const exitCode = error instanceof OperatorError ? error.exitCode : ExitCode.Failed;
    throw new OperatorError(`${file}: ${message}`, exitCode);
  }
}

function unrecognised(): OperatorError {
  return new OperatorError(
    'no certificate, key, certification request, CRL or PKCS#12 file can be recognised; accepted are PEM and DER',
    ExitCode.Failed,
  );
}

async function inspectBlock(block: PemBlock, readPassword: ReadPassword): Promise<Inspected> {
  switch (block.label) {
    case 'CERTIFICATE':
    case 'X509 CERTIFICATE':
    case 'TRUSTED CERTIFICATE':
      return describeCertificate(new X509Certificate(block.pem));
    case 'CERTIFICATE REQUEST':
    case 'NEW CERTIFICATE REQUEST':
      return describeRequest(decodeCertificationRequest(derOf(block)));
    case 'X509 CRL':
      return describeRevocationList(decodeRevocationList(derOf(block)));
    case 'PUBLIC KEY':
      return describePublicKey(createPublicKey(block.pem));
    case 'PRIVATE KEY':
    case 'RSA PRIVATE KEY':
    case 'EC PRIVATE KEY':
    case 'ENCRYPTED PRIVATE KEY':
      return inspectPrivateKey(block.pem, /ENCRYPTED/.test(block.pem), readPassword);
    case 'PKCS7':
      throw new OperatorError(
        'it is a PKCS#7 file; take the certificates out of it with "openssl pkcs7 -print_certs -in FILE"',
        ExitCode.Failed,
      );
    default:
      throw new OperatorError(`the PEM block "${block.label}" is of no known kind`, ExitCode.Failed);
  }
}

/** Without its passphrase, an encrypted key is still recognised as one. */
async function inspectPrivateKey(
  key: string | Buffer,
  isEncrypted: boolean,
  readPassword: ReadPassword,
): Promise<InspectedPrivateKey> {
  const passphrase = isEncrypted ? await readPassword('private key') : undefined;
  if (isEncrypted && passphrase === undefined) return { kind: 'private-key', isEncrypted };
  try {
    const form = typeof key === 'string' ? { key } : ({ key, type: 'pkcs8', format: 'der' } as const);
    return describePrivateKey(
      createPrivateKey({ ...form, ...(passphrase === undefined ? {} : { passphrase }) }),
      isEncrypted,
    );
  } catch (cause) {
    throw new OperatorError(
      isEncrypted
        ? 'the passphrase does not open the key'
        : `the key is damaged: ${(cause as Error).message}`,
      ExitCode.Failed,
    );
  }
}

/** DER does not say what it is: the reader that understands it is right. */
async function inspectDer(content: Buffer, readPassword: ReadPassword): Promise<Inspected> {
  const privateKey = (type: 'pkcs8' | 'pkcs1' | 'sec1') => () =>
    describePrivateKey(createPrivateKey({ key: content, type, format: 'der' }), false);
  const described =
    attempt(() => describeCertificate(new X509Certificate(content))) ??
    attempt(() => describeRequest(decodeCertificationRequest(content))) ??
    attempt(() => describeRevocationList(decodeRevocationList(content))) ??
    attempt(privateKey('pkcs8')) ??
    attempt(privateKey('pkcs1')) ??
    attempt(privateKey('sec1')) ??
    attempt(() => describePublicKey(createPublicKey({ key: content, type: 'spki', format: 'der' })));
  if (described !== undefined) return described;
  if (isPkcs12(content)) return inspectPkcs12(content, readPassword);
  if (isEncryptedDerKey(content)) return inspectPrivateKey(content, true, readPassword);
  throw unrecognised();
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Node says so when a passphrase is all that is missing. */
function isEncryptedDerKey(content: Buffer): boolean {
  try {
    createPrivateKey({ key: content, type: 'pkcs8', format: 'der' });
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
  }
}

async function inspectPkcs12(content: Buffer, readPassword: ReadPassword): Promise<Inspected> {
  const { privateKeys, certificates } = await openPkcs12(content, readPassword);
  return {
    kind: 'pkcs12',
    ciphers: ciphersOf(content),
    contents: [
      ...privateKeys.map((key: KeyObject) => describePrivateKey(key, false)),
      ...certificates.map(describeCertificate),
    ],
  };
}

async function openPkcs12(content: Buffer, readPassword: ReadPassword) {
  // Files without a secret often have an empty password: then there is no need to ask.
  const withoutPassword = attempt(() => decodePkcs12(content, ''));
  if (withoutPassword !== undefined) return withoutPassword;
  const password = await readPassword('PKCS#12 file');
  if (password === undefined) {
    throw new OperatorError(
      'it is a PKCS#12 file; give its password with --password-file or AEGIS_P12_PASSWORD',
    );
  }
  return decodePkcs12(content, password);
}

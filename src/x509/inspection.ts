/**
 * Recognises what is in a file, PEM or DER, and takes it apart: certificates, keys, requests, CRLs, PKCS#12. For files
 * that an operator has at hand. OpenSSL alone reads what peers send.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { ExitCode, OperatorError } from '../errors';
import { readBytes } from '../files/read';
import { decodeCertificationRequest } from './certificationRequest';
import { describeRecognised, type Inspected, type Recognised } from './inspected';
import { derOf, type PemBlock, pemBlocks } from './pem';
import { ciphersOf, decodePkcs7, decodePkcs12, isPkcs12 } from './pkcs12';
import { decodeRevocationList } from './revocationList';

/** A bundle of all public CAs has a quarter of it; what is longer is another kind of file. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Called when something is encrypted; undefined where nobody knows the password. */
export type ReadPassword = (what: 'private key' | 'PKCS#12 file') => Promise<string | undefined>;

/** What is in the file in words, in its order; at least one. Throws OperatorError where nothing can be recognised. */
export async function inspectFile(file: string, readPassword: ReadPassword): Promise<Inspected[]> {
  return (await recogniseFile(file, readPassword)).map(describeRecognised);
}

/** What is in the file, in its order; at least one. Throws OperatorError where nothing can be recognised. */
export async function recogniseFile(file: string, readPassword: ReadPassword): Promise<Recognised[]> {
  const content = readBytes(file, {
    maxBytes: MAX_FILE_BYTES,
    tooLong: 'files of certificates and keys are smaller',
  });
  try {
    const text = textOf(content);
    const blocks = pemBlocks(text);
    if (blocks.length === 0) return await recogniseDer(content, text, readPassword);
    const found: Recognised[] = [];
    for (const block of blocks) {
      // OpenSSL writes the curve in front of the key, which names it too.
      if (block.label !== 'EC PARAMETERS') found.push(...(await recogniseBlock(block, readPassword)));
    }
    if (found.length === 0) throw unrecognised(text);
    return found;
  } catch (error) {
    const { message } = error as Error;
    const exitCode = error instanceof OperatorError ? error.exitCode : ExitCode.Failed;
    throw new OperatorError(`${file}: ${message}`, exitCode);
  }
}

/** What Windows redirects into a file is UTF-16. */
function textOf(content: Buffer): string {
  return content.toString(content[0] === 0xff && content[1] === 0xfe ? 'utf16le' : 'latin1');
}

function unrecognised(text: string): OperatorError {
  return new OperatorError(
    /^\s*<(!doctype|html|\?xml)/i.test(text)
      ? 'it is a web page; download the certificate, not the page that offers it'
      : 'no certificate, key, certification request, CRL, PKCS#7 or PKCS#12 file can be recognised; accepted are PEM and DER',
    ExitCode.Failed,
  );
}

async function recogniseBlock(block: PemBlock, readPassword: ReadPassword): Promise<Recognised[]> {
  switch (block.label) {
    case 'CERTIFICATE':
    case 'X509 CERTIFICATE':
    case 'TRUSTED CERTIFICATE':
      // The web page of AD CS writes PKCS#7 with this label.
      return decodePkcs7(derOf(block))?.map(certificateOf) ?? [certificateOf(new X509Certificate(block.pem))];
    case 'PKCS7':
    case 'CMS': {
      const certificates = decodePkcs7(derOf(block));
      if (certificates === undefined) throw new OperatorError('the PKCS#7 file is damaged', ExitCode.Failed);
      return certificates.map(certificateOf);
    }
    case 'CERTIFICATE REQUEST':
    case 'NEW CERTIFICATE REQUEST':
      return [requestOf(derOf(block))];
    case 'X509 CRL':
      return [listOf(derOf(block))];
    case 'PUBLIC KEY':
      return [{ kind: 'public-key', key: createPublicKey(block.pem) }];
    case 'PRIVATE KEY':
    case 'RSA PRIVATE KEY':
    case 'EC PRIVATE KEY':
    case 'ENCRYPTED PRIVATE KEY':
      return [await recognisePrivateKey(block.pem, /ENCRYPTED/.test(block.pem), readPassword)];
    default:
      throw new OperatorError(`the PEM block "${block.label}" is of no known kind`, ExitCode.Failed);
  }
}

function certificateOf(certificate: X509Certificate): Recognised {
  return { kind: 'certificate', certificate };
}

function requestOf(der: Buffer): Recognised {
  return { kind: 'certification-request', request: decodeCertificationRequest(der) };
}

function listOf(der: Buffer): Recognised {
  return { kind: 'revocation-list', list: decodeRevocationList(der) };
}

/** Without its passphrase, an encrypted key is still recognised as one. */
async function recognisePrivateKey(
  key: string | Buffer,
  isEncrypted: boolean,
  readPassword: ReadPassword,
): Promise<Recognised> {
  const passphrase = isEncrypted ? await readPassword('private key') : undefined;
  if (isEncrypted && passphrase === undefined) return { kind: 'private-key', isEncrypted };
  try {
    const form = typeof key === 'string' ? { key } : ({ key, type: 'pkcs8', format: 'der' } as const);
    const opened = createPrivateKey({ ...form, ...(passphrase === undefined ? {} : { passphrase }) });
    return { kind: 'private-key', isEncrypted, key: opened };
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
async function recogniseDer(
  content: Buffer,
  text: string,
  readPassword: ReadPassword,
): Promise<Recognised[]> {
  const privateKey = (type: 'pkcs8' | 'pkcs1' | 'sec1') => (): Recognised => ({
    kind: 'private-key',
    isEncrypted: false,
    key: createPrivateKey({ key: content, type, format: 'der' }),
  });
  const recognised =
    attempt(() => certificateOf(new X509Certificate(content))) ??
    attempt(() => requestOf(content)) ??
    attempt(() => listOf(content)) ??
    attempt(privateKey('pkcs8')) ??
    attempt(privateKey('pkcs1')) ??
    attempt(privateKey('sec1')) ??
    attempt(
      (): Recognised => ({
        kind: 'public-key',
        key: createPublicKey({ key: content, type: 'spki', format: 'der' }),
      }),
    );
  if (recognised !== undefined) return [recognised];
  const certificates = decodePkcs7(content);
  if (certificates !== undefined) return certificates.map(certificateOf);
  if (isPkcs12(content)) return [await recognisePkcs12(content, readPassword)];
  if (isEncryptedDerKey(content)) return [await recognisePrivateKey(content, true, readPassword)];
  throw unrecognised(text);
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

async function recognisePkcs12(content: Buffer, readPassword: ReadPassword): Promise<Recognised> {
  const { privateKeys, certificates } = await openPkcs12(content, readPassword);
  return {
    kind: 'pkcs12',
    ciphers: ciphersOf(content),
    contents: [
      ...privateKeys.map((key) => ({ kind: 'private-key', isEncrypted: false, key }) as const),
      ...certificates.map((certificate) => ({ kind: 'certificate', certificate }) as const),
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

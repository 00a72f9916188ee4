/**
 * PKCS#12 files: writes them as devices import them, with one RSA key, its certificate and that of the CA; reads those
 * of other programs. Reads PKCS#7 files with certificates, too. The only file that loads node-forge, which reads BER: Windows
 * writes it. Knows nothing of where the password comes from.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { ExitCode, OperatorError } from '../errors';
import { objectIdentifier } from './der';

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
 * The bytes of a .p12 file. Its password is stretched by 2,048 rounds only, which is what old devices accept: only a
 * long password protects.
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
  return bytesOf(pkcs12);
}

export interface Pkcs12Contents {
  readonly privateKeys: readonly KeyObject[];
  readonly certificates: readonly X509Certificate[];
}

/**
 * Of all parts together. Firefox stretches the password by 600,000 rounds for each of three; these take some ten seconds.
 * With more, a file could keep the program busy for hours.
 */
export const MAX_ROUNDS = 3_000_000;

/** Takes the bytes of a .p12 file. Throws OperatorError where the password is wrong or the contents are unusual. */
export function decodePkcs12(content: Buffer, password: string): Pkcs12Contents {
  try {
    const rounds = roundsOf(content);
    if (rounds > MAX_ROUNDS) {
      throw new RangeError(`its password is stretched by ${rounds} rounds; at most ${MAX_ROUNDS} are taken`);
    }
    // Not strict: Windows and NSS write parts in BER.
    const pkcs12 = forge.pkcs12.pkcs12FromAsn1(decodeBer(content), false, password);
    return contentsOf(pkcs12.safeContents.flatMap(({ safeBags }) => safeBags));
  } catch (cause) {
    const { message } = cause as Error;
    throw new OperatorError(
      cause instanceof RangeError || !/password|decrypt/i.test(message)
        ? `it cannot be read: ${message}`
        : 'the password is wrong',
      ExitCode.Failed,
    );
  }
}

/** Values inside each other; real files have fewer than ten of those that a password is needed for. */
const MAX_DEPTH = 40;

/**
 * How often a password is hashed to read the file, as far as that is visible without it. In each place that has such a
 * number, and in no other, an INTEGER is right behind an OCTET STRING, the salt (RFC 7292 §4, RFC 8018 §A). Throws the errors
 * of node-forge.
 */
export function roundsOf(pkcs12: Buffer): number {
  return roundsIn(decodeBer(pkcs12), 0);
}

function roundsIn(value: forge.asn1.Asn1, depth: number): number {
  if (depth > MAX_DEPTH) return 0;
  const { OCTETSTRING, INTEGER } = forge.asn1.Type;
  if (!Array.isArray(value.value)) return value.type === OCTETSTRING ? roundsInText(value.value, depth) : 0;
  const parts = valuesOf(value);
  // BER may cut an OCTET STRING into pieces.
  if (value.type === OCTETSTRING) return roundsInText(parts.map(({ value: text }) => text).join(''), depth);
  return parts.reduce((total, part, index) => {
    const isNumber = part.type === INTEGER && parts[index - 1]?.type === OCTETSTRING;
    const rounds = isNumber ? Number(`0x${forge.util.bytesToHex(String(part.value)) || '0'}`) : 0;
    return total + rounds + roundsIn(part, depth + 1);
  }, 0);
}

/** Of what is encrypted, nothing is known. */
function roundsInText(text: string, depth: number): number {
  try {
    return roundsIn(forge.asn1.fromDer(text, false), depth + 1);
  } catch {
    return 0;
  }
}

/** Throws the errors of OpenSSL for a key or a certificate that is not one. */
function contentsOf(bags: readonly forge.pkcs12.Bag[]): Pkcs12Contents {
  const { pkcs8ShroudedKeyBag, keyBag, certBag } = forge.pki.oids;
  return {
    privateKeys: bags
      .filter(({ type }) => type === pkcs8ShroudedKeyBag || type === keyBag)
      .map(({ key, asn1 }) =>
        // node-forge knows RSA keys only and hands the others over as they are.
        key
          ? createPrivateKey(forge.pki.privateKeyToPem(key))
          : createPrivateKey({ key: bytesOf(asn1), type: 'pkcs8', format: 'der' }),
      ),
    certificates: bags
      .filter(({ type }) => type === certBag)
      .map(({ cert, asn1 }) => new X509Certificate(bytesOf(cert ? forge.pki.certificateToAsn1(cert) : asn1))),
  };
}

/** Whether the bytes look like a .p12 file: PFX of version 3 (RFC 7292 §4). */
export function isPkcs12(content: Buffer): boolean {
  try {
    const [version, contentInfo] = decodeBer(content).value as forge.asn1.Asn1[];
    return version?.value === '\x03' && contentInfo?.type === forge.asn1.Type.SEQUENCE;
  } catch {
    return false;
  }
}

function decodeBer(content: Buffer): forge.asn1.Asn1 {
  return forge.asn1.fromDer(content.toString('latin1'), false);
}

/** SignedData (RFC 5652 §5.1): a PKCS#7 file with certificates is one without anything signed. */
const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** The certificates of a PKCS#7 file (.p7b, .p7c), in its order; undefined where the bytes are not one. */
export function decodePkcs7(content: Buffer): X509Certificate[] | undefined {
  try {
    const [type, wrapped] = valuesOf(decodeBer(content));
    if (type === undefined || forge.asn1.derToOid(String(type.value)) !== SIGNED_DATA) return undefined;
    const { CONTEXT_SPECIFIC } = forge.asn1.Class;
    const fields = valuesOf(valuesOf(wrapped)[0]);
    // [0] are the certificates, [1] the revocation lists.
    const certificates = fields.find(
      ({ tagClass, type }) => tagClass === CONTEXT_SPECIFIC && Number(type) === 0,
    );
    return valuesOf(certificates).map((certificate) => new X509Certificate(bytesOf(certificate)));
  } catch {
    return undefined;
  }
}

function valuesOf(value: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] {
  return Array.isArray(value?.value) ? value.value : [];
}

/** node-forge carries bytes in strings, one character per byte. */
function bytesOf(value: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(value).getBytes(), 'latin1');
}

/** Object identifiers of ciphers in PKCS#12 files, strongest first. */
const ciphers: readonly (readonly [oid: string, name: string])[] = [
  ['2.16.840.1.101.3.4.1.42', 'AES-256'],
  ['2.16.840.1.101.3.4.1.22', 'AES-192'],
  ['2.16.840.1.101.3.4.1.2', 'AES-128'],
  ['1.2.840.113549.1.12.1.3', 'triple DES'],
  ['1.2.840.113549.1.12.1.6', 'RC2 with 40 bits'],
];

/** The ciphers that its parts are encrypted with; their names are readable without the password. */
export function ciphersOf(pkcs12: Buffer): string[] {
  return ciphers.flatMap(([oid, name]) => (pkcs12.includes(objectIdentifier(oid)) ? [name] : []));
}

/** Whether it was made for devices that cannot read AES. */
export function isLegacyPkcs12(pkcs12: Buffer): boolean {
  return ciphersOf(pkcs12).includes('triple DES');
}

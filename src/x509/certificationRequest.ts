/**
 * PKCS#10 certification requests (RFC 2986): what a device asks for, and whether it has the key that it asks for; and
 * requests of our own, for the CA of somebody else. Decides nothing about what is issued or asked for: pki/ does.
 * node-forge knows no elliptic curves, so der.ts takes the request apart and node:crypto does the rest.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { keyProblem, signatureAlgorithmOf } from './algorithms';
import {
  bitString,
  bitsOf,
  type DerValue,
  decodeDer,
  encode,
  explicitTag,
  hexOf,
  integer,
  isShortestForm,
  itemsOf,
  objectIdentifier,
  oidOf,
  sequence,
  Tag,
} from './der';
import {
  decodeExtensions,
  type ExtendedKeyUsage,
  type Extensions,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeSubjectNames,
  extension,
  extensionOid,
  subjectNamesOf,
} from './extensions';
import { commonNamesOf, encodeName, formatName, type NameAttribute } from './names';
import { encodePem } from './pem';

/** Extensions that the request asks for (RFC 2985 §5.4.2). */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
/** A password for revocation (RFC 2985 §5.4.1), which Aegis never asks for. */
const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7';

export interface CertificationRequest {
  /** `CN=ct1, O=Example`, as it came: may hold any character. */
  readonly subject: string;
  readonly commonNames: readonly string[];
  /** DNS names and IP addresses of subjectAltName; as they came, not checked. */
  readonly names: readonly string[];
  readonly publicKey: KeyObject;
  readonly signatureAlgorithm: string;
  /** Everything else that it asks for: names of other kinds, extensions, attributes. */
  readonly furtherWishes: readonly string[];
  /** Why it cannot be signed, each a sentence with what to do; empty when it can be. */
  readonly problems: readonly string[];
}

/** Takes DER. Throws RangeError where the bytes are not a request, or its key is of no known kind. */
export function decodeCertificationRequest(request: Buffer): CertificationRequest {
  const decoded = decodeDer(request);
  // What can be written in two ways may be read in two ways, by us and by the device's own tools.
  if (!isShortestForm(decoded)) throw new RangeError('it is not in DER');
  const [toBeSigned, algorithm, signature] = itemsOf(decoded);
  const { bytes: signatureBytes, unusedBits } = bitsOf(signature);
  const isRequest = [decoded, toBeSigned, algorithm].every((value) => value?.tag === Tag.sequence);
  if (!isRequest || unusedBits !== 0) throw new RangeError('it is not a certification request');
  const [version, subject, keyInfo, attributes] = itemsOf(toBeSigned);
  // Some leave the attributes out where they have none, although the standard does not.
  const hasAttributes = attributes?.tag === explicitTag(0);
  if (hexOf(version) !== '00' || subject === undefined || (attributes !== undefined && !hasAttributes)) {
    throw new RangeError('it is not of version 1');
  }
  const publicKey = readPublicKey(keyInfo);
  const signatureOid = oidOf(itemsOf(algorithm)[0]);
  const wishes = wishesOf(hasAttributes ? itemsOf(attributes) : []);
  return {
    subject: formatName(subject),
    commonNames: commonNamesOf(subject),
    names: wishes.names,
    publicKey,
    signatureAlgorithm: signatureAlgorithmOf(signatureOid).name,
    furtherWishes: wishes.further,
    problems: [
      keyProblem(publicKey),
      signatureProblem(toBeSigned!.encoded, signatureOid, signatureBytes, publicKey),
    ].filter((problem) => problem !== undefined),
  };
}

function readPublicKey(keyInfo: DerValue | undefined): KeyObject {
  try {
    return createPublicKey({ key: keyInfo?.encoded ?? Buffer.alloc(0), type: 'spki', format: 'der' });
  } catch (error) {
    throw new RangeError(`its key is not readable: ${(error as Error).message}`);
  }
}

/** Why the signature does not prove that the sender has the private key; undefined where it does. */
function signatureProblem(
  toBeSigned: Buffer,
  algorithm: string,
  signature: Buffer,
  publicKey: KeyObject,
): string | undefined {
  const { name, digest, keyType, isForgeable } = signatureAlgorithmOf(algorithm);
  if (digest === undefined || isForgeable) {
    return `it is signed with ${name}; accepted are RSA and ECDSA with SHA-256, SHA-384 and SHA-512, so make it again, e.g. with "openssl req -new -sha256"`;
  }
  const isGood = keyType === publicKey.asymmetricKeyType && verify(digest, toBeSigned, publicKey, signature);
  return isGood
    ? undefined
    : 'its signature is not that of its key: it was changed on the way, or its sender does not have the key';
}

function wishesOf(attributes: readonly DerValue[]): { readonly names: string[]; readonly further: string[] } {
  const names: string[] = [];
  const further: string[] = [];
  for (const attribute of attributes) {
    const [oid, values] = itemsOf(attribute);
    switch (oidOf(oid)) {
      case EXTENSION_REQUEST: {
        const extensions = decodeExtensions(itemsOf(values)[0]);
        for (const { kind, text } of subjectNamesOf(extensions)) {
          if (kind === 'other') further.push(text);
          else names.push(text);
        }
        further.push(...describeExtensions(extensions));
        break;
      }
      case CHALLENGE_PASSWORD:
        further.push('a challenge password');
        break;
      default:
        further.push(`the attribute ${oidOf(oid)}`);
    }
  }
  return { names, further };
}

/** All but subjectAltName. The usual ones are those that the CA sets by itself. */
function describeExtensions(extensions: Extensions): string[] {
  return [...extensions.keys()].flatMap((oid) =>
    oid === extensionOid.subjectAltName ? [] : [extensionNames.get(oid) ?? `the extension ${oid}`],
  );
}

const extensionNames: ReadonlyMap<string, string> = new Map(
  Object.entries(extensionOid).map(([name, oid]) => [oid, name]),
);

export interface RequestFields {
  readonly subject: readonly NameAttribute[];
  /** DNS names and IP addresses, checked. */
  readonly names: readonly string[];
  /** Sum of KeyUsage bits. */
  readonly keyUsage: number;
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
}

/** Identifiers of the algorithms that requests are signed with. */
const RSA_WITH_SHA256 = '1.2.840.113549.1.1.11';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

/** A request for this key, RSA or ECDSA, signed with it, as PEM. */
export function encodeCertificationRequest(fields: RequestFields, privateKey: KeyObject): string {
  const extensions = sequence(
    extension(extensionOid.keyUsage, encodeKeyUsage(fields.keyUsage), true),
    extension(extensionOid.extendedKeyUsage, encodeExtendedKeyUsage(fields.extendedKeyUsage)),
    extension(extensionOid.subjectAltName, encodeSubjectNames(fields.names)),
  );
  const attribute = sequence(objectIdentifier(EXTENSION_REQUEST), encode(Tag.set, extensions));
  const toBeSigned = sequence(
    integer(0), // version v1
    encodeName(fields.subject),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    encode(explicitTag(0), attribute),
  );
  // RFC 4055 §5 and RFC 5758 §3.2: with RSA the parameters are NULL, with ECDSA there are none.
  const algorithm =
    privateKey.asymmetricKeyType === 'rsa'
      ? sequence(objectIdentifier(RSA_WITH_SHA256), encode(Tag.null))
      : sequence(objectIdentifier(ECDSA_WITH_SHA256));
  const signature = bitString(sign('sha256', toBeSigned, privateKey));
  return encodePem('CERTIFICATE REQUEST', sequence(toBeSigned, algorithm, signature));
}

/**
 * PKCS#10 certification requests (RFC 2986): what a device asks for, and whether it has the key that it asks for. Reads
 * any request that can be read; what is issued for it is decided in folderRequests.ts, never by the request.
 * node-forge does no elliptic curves, so its ASN.1 kit takes the request apart and node:crypto does the rest.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { keyProblem, signatureAlgorithmOf } from './algorithms';
import {
  bitsOf,
  contentOf,
  type Der,
  decodeDer,
  encodeDer,
  isContextSpecific,
  isSequence,
  itemsOf,
  oidOf,
} from './der';
import { commonNamesOf, formatName } from './distinguishedName';
import { decodeExtensions, type Extensions, extensionOid, subjectNamesOf } from './extensions';

/** Extensions that the request asks for (RFC 2985 §5.4.2). */
const extensionRequestOid = '1.2.840.113549.1.9.14';
/** A password for revocation (RFC 2985 §5.4.1), which nobody here will ask for. */
const challengePasswordOid = '1.2.840.113549.1.9.7';

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
  /** Why it cannot be signed, each a sentence with what to do; empty when nothing speaks against it. */
  readonly problems: readonly string[];
}

/** Takes DER. Throws where the bytes are no request or its key is of no known kind. */
export function decodeCertificationRequest(request: Buffer): CertificationRequest {
  const decoded = decodeDer(request);
  // The signature is over the bytes as they came. Only where encoding is the reverse of decoding do we have them.
  if (!encodeDer(decoded).equals(request)) throw new TypeError('it is not in DER');
  const [toBeSigned, algorithm, signature] = itemsOf(decoded);
  const { bytes: signatureBytes, unusedBits } = bitsOf(signature);
  if (!isSequence(decoded) || !isSequence(toBeSigned) || !isSequence(algorithm) || unusedBits !== 0) {
    throw new TypeError('it is no certification request');
  }
  const [version, subject, keyInfo, attributes] = itemsOf(toBeSigned);
  // Some leave the attributes out where they have none, although the standard does not.
  const hasAttributes = isContextSpecific(attributes, 0);
  if (!contentOf(version).equals(Buffer.of(0)) || (attributes !== undefined && !hasAttributes)) {
    throw new TypeError('it is not of version 1');
  }
  const publicKey = createPublicKey({ key: encodeDer(keyInfo!), type: 'spki', format: 'der' });
  const wishes = wishesOf(hasAttributes ? itemsOf(attributes) : []);
  return {
    subject: formatName(subject!),
    commonNames: commonNamesOf(subject!),
    names: wishes.names,
    publicKey,
    signatureAlgorithm: signatureAlgorithmOf(oidOf(itemsOf(algorithm)[0])).name,
    furtherWishes: wishes.further,
    problems: [
      keyProblem(publicKey),
      signatureProblem(encodeDer(toBeSigned), algorithm, signatureBytes, publicKey),
    ].filter((problem) => problem !== undefined),
  };
}

/** What speaks against the signature, by which the sender proves that it has the private key. */
function signatureProblem(
  toBeSigned: Buffer,
  algorithm: Der,
  signature: Buffer,
  publicKey: KeyObject,
): string | undefined {
  const { name, digest, keyType } = signatureAlgorithmOf(oidOf(itemsOf(algorithm)[0]));
  if (digest === undefined) {
    return `it is signed with ${name}; accepted are RSA and ECDSA with SHA-256, SHA-384 and SHA-512, so make it again, e.g. with "openssl req -new -sha256"`;
  }
  const isGood = keyType === publicKey.asymmetricKeyType && verify(digest, toBeSigned, publicKey, signature);
  return isGood
    ? undefined
    : 'its signature is not that of its key: it was changed on the way, or whoever made it does not have the key';
}

function wishesOf(attributes: readonly Der[]): { readonly names: string[]; readonly further: string[] } {
  const names: string[] = [];
  const further: string[] = [];
  for (const attribute of attributes) {
    const [oid, values] = itemsOf(attribute);
    switch (oidOf(oid)) {
      case extensionRequestOid: {
        const extensions = decodeExtensions(itemsOf(values)[0]);
        for (const { kind, text } of subjectNamesOf(extensions)) {
          if (kind === 'other') further.push(text);
          else names.push(text);
        }
        further.push(...describeExtensions(extensions));
        break;
      }
      case challengePasswordOid:
        further.push('a challenge password');
        break;
      default:
        further.push(`the attribute ${oidOf(oid)}`);
    }
  }
  return { names, further };
}

/** All but subjectAltName. The usual ones are those that the CA sets by itself. */
const describeExtensions = (extensions: Extensions): string[] =>
  [...extensions.keys()].flatMap((oid) =>
    oid === extensionOid.subjectAltName ? [] : [extensionNames.get(oid) ?? `the extension ${oid}`],
  );

const extensionNames: ReadonlyMap<string, string> = new Map(
  Object.entries(extensionOid).map(([name, oid]) => [oid, name]),
);

/**
 * Names of keys and signature algorithms, and which of them a certificate may be issued for. Knows nothing of files.
 */
import type { KeyObject } from 'node:crypto';

/** RSA because every modality understands it; ECDSA P-256 because it costs the gateway less per handshake. */
export type KeyType = 'rsa' | 'ecdsa';

/** Keys that one can ask for. CAs of hospitals set a lower bound, which is often higher than ours. */
export const requestKeys = ['rsa-2048', 'rsa-3072', 'rsa-4096', 'ecdsa-p256', 'ecdsa-p384'] as const;
export type RequestKey = (typeof requestKeys)[number];

/** Curves that TLS peers have in common, by the name that Node has for them. */
const curveNames: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** NIST SP 800-131A disallows shorter ones. */
const MIN_RSA_BITS = 2048;
/** A handshake with a longer key takes the gateway as long as a hundred others. */
const MAX_RSA_BITS = 8192;

/** `RSA 2048`, `ECDSA P-256`. */
export function describeKey(key: KeyObject): string {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType === 'rsa') return `RSA ${asymmetricKeyDetails?.modulusLength}`;
  if (asymmetricKeyType === 'ec') {
    const curve = asymmetricKeyDetails?.namedCurve;
    return `ECDSA ${curve === undefined ? 'with an unnamed curve' : (curveNames[curve] ?? curve)}`;
  }
  return String(asymmetricKeyType);
}

/** Why no certificate may be issued for this public key; undefined where one may. */
export function keyProblem(publicKey: KeyObject): string | undefined {
  const accepted = `accepted are RSA with ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits and ECDSA with the curves P-256, P-384 and P-521`;
  const problem = `its key is ${describeKey(publicKey)}; ${accepted}`;
  const { asymmetricKeyType, asymmetricKeyDetails } = publicKey;
  if (asymmetricKeyType === 'ec') {
    return asymmetricKeyDetails?.namedCurve !== undefined && asymmetricKeyDetails.namedCurve in curveNames
      ? undefined
      : problem;
  }
  if (asymmetricKeyType !== 'rsa') return problem;
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {};
  // With the exponent 1 every signature is its own message: everyone who sees the certificate has the key.
  if (publicExponent < 3n) return 'its RSA key has the exponent 1, which protects nothing; make another key';
  return modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS ? undefined : problem;
}

/** Its digest is among its parameters. */
export const RSA_PSS = '1.2.840.113549.1.1.10';

interface SignatureAlgorithm {
  readonly name: string;
  /** As node:crypto calls it. Absent where nothing that is signed so is accepted. */
  readonly digest?: string;
  /** An attacker who chooses what is signed can forge it. Good enough for lists: only the CA writes them. */
  readonly isForgeable?: true;
  /** Type of the keys that sign with it, as node:crypto calls it. */
  readonly keyType?: 'rsa' | 'ec';
}

const signatureAlgorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.4': { name: 'RSA with MD5' },
  '1.2.840.113549.1.1.5': { name: 'RSA with SHA-1', digest: 'sha1', keyType: 'rsa', isForgeable: true },
  '1.2.840.113549.1.1.11': { name: 'RSA with SHA-256', digest: 'sha256', keyType: 'rsa' },
  '1.2.840.113549.1.1.12': { name: 'RSA with SHA-384', digest: 'sha384', keyType: 'rsa' },
  '1.2.840.113549.1.1.13': { name: 'RSA with SHA-512', digest: 'sha512', keyType: 'rsa' },
  [RSA_PSS]: { name: 'RSA-PSS' },
  '1.2.840.10045.4.1': { name: 'ECDSA with SHA-1', digest: 'sha1', keyType: 'ec', isForgeable: true },
  '1.2.840.10045.4.3.2': { name: 'ECDSA with SHA-256', digest: 'sha256', keyType: 'ec' },
  '1.2.840.10045.4.3.3': { name: 'ECDSA with SHA-384', digest: 'sha384', keyType: 'ec' },
  '1.2.840.10045.4.3.4': { name: 'ECDSA with SHA-512', digest: 'sha512', keyType: 'ec' },
  '1.3.101.112': { name: 'Ed25519' },
  '1.3.101.113': { name: 'Ed448' },
};

/** Its name, or its identifier where we know none. */
export function signatureAlgorithmOf(oid: string): SignatureAlgorithm {
  return signatureAlgorithms[oid] ?? { name: `the algorithm ${oid}` };
}

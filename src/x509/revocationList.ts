/**
 * Reads certificate revocation lists (RFC 5280 §5.1). Neither node:crypto nor node:tls gives what is in one. With a
 * list past its next update, every peer is refused. What a list counts for is in revocationTrust.ts.
 */
import {
  contentOf,
  type DerValue,
  decodeDer,
  eachItemOf,
  explicitTag,
  fewItemsOf,
  hexOf,
  isTime,
  itemsOf,
  oidOf,
  Tag,
  timeOf,
} from './der';
import { decodeExtensions, extensionOid } from './extensions';
import { revocationReasonCode } from './revocationReasons';

export interface RevocationListParts {
  readonly issuer: DerValue;
  /** Identifier of the algorithm. */
  readonly signatureAlgorithm: string;
  readonly thisUpdate: Date;
  /** Absent where the list does not say when it ends. */
  readonly nextUpdate?: Date;
  /** Read only when they are asked for, by the functions below: there may be a hundred thousand. */
  readonly entries?: DerValue;
  readonly extensions?: DerValue;
  /** What the CA signed, and how. */
  readonly toBeSigned: Buffer;
  readonly algorithm?: DerValue | undefined;
  readonly signature?: DerValue | undefined;
  /** Of every revoked certificate, read once. Throws RangeError where an entry is malformed. */
  readonly serialNumbers: ReadonlySet<string>;
}

export interface Revocation {
  readonly serialNumber: string;
  readonly revokedAt: Date;
  /** In words where we know them, else the number. */
  readonly reason?: string;
}

/** Its bytes without the entries. Real ones have some hundreds; the longest signature that there is has 50 KB. */
const MAX_HEAD_BYTES = 64 * 1024;
/** RFC 5280 §5.1: what is signed, the algorithm, the signature; and the fields of what is signed. */
const MAX_PARTS = 3;
const MAX_FIELDS = 7;

/**
 * Takes DER, of any length and from anybody: who signed it is not known before. Throws RangeError where the bytes are not a
 * revocation list.
 */
export function decodeRevocationList(list: Buffer): RevocationListParts {
  const [toBeSigned, algorithm, signatureBits] = fewItemsOf(decodeDer(list), MAX_PARTS);
  const fields = fewItemsOf(toBeSigned, MAX_FIELDS);
  // Version 1 goes without saying.
  if (fields[0]?.tag === Tag.integer) fields.shift();
  const [signature, issuer, thisUpdate, ...rest] = fields;
  if (issuer?.tag !== Tag.sequence) throw new RangeError('a revocation list lacks the name of its issuer');
  const nextUpdate = isTime(rest[0]) ? rest.shift() : undefined;
  const entries = rest[0]?.tag === Tag.sequence ? rest.shift() : undefined;
  if (list.length - (entries?.encoded.length ?? 0) > MAX_HEAD_BYTES) {
    throw new RangeError(`a revocation list has more than ${MAX_HEAD_BYTES} bytes beside its entries`);
  }
  const extensions = rest[0]?.tag === explicitTag(0) ? rest[0] : undefined;
  let serialNumbers: ReadonlySet<string> | undefined;
  return {
    issuer,
    signatureAlgorithm: oidOf(itemsOf(signature)[0]),
    thisUpdate: timeOf(thisUpdate),
    ...(nextUpdate === undefined ? {} : { nextUpdate: timeOf(nextUpdate) }),
    ...(entries === undefined ? {} : { entries }),
    ...(extensions === undefined ? {} : { extensions }),
    toBeSigned: toBeSigned!.encoded,
    algorithm,
    signature: signatureBits,
    get serialNumbers() {
      serialNumbers ??= new Set(revokedSerialNumbers({ entries }));
      return serialNumbers;
    },
  };
}

/** Takes a serial number as X509Certificate writes it. Throws RangeError where an entry is malformed. */
export function isRevoked(list: RevocationListParts, serialNumber: string): boolean {
  return list.serialNumbers.has(serialNumber);
}

/** In hexadecimal as X509Certificate writes them. Throws RangeError where an entry is malformed. */
export function* revokedSerialNumbers({
  entries,
}: {
  readonly entries?: DerValue | undefined;
}): Generator<string> {
  if (entries === undefined) return;
  for (const entry of eachItemOf(entries)) {
    const [serialNumber] = eachItemOf(entry);
    yield hexOf(serialNumber);
  }
}

/** Every entry in full. Throws RangeError where one is malformed. */
export function revocationsOf({ entries }: RevocationListParts): Revocation[] {
  return (entries === undefined ? [] : itemsOf(entries)).map((entry) => {
    const [serialNumber, revokedAt, extensions] = itemsOf(entry);
    const reason = decodeExtensions(extensions).get(extensionOid.reasonCode);
    return {
      serialNumber: hexOf(serialNumber),
      revokedAt: timeOf(revokedAt),
      ...(reason === undefined
        ? {}
        : { reason: reasonName(contentOf(decodeDer(reason), Tag.enumerated)[0]) }),
    };
  });
}

function reasonName(code: number | undefined): string {
  const known = Object.entries(revocationReasonCode).find(([, value]) => value === code);
  return known?.[0] ?? `reason ${code}`;
}

/** Hexadecimal; undefined in version 1. */
export function revocationListNumber({ extensions }: RevocationListParts): string | undefined {
  if (extensions === undefined) return undefined;
  const number = decodeExtensions(itemsOf(extensions)[0]).get(extensionOid.crlNumber);
  return number && hexOf(decodeDer(number));
}

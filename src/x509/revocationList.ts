/**
 * Certificate revocation lists, version 2, as bytes (RFC 5280 §5): from plain entries to PEM and back. Knows nothing
 * of where revocations are kept.
 */
import type { KeyObject } from 'node:crypto';
import type { CertificateIdentity } from './certificate';
import {
  contentOf,
  contextSpecific,
  type Der,
  decodeDer,
  enumerated,
  hexOf,
  integer,
  isContextSpecific,
  isSequence,
  isTime,
  itemsOf,
  oidOf,
  sequence,
  time,
  timeOf,
} from './der';
import { authorityKeyIdentifier, decodeExtensions, extension, extensionOid } from './extensions';
import { type RevocationReason, revocationReasonCode } from './revocationReason';
import { signatureAlgorithm, signToPem } from './signing';

export interface RevokedCertificate {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  /** Without one the entry carries no extension. */
  readonly reason?: RevocationReason | undefined;
}

export interface RevocationListFields {
  readonly issuer: CertificateIdentity;
  /** Greater than that of every earlier list of the same CA (RFC 5280 §5.2.3); at most 2^48 - 1. */
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly RevokedCertificate[];
}

/** Issues one list, signed with `issuerKey`, as PEM with the label that OpenSSL accepts. */
export function issueRevocationList(fields: RevocationListFields, issuerKey: KeyObject): string {
  const entries = fields.revoked.map(encodeEntry);
  const toBeSigned = sequence(
    integer(1), // version v2
    signatureAlgorithm(),
    fields.issuer.name,
    time(fields.thisUpdate),
    time(fields.nextUpdate),
    // RFC 5280 §5.1.2.6: absent, not empty, when nothing is revoked.
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    contextSpecific(0, [
      sequence(
        authorityKeyIdentifier(fields.issuer.keyIdentifier),
        extension(extensionOid.crlNumber, integer(numberBytes(fields.number))),
      ),
    ]),
  );
  return signToPem('X509 CRL', toBeSigned, issuerKey);
}

function encodeEntry({ serialNumber, revokedAt, reason }: RevokedCertificate): Der {
  const entry = [integer(Buffer.from(serialNumber, 'hex')), time(revokedAt)];
  if (reason !== undefined) {
    entry.push(sequence(extension(extensionOid.reasonCode, enumerated(revocationReasonCode[reason]))));
  }
  return sequence(...entry);
}

/** Big-endian two's complement; the ASN.1 kit encodes numbers of four bytes at most. */
function numberBytes(number: number): Buffer {
  const bytes = Buffer.alloc(7);
  bytes.writeUIntBE(number, 1, 6);
  const start = bytes.findIndex((byte) => byte !== 0);
  if (start === -1) return Buffer.of(0);
  return bytes.subarray(bytes[start]! >= 0x80 ? start - 1 : start);
}

/** A list as it was read; its signature is not looked at. */
export interface DecodedRevocationList {
  readonly issuer: Der;
  /** Identifier of the algorithm. */
  readonly signatureAlgorithm: string;
  /** Hexadecimal; absent in version 1. */
  readonly number?: string;
  readonly thisUpdate: Date;
  /** Absent where the list does not say when it ends. */
  readonly nextUpdate?: Date;
  readonly revoked: readonly DecodedRevocation[];
}

export interface DecodedRevocation {
  readonly serialNumber: string;
  readonly revokedAt: Date;
  /** In words where we know them, else the number. */
  readonly reason?: string;
}

/** Takes DER. Throws where the bytes are no revocation list. */
export function decodeRevocationList(list: Buffer): DecodedRevocationList {
  const [toBeSigned] = itemsOf(decodeDer(list));
  const fields = [...itemsOf(toBeSigned)];
  // Version 1 goes without saying.
  if (!isSequence(fields[0])) fields.shift();
  const [signature, issuer, thisUpdate, ...rest] = fields;
  const nextUpdate = isTime(rest[0]) ? rest.shift() : undefined;
  const entries = isSequence(rest[0]) ? itemsOf(rest.shift()) : [];
  const extensions = isContextSpecific(rest[0], 0) ? decodeExtensions(itemsOf(rest[0])[0]) : undefined;
  const number = extensions?.get(extensionOid.crlNumber);
  return {
    issuer: issuer!,
    signatureAlgorithm: oidOf(itemsOf(signature)[0]),
    thisUpdate: timeOf(thisUpdate),
    ...(number === undefined ? {} : { number: hexOf(decodeDer(number)) }),
    ...(nextUpdate === undefined ? {} : { nextUpdate: timeOf(nextUpdate) }),
    revoked: entries.map(decodeEntry),
  };
}

function decodeEntry(entry: Der): DecodedRevocation {
  const [serialNumber, revokedAt, extensions] = itemsOf(entry);
  const reason = decodeExtensions(extensions).get(extensionOid.reasonCode);
  return {
    serialNumber: hexOf(serialNumber),
    revokedAt: timeOf(revokedAt),
    ...(reason === undefined ? {} : { reason: reasonName(contentOf(decodeDer(reason))[0]) }),
  };
}

function reasonName(code: number | undefined): string {
  const known = Object.entries(revocationReasonCode).find(([, value]) => value === code);
  return known?.[0] ?? `reason ${code}`;
}

/**
 * Certificate revocation lists, version 2, as bytes (RFC 5280 §5): from plain entries to PEM. Knows nothing of
 * where revocations are kept.
 */
import type { KeyObject } from 'node:crypto';
import { authorityKeyIdentifier, type CertificateIdentity, extension } from './certificate';
import { contextSpecific, type Der, enumerated, integer, sequence, time } from './der';
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
  /** Greater than that of every earlier list of the same CA (RFC 5280 §5.2.3). */
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
      sequence(authorityKeyIdentifier(fields.issuer), extension('2.5.29.20', integer(fields.number))),
    ]),
  );
  return signToPem('X509 CRL', toBeSigned, issuerKey);
}

function encodeEntry({ serialNumber, revokedAt, reason }: RevokedCertificate): Der {
  const entry = [integer(Buffer.from(serialNumber, 'hex')), time(revokedAt)];
  if (reason !== undefined)
    entry.push(sequence(extension('2.5.29.21', enumerated(revocationReasonCode[reason]))));
  return sequence(...entry);
}

/**
 * Whether a key was revoked together with a certificate for it: whoever has it would get back in with a new certificate.
 */
import type { KeyObject } from 'node:crypto';
import { publicKeyFingerprint } from '../x509/fingerprints';
import type { RevocationReason } from '../x509/revocationList';
import type { IssuedLog } from './issuedLog';

/** With these reasons the key itself is as good as before. No reason at all is none of them. */
const harmlessReasons: readonly (RevocationReason | undefined)[] = ['superseded', 'cessationOfOperation'];

export interface RevokedKey {
  readonly name: string;
  readonly serialNumber: string;
  /** Calendar day. */
  readonly date: string;
}

/** The certificate with which the key was revoked; undefined where it was not. */
export function revokedKeyOf(
  { issued, revokedBySerialNumber }: IssuedLog,
  publicKey: KeyObject,
): RevokedKey | undefined {
  const fingerprint = publicKeyFingerprint(publicKey);
  for (const { serialNumber, name, spkiFingerprint } of issued) {
    const revocation = revokedBySerialNumber.get(serialNumber);
    if (spkiFingerprint !== fingerprint || revocation === undefined) continue;
    if (harmlessReasons.includes(revocation.reason)) continue;
    return { name, serialNumber, date: revocation.time.slice(0, 10) };
  }
  return undefined;
}

/**
 * Signs what a CA issues and wraps it as PEM. The digest is fixed here, so that nothing can be issued with
 * an older one by forgetting to name it. Knows nothing of what it signs.
 */
import { type KeyObject, sign } from 'node:crypto';
import { bitString, type Der, encodeDer, nullValue, objectIdentifier, sequence } from './der';
import { encodePem } from './pem';

/** sha256WithRSAEncryption, whose parameters are NULL (RFC 4055 §5). CAs have RSA keys: every modality knows RSA. */
export const signatureAlgorithm = (): Der => sequence(objectIdentifier('1.2.840.113549.1.1.11'), nullValue());

/** The SIGNED form that certificates and CRLs share (RFC 5280 §4.1, §5.1), as PEM. */
export function signToPem(
  label: 'CERTIFICATE' | 'X509 CRL',
  toBeSigned: Der,
  authorityKey: KeyObject,
): string {
  const signature = sign('sha256', encodeDer(toBeSigned), authorityKey);
  const signed = encodeDer(sequence(toBeSigned, signatureAlgorithm(), bitString(signature)));
  return encodePem(label, signed);
}

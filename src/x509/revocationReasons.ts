/** Read by the help of the command line, which loads nothing else of this folder but the names of keys. */

/** Why a certificate is revoked, in the words and numbers of CRLReason (RFC 5280 §5.3.1). Those that fit a modality. */
export const revocationReasonCode = {
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
} as const;

export type RevocationReason = keyof typeof revocationReasonCode;

export const revocationReasons = Object.keys(revocationReasonCode) as [RevocationReason];

/** What a UID is (PS3.5 §9.1). Knows none by name. */

/** PS3.5 §9.1. */
export const MAX_UID_LENGTH = 64;

/**
 * Whether this is a UID: numbers joined by full stops. Nothing that passes can climb a directory or be empty, for
 * archives make file names of UIDs. Leading zeros, which PS3.5 §9.1 forbids, are let pass: old instances have them.
 */
export function isUid(text: string): boolean {
  return text.length <= MAX_UID_LENGTH && /^\d+(\.\d+)*$/.test(text);
}

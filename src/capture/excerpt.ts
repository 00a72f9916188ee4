/**
 * The bytes around what a peer may not send, as text: redacted as a capture is. Bounded, so that it can be kept for each
 * peer.
 */
import type { Violation } from '../association/legOwner';
import type { Excerpt } from '../audit/events';
import type { RedactedBytes } from './redactedBytes';
import { PduRedactor } from './redactedPdus';

/** Of the PDUs before the one that is not allowed. */
const BEFORE_BYTES = 64;
/** Of that one, and what came behind it. */
const AFTER_BYTES = 512;
/** A byte that may not be shown. */
const BLANKED = '..';

export function excerptOf({ peer, chunk, pdusBefore }: Violation): Excerpt {
  const pdus: RedactedBytes[] = [];
  const redactor = new PduRedactor(true, (pdu) => pdus.push(pdu));
  redactor.push(chunk);
  const rest = redactor.takeUnfinished();
  if (rest !== undefined) pdus.push(rest);
  const before = pdus.slice(0, pdusBefore).flatMap((pdu) => pdu.slice(pdu.length - BEFORE_BYTES, pdu.length));
  const after: (number | undefined)[] = [];
  for (const pdu of pdus.slice(pdusBefore)) after.push(...pdu.slice(0, AFTER_BYTES - after.length));
  const shown = before.slice(-BEFORE_BYTES);
  const hex = [...shown, ...after].map((byte) => byte?.toString(16).padStart(2, '0') ?? BLANKED);
  return { peer, bytes: hex.join(' '), start: shown.length };
}

/**
 * An audit event as a line for people: on a terminal, and in `aegis log`. Texts that came from the network are escaped
 * and shortened here. Knows no stream and no file.
 */
import { reasons } from '../policy/reasons';
import { certificateRemedy, describeRefused, isCertificateReason } from '../policy/refusedCertificates';
import type { AuditEvent } from './events';

/** AE titles have 16 characters and UIDs 64; only certificate names and details can come near this. */
const MAX_TEXT_LENGTH = 512;

export type TimedEvent = AuditEvent & { readonly time: string };

export function shorten(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH)}…`;
}

export function readableLine(event: TimedEvent): string {
  const { time, outcome, reason, detail } = event;
  const who =
    event.callingAeTitle === undefined
      ? event.sourceAddress
      : `${event.callingAeTitle}@${event.sourceAddress} to ${event.calledAeTitle}`;
  const facts = [event.command, event.sopClass, event.moveDestination, event.status, event.upstream].filter(
    Boolean,
  );
  const why = reason === undefined ? [] : [`${reason}: ${reasons[reason].text}`];
  const certificate = isCertificateReason(reason)
    ? [describeRefused(event.tls), certificateRemedy(reason)]
    : [];
  const parts = [
    ...[time, outcome.padEnd(10), event.event, who, event.modality],
    ...[...facts, ...why, detail, ...certificate],
  ];
  return parts
    .filter((part) => part !== undefined && part !== '')
    .map((part) => escapeControls(shorten(String(part))))
    .join('  ');
}

/** Control characters, C1 controls and line separators as \xNN: a log line must not move a cursor. */
function escapeControls(text: string): string {
  return text.replace(/\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

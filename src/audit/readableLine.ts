/**
 * An audit event as text for people: on the terminal of the gateway, and in `aegis log`. Texts that came from the network
 * are escaped and shortened here. Knows no stream and no file.
 */
import { reasons, remedyOf } from '../policy/reasons';
import { describeRefused, isCertificateReason } from '../policy/refusedCertificates';
import { fillLines } from '../text/fill';
import type { AuditEvent, ReloadRequester } from './events';

/** AE titles have 16 characters and UIDs 64; only certificate names and details can come near this. */
const MAX_TEXT_LENGTH = 512;
const SEPARATOR = '  ';
/** Of the lines after the first one. */
const INDENT = '  ';
/** Enough of the sixteen digits to name a connection; `aegis log --connection` takes them. */
const SHORT_ID_LENGTH = 8;

export type TimedEvent = AuditEvent & { readonly time: string };

export function shorten(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH)}…`;
}

/**
 * One line where `width` is undefined, so that other tools can search it. Else as many as `width` needs: first the facts,
 * then what the reason means, and what to do.
 */
export function readableLine(event: TimedEvent, width?: number): string {
  const facts = present(factsOf(event));
  const words = present(wordsOf(event));
  if (width === undefined) return [...facts, ...words].join(SEPARATOR);
  const rest = width - INDENT.length;
  return [
    ...fillLines(facts, SEPARATOR, rest),
    ...words.flatMap((text) => fillLines(text.split(' '), ' ', rest)),
  ].join(`\n${INDENT}`);
}

type Part = string | number | undefined;

/** What happened, and who it was. The outcome has a width of its own: it is what the eye looks for. */
function factsOf(event: TimedEvent): Part[] {
  const { callingAeTitle, calledAeTitle, sourceAddress, connectionId } = event;
  const who =
    callingAeTitle === undefined ? sourceAddress : `${callingAeTitle}@${sourceAddress} to ${calledAeTitle}`;
  const id = connectionId === undefined ? undefined : `#${String(connectionId).slice(0, SHORT_ID_LENGTH)}`;
  return [
    ...[event.time, event.outcome.padEnd(10), event.event, id, who, event.modality],
    ...[event.command, event.sopClass, event.moveDestination, event.status, event.upstream],
  ];
}

/** Why, and what to do about it. */
function wordsOf({ outcome, reason, direction, detail, tls, upstreamTls, requestedBy }: TimedEvent): Part[] {
  if (reason === undefined) return [detail, requestedBy && requesterWords(requestedBy)];
  const about = outcome === 'failed' && direction === 'ingress' ? 'archive' : direction;
  const remedy = outcome === 'info' ? undefined : remedyOf(reason, about);
  return [
    Object.hasOwn(reasons, reason) ? `${reason}: ${reasons[reason].text}` : reason,
    detail,
    isCertificateReason(reason) ? describeRefused(upstreamTls ?? tls) : undefined,
    remedy === undefined ? undefined : `to do: ${remedy}`,
  ];
}

/** `asked for over admin HTTP from 127.0.0.1, "modality set" of root`. */
function requesterWords({ by, sourceAddress, command, systemUser }: ReloadRequester): string {
  if (by !== 'admin') return by === 'signal' ? 'asked for by a signal' : 'asked for by a file that changed';
  const what = command === undefined ? '' : `, "${command}"`;
  const who = systemUser === undefined ? '' : ` of ${systemUser}`;
  return `asked for over admin HTTP from ${sourceAddress}${what}${who}`;
}

function present(parts: readonly Part[]): string[] {
  return parts
    .filter((part) => part !== undefined && part !== '')
    .map((part) => escapeControls(shorten(String(part))));
}

/** Most texts have nothing else, and looking for that costs little. */
const HARMLESS = /^[\x20-\x7e]*$/;

/** Control characters, C1 controls and line separators as \xNN: a log line must not move a cursor. */
export function escapeControls(text: string): string {
  if (HARMLESS.test(text)) return text;
  return text.replace(/\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** An audit event as a line of JSON, for programs and for the file. Knows no stream and no file. */
import type { AuditEvent } from './events';
import { shorten, type TimedEvent } from './readableLine';

/** Lines up to this length are not shortened: looking at every text of every line costs more than making it. */
const MAX_USUAL_LENGTH = 1024;

/** What happened comes first, for people who read the JSON. */
export function timed(event: AuditEvent): TimedEvent {
  const { event: name, outcome, reason } = event;
  const facts: Partial<AuditEvent> = event.excerpt === undefined ? event : { ...event, excerpt: undefined };
  return { time: new Date().toISOString(), event: name, outcome, reason, ...facts };
}

/** Everything beyond printable ASCII as \u escapes: the same text to a JSON parser, harmless to a terminal. */
export function jsonLine(event: TimedEvent): string {
  const whole = JSON.stringify(event);
  const json = whole.length <= MAX_USUAL_LENGTH ? whole : JSON.stringify(event, shortenText);
  return json.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function shortenText(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? shorten(value) : value;
}

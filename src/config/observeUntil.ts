/**
 * How long an entry is in observe mode: the date as the configuration writes it, and what that means. Looks at no
 * clock: whoever asks says what time it is.
 */

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** With an offset: without one, the moment would depend on the time zone of the machine. */
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The first moment that is not observed any more, in ms since 1970: for `2026-12-31` the end of that day in UTC, for
 * `2026-12-31T18:00:00+01:00` that moment. Undefined where the text is neither.
 */
export function observeEndMs(text: string): number | undefined {
  const day = DATE.test(text) ? text : DATE_TIME.exec(text)?.[1];
  if (day === undefined || !isInCalendar(day)) return undefined;
  return day === text ? Date.parse(day) + DAY_MS : Date.parse(text);
}

/** Date.parse takes 30 February for 2 March. */
function isInCalendar(day: string): boolean {
  const ms = Date.parse(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

/** `until 2026-12-31, the end of that day in UTC`, or `until` and the moment. */
export function describeObserveUntil(text: string): string {
  return DATE.test(text) ? `until ${text}, the end of that day in UTC` : `until ${text}`;
}

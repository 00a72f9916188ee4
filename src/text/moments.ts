/**
 * Moments as operators write them: a date, or a date and time with an offset, and what either means. Looks at no clock:
 * whoever asks says what time it is.
 */

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** With an offset: without one, the moment would depend on the time zone of the machine. */
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * In ms since 1970: for `2026-12-31` the beginning of that day in UTC, for `2026-12-31T18:00:00+01:00` that moment.
 * Undefined where the text is neither.
 */
export function momentMs(text: string): number | undefined {
  const day = DATE.test(text) ? text : DATE_TIME.exec(text)?.[1];
  return day !== undefined && isInCalendar(day) ? Date.parse(text) : undefined;
}

/** The first moment that is not observed any more: of a date the end of the day, for nobody stops at its beginning. */
export function observeEndMs(text: string): number | undefined {
  const ms = momentMs(text);
  return ms !== undefined && DATE.test(text) ? ms + DAY_MS : ms;
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

/** Whole days that are left, rounded down; negative when the time has passed. */
export function daysUntil(time: Date, now = new Date()): number {
  return Math.floor((time.getTime() - now.getTime()) / DAY_MS);
}

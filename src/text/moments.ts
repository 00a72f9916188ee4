/**
 * Dates, times and durations as operators write them, and what they mean. Reads no clock: the caller says what time it
 * is.
 */
import { OperatorError } from '../errors';
import { quoteValue } from './quote';

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** With an offset: without one, the moment would depend on the time zone of the machine. */
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
export const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * In ms since 1970: for `2026-12-31` the beginning of that day in UTC, for `2026-12-31T18:00:00+01:00` that moment.
 * Undefined where the text is neither.
 */
export function momentMs(text: string): number | undefined {
  const day = DATE.test(text) ? text : DATE_TIME.exec(text)?.[1];
  return day !== undefined && isInCalendar(day) ? Date.parse(text) : undefined;
}

/** When something ends. A date counts to the end of its day, as people mean it. */
export function endMs(text: string): number | undefined {
  const ms = momentMs(text);
  return ms !== undefined && DATE.test(text) ? ms + DAY_MS : ms;
}

/** Date.parse takes 30 February for 2 March. */
function isInCalendar(day: string): boolean {
  const ms = Date.parse(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

/** `until 2026-12-31, the end of that day in UTC`, or `until` and the moment. */
export function describeUntil(text: string): string {
  return DATE.test(text) ? `until ${text}, the end of that day in UTC` : `until ${text}`;
}

/** `from 2026-12-01 until 2026-12-31, the end of that day in UTC`; undefined for an entry without either. */
export function describeValidity({
  validFrom,
  validUntil,
}: {
  readonly validFrom?: string | undefined;
  readonly validUntil?: string | undefined;
}): string | undefined {
  const parts = [
    ...(validFrom === undefined ? [] : [`from ${validFrom}`]),
    ...(validUntil === undefined ? [] : [describeUntil(validUntil)]),
  ];
  return parts.length === 0 ? undefined : parts.join(' ');
}

/** Whole days that are left, rounded down; negative when the time has passed. */
export function daysUntil(time: Date, now = new Date()): number {
  return Math.floor((time.getTime() - now.getTime()) / DAY_MS);
}

/** `2026-12-31`, in UTC. */
export function formatDay(time: Date | string): string {
  return (typeof time === 'string' ? time : time.toISOString()).slice(0, 10);
}

/** `11-30 10:00` of a time as the log has it, in UTC. */
export function formatMinute(time: string): string {
  return time.slice(5, 16).replace('T', ' ');
}

/** The day of a time that a certificate or JSON has; the text itself where it is not a time. */
export function dayOf(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : formatDay(date);
}

const AGO_MS: Readonly<Record<string, number>> = { d: DAY_MS, h: 60 * 60 * 1000, m: 60 * 1000 };

/** Reads the value of `--since` and its like: a time as audit lines have it. Throws OperatorError. */
export function sinceOption(text: string, nowMs: number, option = '--since'): string {
  const [, count, unit] = /^(\d{1,5})([dhm])$/.exec(text) ?? [];
  const ms = unit === undefined ? momentMs(text) : nowMs - Number(count) * (AGO_MS[unit] ?? 0);
  if (ms !== undefined) return new Date(ms).toISOString();
  throw new OperatorError(
    `${option} ${quoteValue(text)} is not a time; accepted are days (7d), hours (12h), minutes (30m), dates (2026-11-01) and moments (2026-11-01T08:00Z)`,
  );
}

/** Long enough for a device that comes back next year. */
const MAX_SPAN_MS = 365 * DAY_MS;

/** `90s`, `30m`, `2h`, `7d` in ms; undefined where the text is none of these. */
export function spanMs(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (unit === 's' ? 1000 : (AGO_MS[unit] ?? 0));
  return ms > 0 && ms <= MAX_SPAN_MS ? ms : undefined;
}

export const ACCEPTED_SPANS =
  'accepted are seconds (90s), minutes (30m), hours (2h) and days (7d), up to 365d';

/** Reads the value of an option such as `--for`, in ms. Throws OperatorError. */
export function spanOption(option: string, text: string): number {
  const ms = spanMs(text);
  if (ms !== undefined) return ms;
  throw new OperatorError(`${option} ${quoteValue(text)} is not a time; ${ACCEPTED_SPANS}`);
}

export interface DurationBounds {
  readonly unit: 'seconds' | 'days';
  readonly min: number;
  readonly max: number;
}

/** Reads the value of an option such as `--days`: whole days, or seconds and fractions of them. Throws OperatorError. */
export function durationOption(option: string, { unit, min, max }: DurationBounds): (text: string) => number {
  return (text) => {
    const isWritten = unit === 'days' ? /^\d{1,6}$/.test(text) : text.trim() !== '';
    const value = Number(text);
    if (isWritten && value >= min && value <= max) return value;
    throw new OperatorError(
      `${option} ${quoteValue(text)} is not a number of ${unit}; accepted is ${min} to ${max}`,
    );
  };
}

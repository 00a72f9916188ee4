/**
 * Numbers, sizes and times as the page shows them. Pure: the caller says what time it is. Text of peers is escaped here:
 * characters that reverse or hide others would let a device look like another one.
 */
import { countOf, escapeUnsafe } from '../text/quote';

const SECOND_MS = 1000;

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `12,345`. */
export function countText(count: number): string {
  return numbers.format(count);
}

/** `1.2 GB`; three digits at most. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let index = 0;
  while (value >= 999.5 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return `${index === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[index]}`;
}

/** `3 h 12 min`: two units at most. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 || hours > 9 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 || days > 2 ? countOf(days, 'day') : `${countOf(days, 'day')} ${hours % 24} h`;
}

/** `12 s ago`. The clock of the browser may be behind that of the gateway. */
export function agoText(time: string, nowMs: number): string {
  const ms = nowMs - Date.parse(time);
  return ms < SECOND_MS ? 'now' : `${spanText(ms)} ago`;
}

/** Of a time to come: `in 12 days`, or `5 h ago`. */
export function untilText(time: string, nowMs: number): string {
  const ms = Date.parse(time) - nowMs;
  return ms < 0 ? `${spanText(-ms)} ago` : `in ${spanText(ms)}`;
}

/** `14:05` where the browser is. */
export function clockText(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** `2026-12-01 14:05:09` where the browser is. */
export function momentText(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? escapeUnsafe(time) : date.toLocaleString('sv-SE');
}

/** `Sentences begin so.` */
export function sentence(text: string): string {
  const safe = escapeUnsafe(text);
  return `${safe.charAt(0).toUpperCase()}${safe.slice(1)}${/[.!?]$/.test(safe) ? '' : '.'}`;
}

/** `CT1` as a peer sent it. Empty ones are named, and spaces at an end are shown. */
export function titleText(title: string | undefined): string {
  if (title === undefined || title === '') return '(none)';
  const safe = escapeUnsafe(title);
  return /^ | $/.test(safe) ? `"${safe}"` : safe;
}

/** Several lines of configuration: line ends stay, nothing else that is not seen. */
export function blockText(text: string): string {
  return text.split('\n').map(escapeUnsafe).join('\n');
}

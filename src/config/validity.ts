/**
 * Whether what lasts only for a time (a certificate, a revocation list) has begun, has ended, or ends soon, as findings.
 */
import type { ConfigurationPath, Finding, Severity } from '../text/problems';
import { countOf, escapeUnsafe } from '../text/quote';

/** Long enough to order a certificate from an authority that works by post. */
export const WARN_CERTIFICATE_DAYS = 30;
export const DAY_MS = 24 * 60 * 60 * 1000;

export interface Clock {
  /** Default: the present. */
  readonly now?: Date;
  /** What ends within so many days is an error instead of a warning. Default: 0. */
  readonly failWithinDays?: number;
}

interface Validity {
  readonly what: string;
  /** Undefined where it is not known. */
  readonly from?: Date;
  readonly to: Date | undefined;
  /** What follows, and what to do. */
  readonly advice: string;
  readonly warnWithinDays: number;
  readonly failWithinDays: number;
  readonly now?: Date | undefined;
}

/** A finding where it has not begun, has ended, or ends soon. */
export function* inspectDates(path: ConfigurationPath, validity: Validity): Generator<Finding> {
  const { what, from, to, advice, warnWithinDays, failWithinDays, now = new Date() } = validity;
  const finding = (message: string, severity: Severity): Finding => ({
    path,
    message: escapeUnsafe(`${what} ${message}`),
    severity,
    kind: 'expiry',
  });
  if (from !== undefined && from > now) {
    yield finding(`is not valid before ${from.toISOString()}; check the clock of this machine`, 'error');
  }
  if (to === undefined) return;
  const days = (to.getTime() - now.getTime()) / DAY_MS;
  const date = to.toISOString().slice(0, 10);
  if (days <= 0) {
    yield finding(`expired ${countOf(Math.floor(-days), 'day')} ago, on ${date}; ${advice}`, 'error');
  } else if (days <= warnWithinDays) {
    const severity = days <= failWithinDays ? 'error' : 'warning';
    yield finding(`expires in ${countOf(Math.floor(days), 'day')}, on ${date}; ${advice}`, severity);
  }
}

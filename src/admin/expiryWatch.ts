/**
 * Tells in the audit log that a certificate or a revocation list comes to its end, ours or the one that a modality
 * shows: once at each threshold, looked at when the gateway starts, at each reload and every day, and when a modality
 * shows another one. Reads no files.
 */
import type { AuditSink } from '../audit/events';
import { countOf } from '../text/quote';
import type { CertificateExpiry } from './certificateExpiries';

/** A month to order one, a fortnight and a week to be reminded, a day for the emergency, 0 when it is over. */
const LAST_DAY = 1;
const THRESHOLD_DAYS = [0, LAST_DAY, 7, 14, 30] as const;
const DAY_MS = 24 * 60 * 60 * 1000;

/** What of whom. */
const words: Readonly<
  Record<CertificateExpiry['kind'], readonly [what: string, whose: 'listener' | 'modality']>
> = {
  listener: ['the certificate of listener', 'listener'],
  ca: ['a trusted certificate of listener', 'listener'],
  crl: ['a revocation list of listener', 'listener'],
  egress: ['the certificate that is shown to modality', 'modality'],
  'egress-ca': ['a certificate that is trusted of modality', 'modality'],
  'egress-crl': ['a revocation list for modality', 'modality'],
  modality: ['the certificate that was last shown by modality', 'modality'],
};

export class ExpiryWatch {
  readonly #audit: AuditSink;
  readonly #expiries: () => readonly CertificateExpiry[];
  readonly #now: () => Date;
  /** The lowest threshold that was told; the key changes with the date, so a renewed certificate begins anew. */
  readonly #toldByExpiry = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(audit: AuditSink, expiries: () => readonly CertificateExpiry[], now = () => new Date()) {
    this.#audit = audit;
    this.#expiries = expiries;
    this.#now = now;
    this.#timer = setInterval(() => this.look(), DAY_MS);
    this.#timer.unref();
  }

  look(): void {
    const expiries = this.#expiries();
    const current = new Set(expiries.map(keyOf));
    for (const key of this.#toldByExpiry.keys()) {
      if (!current.has(key)) this.#toldByExpiry.delete(key);
    }
    for (const expiry of expiries) this.lookAt(expiry);
  }

  /** At one of them only: it was just learnt. */
  lookAt(expiry: CertificateExpiry): void {
    const key = keyOf(expiry);
    const before = this.#toldByExpiry.get(key) ?? Number.POSITIVE_INFINITY;
    const threshold = this.#thresholdOf(expiry);
    if (threshold >= before) return;
    this.#toldByExpiry.set(key, threshold);
    this.#tell(expiry);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * The lowest threshold that is reached. One of more than half the lifetime says nothing: a list that lasts a week
   * is always a week from its end. The last day of a certificate is an emergency however short it lived; lists are made
   * anew without anybody's doing, some of them every day.
   */
  #thresholdOf({ kind, notBefore, notAfter }: CertificateExpiry): number {
    const leftDays = this.#daysUntil(notAfter);
    const lifetimeDays =
      notBefore === undefined
        ? Number.POSITIVE_INFINITY
        : (notAfter.getTime() - notBefore.getTime()) / DAY_MS;
    const isList = kind === 'crl' || kind === 'egress-crl';
    const mostDays = Math.max(lifetimeDays / 2, isList ? 0 : LAST_DAY);
    return THRESHOLD_DAYS.find((days) => leftDays <= days && days <= mostDays) ?? Number.POSITIVE_INFINITY;
  }

  #tell({ kind, name, notAfter }: CertificateExpiry): void {
    const [what, whose] = words[kind];
    const days = Math.floor(this.#daysUntil(notAfter));
    const when = days < 0 ? 'has ended' : `ends in ${countOf(days, 'day')}`;
    this.#audit.record({
      event: 'certificate.expiring',
      outcome: 'info',
      [whose]: name,
      detail: `${what} ${name} ${when}, at ${notAfter.toISOString()}`,
    });
  }

  #daysUntil(date: Date): number {
    return (date.getTime() - this.#now().getTime()) / DAY_MS;
  }
}

function keyOf({ kind, name, notAfter }: CertificateExpiry): string {
  return `${kind} ${name} ${notAfter.getTime()}`;
}

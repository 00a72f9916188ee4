/**
 * Reports in the audit log that a certificate, a revocation list or an entry will end, ours or one that a modality shows:
 * once at each threshold. Looks when the gateway starts, at each reload, every day, and when a modality shows a new
 * certificate. Reads no files.
 */
import type { AuditSink } from '../audit/events';
import { DAY_MS } from '../text/moments';
import { daysLeft } from '../text/quote';
import type { CertificateExpiry } from './certificateExpiries';

/** A month to order a new one, two reminders, a day for the emergency, and 0 when it is over. */
const LAST_DAY = 1;
const THRESHOLD_DAYS = [0, LAST_DAY, 7, 14, 30] as const;
/** Nothing has to be ordered: somebody has to ask whether the device stays. */
const MAX_DAYS_OF_ENTRY = 7;

/** What ends, and where. */
const WORDS: Readonly<
  Record<
    CertificateExpiry['kind'],
    readonly [what: string, whose?: 'listener' | 'calledAeTitle' | 'modality']
  >
> = {
  listener: ['the certificate of listener', 'listener'],
  ca: ['a trusted certificate of listener', 'listener'],
  crl: ['a revocation list of listener', 'listener'],
  upstream: ['the certificate that is shown to upstream', 'calledAeTitle'],
  'upstream-ca': ['a certificate that is trusted of upstream', 'calledAeTitle'],
  'upstream-crl': ['a revocation list for upstream', 'calledAeTitle'],
  egress: ['the certificate that is shown to modality', 'modality'],
  'egress-ca': ['a certificate that is trusted of modality', 'modality'],
  'egress-crl': ['a revocation list for modality', 'modality'],
  syslog: ['the certificate that is shown to syslog server'],
  'syslog-ca': ['a certificate that is trusted of syslog server'],
  'syslog-crl': ['a revocation list for syslog server'],
  redis: ['the certificate that is shown to Redis server'],
  'redis-ca': ['a certificate that is trusted of Redis server'],
  'redis-crl': ['a revocation list for Redis server'],
  modality: ['the certificate that was last shown by modality', 'modality'],
  entry: ['the entry of modality', 'modality'],
};

export class ExpiryWatch {
  readonly #audit: AuditSink;
  readonly #expiries: () => readonly CertificateExpiry[];
  readonly #now: () => Date;
  /** The lowest threshold that was reported. The key holds the date, so a renewed certificate starts again. */
  readonly #reportedByExpiry = new Map<string, number>();
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
    for (const key of this.#reportedByExpiry.keys()) {
      if (!current.has(key)) this.#reportedByExpiry.delete(key);
    }
    for (const expiry of expiries) this.lookAt(expiry);
  }

  /** Looks at one that has just become known. */
  lookAt(expiry: CertificateExpiry): void {
    const key = keyOf(expiry);
    const before = this.#reportedByExpiry.get(key) ?? Number.POSITIVE_INFINITY;
    const threshold = this.#thresholdOf(expiry);
    if (threshold >= before) return;
    this.#reportedByExpiry.set(key, threshold);
    this.#report(expiry);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * The lowest threshold that is reached. Thresholds above half the lifetime say nothing: a list that lasts a week is
   * always within a week of its end. The last day of a certificate is an emergency, however short its life was. A list
   * is replaced by a job, sometimes every day, so its last day is not.
   */
  #thresholdOf({ kind, notBefore, notAfter }: CertificateExpiry): number {
    const leftDays = this.#daysUntil(notAfter);
    if (kind === 'entry') {
      return (
        THRESHOLD_DAYS.find((days) => leftDays <= days && days <= MAX_DAYS_OF_ENTRY) ??
        Number.POSITIVE_INFINITY
      );
    }
    const lifetimeDays =
      notBefore === undefined
        ? Number.POSITIVE_INFINITY
        : (notAfter.getTime() - notBefore.getTime()) / DAY_MS;
    const isList = kind.endsWith('crl');
    const maxDays = Math.max(lifetimeDays / 2, isList ? 0 : LAST_DAY);
    return THRESHOLD_DAYS.find((days) => leftDays <= days && days <= maxDays) ?? Number.POSITIVE_INFINITY;
  }

  #report({ kind, name, notAfter }: CertificateExpiry): void {
    const [what, whose] = WORDS[kind];
    const days = Math.floor(this.#daysUntil(notAfter));
    const when = days < 0 ? 'has ended' : `ends in ${daysLeft(days)}`;
    this.#audit.record({
      event: kind === 'entry' ? 'modality.expiring' : 'certificate.expiring',
      outcome: 'info',
      ...(whose === undefined ? {} : { [whose]: name }),
      detail: `${what} ${name} ${when}, at ${notAfter.toISOString()}`,
      notAfter: notAfter.toISOString(),
    });
  }

  #daysUntil(date: Date): number {
    return (date.getTime() - this.#now().getTime()) / DAY_MS;
  }
}

function keyOf({ kind, name, notAfter }: CertificateExpiry): string {
  return `${kind} ${name} ${notAfter.getTime()}`;
}

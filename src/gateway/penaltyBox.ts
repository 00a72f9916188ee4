/**
 * Who guesses, pays: each refusal that a peer has earned takes a token of its address, or of its certificate where it
 * showed a good one. Without a token left, it is in the penalty box for a time. Learns from the audit events on their way
 * to the log, and judges who connects. Closes nothing itself.
 */
import type { AuditEvent, AuditSink, Outcome, Sender } from '../audit/events';
import type { Configuration } from '../config/schema';
import type { InboundConnection } from '../net/inboundConnection';
import { compileCertificateMatchers, type PeerCertificate, pinsOf } from '../policy/certificate';
import { isBoundAddress, isBoundCertificate } from '../policy/decide';
import type { Policy } from '../policy/policy';
import { type Decision, REASONS_OF_COMMANDS, REASONS_OF_ENTRIES, type ReasonCode } from '../policy/reasons';
import { AddressSet, networkOf } from '../text/addresses';

/** Somebody in the box. */
export interface Penalty {
  /** A network (an IPv4 address, or a /64 of IPv6), `sha256:…` of a certificate, or `spki-sha256:…` of a pinned key. */
  readonly key: string;
  /** In ms since 1970. */
  readonly untilMs: number;
}

/** Of each kind. The one that was not seen for longest goes: an attacker with more addresses is slower at each. */
const MAX_KEYS = 10_000;
const MINUTE_MS = 60_000;
/** As penalty.seconds by default. */
const CANARY_BOX_MS = 300_000;

/**
 * What a peer has earned by what it sent. Not what is wrong with us (a list that ended, an archive that is down), not what
 * a network does (a timeout), and not what is refused before a byte is read.
 */
const FAULTS: ReadonlySet<ReasonCode | undefined> = new Set<ReasonCode>([
  'plain-on-tls-port',
  'tls-on-plain-port',
  'certificate-missing',
  'certificate-untrusted',
  'certificate-expired',
  'certificate-not-yet-valid',
  'certificate-revoked',
  'certificate-purpose',
  'certificate-invalid',
  'tls-version',
  'tls-cipher',
  'tls-application-protocol',
  'tls-handshake-failed',
  'protocol-version',
  'application-context',
  ...REASONS_OF_ENTRIES,
  ...REASONS_OF_COMMANDS,
  'canary',
]);

/** What is known of who connects. */
export type Identified = Pick<InboundConnection, 'listener' | 'sourceAddress' | 'certificate'>;

/** Called when somebody comes into the box; `isOwn`: by what this process saw, not by word of another. */
type PenaltyEntered = (penalty: Penalty, isOwn: boolean) => void;

/** A refusal that a peer has earned. */
export interface Fault {
  /** As of a penalty. */
  readonly key: string;
  readonly isOfCertificate: boolean;
  readonly tokens: number;
  /** How many in a minute lead into the box, and for how long. */
  readonly faults: number;
  readonly boxMs: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

interface Rules {
  /** Tokens of a full bucket, and how many come back in a minute. */
  readonly faults: number;
  readonly boxMs: number;
  readonly exempt: AddressSet;
  /** Certificates and keys that entries name. */
  readonly pins: ReadonlySet<string>;
}

export class PenaltyBox implements AuditSink {
  readonly #next: AuditSink;
  readonly #entered: PenaltyEntered;
  /** Undefined: nothing costs. */
  #rules: Rules | undefined;
  readonly #bucketByKey = new Map<string, Bucket>();
  readonly #untilByKey = new Map<string, number>();

  constructor(configuration: Configuration, next: AuditSink, entered: PenaltyEntered) {
    this.#next = next;
    this.#entered = entered;
    this.#rules = rulesOf(configuration);
  }

  /** Those that are in the box, the one that stays longest first. */
  get list(): readonly Penalty[] {
    const nowMs = Date.now();
    return [...this.#untilByKey]
      .filter(([, untilMs]) => untilMs > nowMs)
      .map(([key, untilMs]) => ({ key, untilMs }))
      .sort((one, other) => other.untilMs - one.untilMs);
  }

  record(event: AuditEvent): void {
    this.#next.record(event);
    const fault = this.faultOf(event);
    if (fault !== undefined) this.#charge(event, fault);
  }

  /** What this refusal costs, and who pays; undefined where it costs nothing. */
  faultOf(event: AuditEvent): Fault | undefined {
    const { outcome, direction, reason, sourceAddress = '' } = event;
    if (this.#rules === undefined || outcome !== 'denied' || direction !== 'ingress') return undefined;
    // Devices propose a hundred classes each time: what they do not ask for is not a guess.
    if (event.event === 'association.unusable' || !FAULTS.has(reason)) return undefined;
    const { faults, boxMs, exempt, pins } = this.#rules;
    if (exempt.has(sourceAddress)) return undefined;
    const certificateKey = certificateKeyOf(event, pins);
    const key = certificateKey ?? networkOf(sourceAddress);
    return {
      key,
      isOfCertificate: certificateKey !== undefined,
      tokens: reason === 'canary' ? faults : 1,
      faults,
      boxMs,
    };
  }

  flush(): void {
    this.#next.flush?.();
  }

  hold(sender: Sender, outcome: Outcome): void {
    this.#next.hold?.(sender, outcome);
  }

  /**
   * Gate 1 of who is in the box; undefined where it has nothing to say. Where an entry for the address names a certificate,
   * TLS goes on: others may share the address, and the certificate says who it is.
   */
  decideAddress(address: string, listener: string, policy: Policy): Decision | undefined {
    if (!this.#hasAddress(address)) return undefined;
    // Not that of egress: archives are not charged.
    const known = policy.listenerByName.get(listener);
    const isDecidedLater = known?.requiresCertificate === true && isBoundAddress(policy, address);
    return known === undefined || isDecidedLater ? undefined : { allowed: false, reason: 'penalty' };
  }

  /** The same of a connection with its certificate. */
  refuses({ listener, sourceAddress, certificate }: Identified, policy: Policy): boolean {
    if (this.#untilByKey.size === 0 || !policy.listenerByName.has(listener)) return false;
    if (certificate !== undefined && this.#hasCertificate(certificate)) return true;
    if (!this.#hasAddress(sourceAddress)) return false;
    return certificate === undefined || !isBoundCertificate(policy, sourceAddress, certificate);
  }

  /** Of another process. */
  take({ key, untilMs }: Penalty): void {
    if (this.#rules === undefined) return;
    keep(this.#untilByKey, key, untilMs);
    this.#entered({ key, untilMs }, false);
  }

  /** A reload: who is exempt from now on is let out, and everybody where there are no penalties any more. */
  replace(configuration: Configuration): void {
    this.#rules = rulesOf(configuration);
    for (const key of this.#untilByKey.keys()) {
      const [address = ''] = key.split('/');
      if (this.#rules === undefined || this.#rules.exempt.has(address)) this.#untilByKey.delete(key);
    }
    this.#bucketByKey.clear();
  }

  /** Somebody who is exempt may share a /64 with somebody who is in the box. */
  #hasAddress(address: string): boolean {
    return this.#untilByKey.size > 0 && this.#has(networkOf(address)) && !this.#rules?.exempt.has(address);
  }

  #hasCertificate({ fingerprint256, spkiSha256 }: PeerCertificate): boolean {
    return this.#has(`sha256:${fingerprint256}`) || this.#has(`spki-sha256:${spkiSha256}`);
  }

  #has(key: string): boolean {
    const untilMs = this.#untilByKey.get(key);
    if (untilMs === undefined) return false;
    if (untilMs > Date.now()) return true;
    this.#untilByKey.delete(key);
    return false;
  }

  #charge({ sourceAddress, tls, reason }: AuditEvent, fault: Fault): void {
    const { key, isOfCertificate, tokens, faults, boxMs } = fault;
    const nowMs = Date.now();
    const bucket = this.#bucketOf(key, faults, nowMs);
    bucket.tokens -= tokens;
    if (bucket.tokens >= 1 || this.#has(key)) return;
    bucket.tokens = 0;
    const penalty = { key, untilMs: nowMs + boxMs };
    keep(this.#untilByKey, key, penalty.untilMs);
    this.#next.record({
      event: 'penalty.imposed',
      outcome: 'info',
      reason: 'penalty',
      direction: 'ingress',
      sourceAddress,
      ...(isOfCertificate && tls !== undefined ? { tls } : {}),
      detail: `${key} is in the penalty box until ${new Date(penalty.untilMs).toISOString()}; the last refusal: ${reason}`,
    });
    this.#entered(penalty, true);
  }

  #bucketOf(key: string, faults: number, nowMs: number): Bucket {
    const known = this.#bucketByKey.get(key);
    const bucket = known ?? { tokens: faults, filledMs: nowMs };
    bucket.tokens = Math.min(faults, bucket.tokens + ((nowMs - bucket.filledMs) * faults) / MINUTE_MS);
    bucket.filledMs = nowMs;
    keep(this.#bucketByKey, key, bucket);
    return bucket;
  }
}

/**
 * What an association did with a good certificate costs the certificate alone: others share the address. Undefined: the
 * address pays. A certificate that no CA signed is good only where an entry names it or its key. Anybody can make a new one
 * for each guess, and the owner of a named key can make new ones of that key.
 */
function certificateKeyOf({ event, tls }: AuditEvent, pins: ReadonlySet<string>): string | undefined {
  if (event === 'connection.refused' || tls?.fingerprint256 === undefined) return undefined;
  const ofCertificate = `sha256:${tls.fingerprint256}`;
  if (tls.untrusted === undefined || pins.has(ofCertificate)) return ofCertificate;
  const ofKey = `spki-sha256:${tls.spkiSha256}`;
  if (pins.has(ofKey)) return ofKey;
  // Where the association was accepted, an entry names it; its commands do not carry the key.
  return event === 'association.rejected' ? undefined : ofCertificate;
}

/** Puts it last, where the newest are, and drops the first beyond the bound. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_KEYS) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}

/** Canary titles without penalties for anything else: only they cost. */
function rulesOf({ penalty, canaryAeTitles, modalities }: Configuration): Rules | undefined {
  if (penalty === undefined && canaryAeTitles.length === 0) return undefined;
  const matchers = Object.values(modalities).map(({ certificate = [] }) =>
    compileCertificateMatchers(certificate),
  );
  const pins = new Set(matchers.flatMap((ofEntry) => pinsOf(ofEntry)));
  if (penalty === undefined) {
    return { faults: Number.MAX_SAFE_INTEGER, boxMs: CANARY_BOX_MS, exempt: new AddressSet([]), pins };
  }
  const { faults, seconds, exempt } = penalty;
  return { faults, boxMs: seconds * 1000, exempt: new AddressSet(exempt), pins };
}

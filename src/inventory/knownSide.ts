/**
 * What one modality is and does in one direction, counted, and what of it is new. Learns from audit events. Everything has
 * a bound, because each text here came from the device. Knows no clock and no file.
 */

import type { AuditEvent } from '../audit/events';
import { IMPLEMENTATION_CLASS_UID } from '../pdu/types';
import { DAY_MS } from '../text/moments';
import {
  type Aspect,
  type CertificateNames,
  MAX_SEEN,
  MAX_TEXT_LENGTH,
  type SeenReport,
  type SideReport,
} from './report';

/** What was not seen for so long, while others were, is new again: an old version that somebody put back, for example. */
const FORGOTTEN_DAYS = 90;

interface Seen {
  readonly value: string;
  readonly firstMs: number;
  lastMs: number;
  count: number;
  certificate?: CertificateNames;
}

interface Novelty {
  readonly now: Seen;
  /** What was seen last before it. */
  readonly before: Seen;
  /** It was known, and forgotten. */
  readonly isBack: boolean;
}

const ASPECTS = Object.keys(MAX_SEEN) as Aspect[];
/** From bad to good. */
const TLS_RANK: readonly string[] = ['plain', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

export class KnownSide {
  readonly #direction: 'ingress' | 'egress';
  #firstMs: number;
  #lastMs: number;
  #associations = 0;
  #commands = 0;
  #bytes = 0;
  /** The last seen first. */
  readonly #seen = Object.fromEntries(ASPECTS.map((aspect) => [aspect, []])) as unknown as Readonly<
    Record<Aspect, Seen[]>
  >;
  /** All that is done on its first association is what it does, and not new. */
  #firstConnectionId: string | undefined;

  constructor(direction: 'ingress' | 'egress', nowMs: number, connectionId?: string) {
    this.#direction = direction;
    this.#firstMs = nowMs;
    this.#lastMs = nowMs;
    this.#firstConnectionId = connectionId;
  }

  static of(direction: 'ingress' | 'egress', report: SideReport): KnownSide {
    const side = new KnownSide(direction, Date.parse(report.firstSeen));
    side.#lastMs = Date.parse(report.lastSeen);
    side.#associations = report.associations;
    side.#commands = report.commands;
    side.#bytes = report.bytes;
    for (const aspect of ASPECTS) side.#seen[aspect].push(...report[aspect].map(seenOf));
    return side;
  }

  get lastMs(): number {
    return this.#lastMs;
  }

  get lastAddress(): string | undefined {
    return this.#seen.addresses[0]?.value;
  }

  get report(): SideReport {
    const lists = ASPECTS.map((aspect) => [aspect, this.#seen[aspect].map(reportOf)] as const);
    return {
      firstSeen: isoOf(this.#firstMs),
      lastSeen: isoOf(this.#lastMs),
      associations: this.#associations,
      commands: this.#commands,
      bytes: this.#bytes,
      ...(Object.fromEntries(lists) as Readonly<Record<Aspect, SeenReport[]>>),
    };
  }

  /**
   * What another gateway knows of it. Counts are at least right: what one gateway counted, the other may have had from it.
   * Nothing is later than now, or it would stay the last thing for ever.
   */
  learn(report: SideReport, nowMs: number): void {
    this.#firstMs = Math.min(this.#firstMs, Date.parse(report.firstSeen));
    this.#lastMs = Math.min(nowMs, Math.max(this.#lastMs, Date.parse(report.lastSeen)));
    this.#associations = Math.max(this.#associations, report.associations);
    this.#commands = Math.max(this.#commands, report.commands);
    this.#bytes = Math.max(this.#bytes, report.bytes);
    for (const aspect of ASPECTS) {
      const list = this.#seen[aspect];
      for (const other of report[aspect].map(seenOf)) {
        other.lastMs = Math.min(nowMs, other.lastMs);
        const index = list.findIndex(({ value }) => value === other.value);
        if (index < 0) list.push(other);
        else list[index] = newerOf(list[index]!, other);
      }
      list.sort((one, another) => another.lastMs - one.lastMs);
      list.splice(MAX_SEEN[aspect]);
    }
  }

  /** It did something that is not counted. */
  touched(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  /** `tell` is called with each thing that is new, in words. */
  accepted(event: AuditEvent, nowMs: number, tell: (change: string) => void): void {
    this.#lastMs = nowMs;
    this.#associations += 1;
    const { tls, listener, callingAeTitle, calledAeTitle } = event;
    const isIngress = this.#direction === 'ingress';
    const isFirst = this.#isTestedOnly && event.implementationClassUid !== IMPLEMENTATION_CLASS_UID;
    if (isFirst) this.#firstConnectionId = event.connectionId;
    const words = (change: string): void => {
      if (!isFirst) tell(isIngress ? change : `when it is reached: ${change}`);
    };
    const implementation = this.#see('implementations', implementationOf(event), nowMs);
    if (implementation) words(`implementation ${turn(implementation)}`);
    const protocol = this.#see('tls', tls?.protocol ?? 'plain', nowMs);
    if (protocol && isLower(protocol)) {
      words(turn(protocol).replace(/^plain/, 'without TLS'));
    }
    this.#see('ciphers', tls?.cipher, nowMs);
    this.#see('groups', tls?.group, nowMs);
    this.#seeCertificate(tls, nowMs, words);
    const address = isIngress ? event.sourceAddress : event.upstream;
    const moved = this.#see('addresses', address, nowMs);
    // In egress it is what the configuration says.
    if (moved && isIngress) words(`address ${turn(moved)}`);
    if (isIngress) this.#see('listeners', listener, nowMs);
    this.#see('callingAeTitles', callingAeTitle, nowMs);
    this.#see('calledAeTitles', calledAeTitle, nowMs);
  }

  /** A command that was relayed, whatever came of it. */
  commanded(event: AuditEvent, nowMs: number, tell: (change: string) => void): void {
    this.#lastMs = nowMs;
    this.#commands += 1;
    this.#bytes += event.bytes ?? 0;
    // The images of a C-GET come from the other end: the modality did not store them.
    if (event.requestor === 'upstream') return;
    const { command = '', sopClass, transferSyntax } = event;
    const novelty = this.#see('operations', sopClass ? `${command} ${sopClass}` : command, nowMs);
    this.#see('transferSyntaxes', transferSyntax, nowMs);
    if (novelty === undefined || event.connectionId === this.#firstConnectionId) return;
    if (this.#direction === 'egress') return;
    const { operations } = this.#seen;
    const isKnown = operations.some(({ value }, index) => index > 0 && isOf(value, command));
    const what =
      sopClass === undefined ? command : isKnown ? `${command} of ${sopClass}` : `${command} (${sopClass})`;
    tell(novelty.isBack ? `${what} again, after ${FORGOTTEN_DAYS} days or more` : `first ${what}`);
  }

  /** All that came is `aegis echo` in its name: what the device itself is, nobody knows yet. */
  get #isTestedOnly(): boolean {
    const { implementations } = this.#seen;
    return (
      implementations.length > 0 &&
      implementations.every(({ value }) => value.endsWith(`(${IMPLEMENTATION_CLASS_UID})`))
    );
  }

  #seeCertificate(tls: AuditEvent['tls'], nowMs: number, words: (change: string) => void): void {
    if (tls?.fingerprint256 === undefined) return;
    const key =
      tls.spkiSha256 === undefined ? `sha256:${tls.fingerprint256}` : `spki-sha256:${tls.spkiSha256}`;
    const novelty = this.#see('certificates', key, nowMs);
    const [seen] = this.#seen.certificates;
    // Renewed for the same key.
    if (seen!.certificate?.fingerprint256 !== tls.fingerprint256) seen!.certificate = namesOf(tls);
    if (novelty) words(`certificate key ${turn(novelty)}`);
  }

  /** What there was before, where this is new and not the first. */
  #see(aspect: Aspect, value: string | undefined, nowMs: number): Novelty | undefined {
    if (value === undefined || value === '') return undefined;
    const text = value.length > MAX_TEXT_LENGTH ? value.slice(0, MAX_TEXT_LENGTH) : value;
    const list = this.#seen[aspect];
    const [last] = list;
    if (last?.value === text) {
      last.lastMs = nowMs;
      last.count += 1;
      return undefined;
    }
    const index = list.findIndex((seen) => seen.value === text);
    const known = index < 0 ? undefined : list.splice(index, 1)[0];
    if (list.length >= MAX_SEEN[aspect]) list.pop();
    const isBack =
      known !== undefined && last !== undefined && last.lastMs - known.lastMs > FORGOTTEN_DAYS * DAY_MS;
    const seen = known ?? { value: text, firstMs: nowMs, lastMs: nowMs, count: 0 };
    seen.lastMs = nowMs;
    seen.count += 1;
    list.unshift(seen);
    if (last === undefined || (known !== undefined && !isBack)) return undefined;
    return { now: seen, before: last, isBack };
  }
}

/** `TLSv1.2 again, before TLSv1.3`. */
function turn({ now, before, isBack }: Novelty): string {
  return `${named(now)}${isBack ? ' again' : ''}, before ${named(before)}`;
}

function named({ value, certificate }: Seen): string {
  return certificate?.subject === undefined ? value : `${value} of ${certificate.subject}`;
}

function isLower({ now, before }: Novelty): boolean {
  return TLS_RANK.indexOf(now.value) < TLS_RANK.indexOf(before.value);
}

/** A command is a word without spaces. */
function isOf(operation: string, command: string): boolean {
  return (
    operation.startsWith(command) &&
    (operation.length === command.length || operation[command.length] === ' ')
  );
}

function implementationOf({ implementationClassUid: uid, implementationVersionName: name }: AuditEvent) {
  return name === undefined || uid === undefined ? (name ?? uid) : `${name} (${uid})`;
}

function namesOf(tls: NonNullable<AuditEvent['tls']>): CertificateNames {
  const { subject, issuer, serialNumber, fingerprint256, notAfter } = tls;
  const names = Object.entries({ subject, issuer, serialNumber, fingerprint256, notAfter }).flatMap(
    ([key, text]) => (text === undefined ? [] : [[key, text.slice(0, MAX_TEXT_LENGTH)]]),
  );
  return Object.fromEntries(names) as CertificateNames;
}

function newerOf(one: Seen, other: Seen): Seen {
  const newer = one.lastMs >= other.lastMs ? one : other;
  return {
    ...newer,
    firstMs: Math.min(one.firstMs, other.firstMs),
    count: Math.max(one.count, other.count),
  };
}

function seenOf({ value, firstSeen, lastSeen, count, certificate }: SeenReport): Seen {
  const seen = { value, firstMs: Date.parse(firstSeen), lastMs: Date.parse(lastSeen), count };
  return certificate === undefined ? seen : { ...seen, certificate };
}

function reportOf({ value, firstMs, lastMs, count, certificate }: Seen): SeenReport {
  const report = { value, firstSeen: isoOf(firstMs), lastSeen: isoOf(lastMs), count };
  return certificate === undefined ? report : { ...report, certificate };
}

export function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

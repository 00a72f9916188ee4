/**
 * Keeps the callers that the allowlist refused, each once, with what is known of them. An operator looks at them before
 * adding an entry. Learns from audit events and allows nothing. Knows no files and no HTTP.
 *
 * Every peer that reaches a listener can write here, so everything has a bound: the list, the share of one network in
 * it, and each text.
 */
import { createHash } from 'node:crypto';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { TlsFacts } from '../net/inboundConnection';
import { isCertificateReason } from '../policy/refusedCertificates';
import { networkOf } from '../text/addresses';
import {
  isPendingReason,
  type PendingCaller,
  type PendingReason,
  refusedCommands,
  triedCommand,
} from './pendingCaller';

/** A device has one AE title or a few. A scanner that tries out thousands must not push out the others. */
const MAX_OF_NETWORK = 32;
/** Different commands that one caller was refused. */
const MAX_COMMANDS = 32;
/** Names in certificates can be long. */
const MAX_NAME_LENGTH = 256;
/** 48 bits: short enough to be typed, too many for two entries to meet by chance. */
const ID_LENGTH = 12;

export interface PendingCallersOptions {
  readonly maxEntries: number;
  /** Called after each change. */
  changed?(): void;
  /** Called with the refusal of a caller that was not in the list. */
  added?(event: AuditEvent): void;
  /** Default: the present. */
  now?(): Date;
}

export class PendingCallers implements AuditSink {
  readonly #options: PendingCallersOptions;
  /** The one that was not seen for longest comes first. */
  readonly #callerByKey = new Map<string, PendingCaller>();
  /** Keys of the callers of each network, in the same order. */
  readonly #keysByNetwork = new Map<string, Set<string>>();
  #dropped: (id: string) => void = () => {};

  /** `callers` are those of an earlier run; the bounds hold for them too. */
  constructor(options: PendingCallersOptions, callers: readonly PendingCaller[] = []) {
    this.#options = options;
    const inOrder = [...callers].sort((one, other) => one.lastSeen.localeCompare(other.lastSeen));
    for (const caller of inOrder) this.#put(keyOf(caller), caller);
  }

  /** Last seen first. */
  get list(): readonly PendingCaller[] {
    return [...this.#callerByKey.values()].reverse();
  }

  get size(): number {
    return this.#callerByKey.size;
  }

  /** The one on the list whose refusal this event is. */
  of(event: AuditEvent): PendingCaller | undefined {
    return this.#callerByKey.get(keyOf(identityOf(event)));
  }

  find(id: string): PendingCaller | undefined {
    for (const caller of this.#callerByKey.values()) if (caller.id === id) return caller;
    return undefined;
  }

  /** Whether there was such an entry. */
  remove(id: string): boolean {
    if (!this.forget(id)) return false;
    this.#dropped(id);
    return true;
  }

  /** The same by word of another gateway. */
  forget(id: string): boolean {
    for (const [key, caller] of this.#callerByKey) {
      if (caller.id !== id) continue;
      this.#drop(key);
      this.#options.changed?.();
      return true;
    }
    return false;
  }

  /** By word of another gateway. The count is at least right: both may have counted the same refusals. */
  learn(caller: PendingCaller): void {
    const key = keyOf(caller);
    const known = this.#callerByKey.get(key);
    if (known !== undefined && known.lastSeen >= caller.lastSeen) return;
    if (known !== undefined) this.#drop(key);
    const { firstSeen = caller.firstSeen, count = 0 } = known ?? {};
    this.#put(key, {
      ...caller,
      id: idOf(key),
      firstSeen: [firstSeen, caller.firstSeen].sort()[0]!,
      count: Math.max(count, caller.count),
    });
    this.#options.changed?.();
  }

  /** `dropped` is called with those that have left the list: removed by an operator, or let in. */
  follow(dropped: (id: string) => void): void {
    this.#dropped = dropped;
  }

  record(event: AuditEvent): void {
    // What failed is the way to the archive: its certificate is not that of the caller.
    if (event.direction !== 'ingress' || event.outcome === 'failed') return;
    if (event.event === 'association.accepted') this.#accepted(event);
    else if (event.event === 'association.rejected' || event.event === 'command.refused') {
      if (isPendingReason(event.reason)) this.#refused(event, event.reason);
    } else if (event.event === 'connection.refused' && event.tls?.fingerprint256 !== undefined) {
      // Without a certificate there is nothing to tell one device from another.
      if (isCertificateReason(event.reason)) this.#refused(event, event.reason);
    }
  }

  /** A caller that is let in is no longer pending. Refused commands of one that has an entry stay until they are removed. */
  #accepted(event: AuditEvent): void {
    if (event.outcome !== 'allowed' || this.#callerByKey.size === 0) return;
    const identity = identityOf(event);
    const isDropped = [
      this.#dropAdmitted(keyOf(identity)),
      // Its certificate was refused before, and is good now.
      this.#dropAdmitted(keyOf({ ...identity, callingAeTitle: '', calledAeTitle: '' })),
    ];
    if (isDropped.includes(true)) this.#options.changed?.();
  }

  #dropAdmitted(key: string): boolean {
    const caller = this.#callerByKey.get(key);
    if (caller === undefined || refusedCommands.has(caller.reason)) return false;
    this.#drop(key);
    this.#dropped(caller.id);
    return true;
  }

  #refused(event: AuditEvent, reason: PendingReason): void {
    const identity = identityOf(event);
    const key = keyOf(identity);
    const known = this.#callerByKey.get(key);
    // Entries come and go: only the one that this refusal names counts.
    const { modality: _, ...before } = known ?? {};
    const now = (this.#options.now?.() ?? new Date()).toISOString();
    const { modality, implementationClassUid, implementationVersionName, proposedSopClasses } = event;
    // Removed first, because the newest comes last.
    if (known !== undefined) this.#drop(key);
    this.#put(key, {
      id: known?.id ?? idOf(key),
      ...before,
      ...identity,
      ...(modality === undefined ? {} : { modality }),
      ...(implementationClassUid === undefined ? {} : { implementationClassUid }),
      ...(implementationVersionName === undefined ? {} : { implementationVersionName }),
      proposedSopClasses: proposedSopClasses ?? known?.proposedSopClasses ?? [],
      commands: commandsOf(event, known?.commands ?? []),
      reason,
      firstSeen: known?.firstSeen ?? now,
      lastSeen: now,
      count: (known?.count ?? 0) + 1,
    });
    this.#options.changed?.();
    if (known === undefined) this.#options.added?.(event);
  }

  #put(key: string, caller: PendingCaller): void {
    const network = networkOf(caller.sourceAddress);
    const ofNetwork = this.#keysByNetwork.get(network);
    if (ofNetwork !== undefined && ofNetwork.size >= MAX_OF_NETWORK) this.#dropFirst(ofNetwork.keys());
    if (this.#callerByKey.size >= this.#options.maxEntries) this.#dropFirst(this.#callerByKey.keys());
    this.#callerByKey.set(key, caller);
    const keys = this.#keysByNetwork.get(network) ?? new Set();
    this.#keysByNetwork.set(network, keys.add(key));
  }

  #dropFirst(keys: IterableIterator<string>): void {
    const { value } = keys.next();
    if (value !== undefined) this.#drop(value);
  }

  #drop(key: string): void {
    const caller = this.#callerByKey.get(key);
    if (caller === undefined) return;
    this.#callerByKey.delete(key);
    const network = networkOf(caller.sourceAddress);
    const keys = this.#keysByNetwork.get(network);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByNetwork.delete(network);
  }
}

type Identity = Pick<
  PendingCaller,
  'callingAeTitle' | 'calledAeTitle' | 'sourceAddress' | 'listener' | 'isTls' | 'certificate'
>;

function identityOf(event: AuditEvent): Identity {
  const { callingAeTitle = '', calledAeTitle = '', sourceAddress = '', listener = '', tls } = event;
  return {
    callingAeTitle,
    calledAeTitle,
    sourceAddress,
    listener,
    isTls: tls !== undefined,
    ...(tls?.fingerprint256 === undefined ? {} : { certificate: certificateOf(tls, tls.fingerprint256) }),
  };
}

function certificateOf(tls: TlsFacts, fingerprint256: string): NonNullable<PendingCaller['certificate']> {
  const { spkiSha256, subject = '', issuer = '', serialNumber, notBefore, notAfter, untrusted, key } = tls;
  return {
    fingerprint256,
    ...(spkiSha256 === undefined ? {} : { spkiSha256 }),
    subject: subject.slice(0, MAX_NAME_LENGTH),
    issuer: issuer.slice(0, MAX_NAME_LENGTH),
    ...(serialNumber === undefined ? {} : { serialNumber: serialNumber.slice(0, MAX_NAME_LENGTH) }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(untrusted === undefined ? {} : { untrusted }),
    ...(key === undefined ? {} : { key: key.slice(0, MAX_NAME_LENGTH) }),
  };
}

/** JSON, because AE titles may hold any character that could separate them. */
function keyOf({ callingAeTitle, calledAeTitle, sourceAddress, listener, certificate }: Identity): string {
  return JSON.stringify([
    callingAeTitle,
    calledAeTitle,
    sourceAddress,
    listener,
    certificate?.fingerprint256 ?? '',
  ]);
}

function idOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, ID_LENGTH);
}

function commandsOf(event: AuditEvent, commands: readonly string[]): readonly string[] {
  const command = triedCommand(event);
  const isNew = command !== undefined && !commands.includes(command) && commands.length < MAX_COMMANDS;
  return isNew ? [...commands, command] : commands;
}

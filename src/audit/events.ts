/**
 * What the gateway reports: one type with a closed list of names, so that audit log, metrics and the pending list read the
 * same facts. Never patient data: UIDs, AE titles and addresses only. Types only.
 */
import type { TlsFacts } from '../net/inboundConnection';
import type { ReasonCode } from '../policy/reasons';

/** `debug` is counted, never logged: it is what a load balancer does every second. */
export type Outcome = 'allowed' | 'denied' | 'would-deny' | 'failed' | 'info' | 'debug';

export type AuditEventName =
  | 'connection.refused'
  | 'association.accepted'
  | 'association.rejected'
  | 'association.unusable'
  | 'association.released'
  | 'association.aborted'
  | 'command.completed'
  | 'command.refused'
  | 'configuration.reloaded'
  | 'configuration.rejected'
  | 'certificate.expiring'
  | 'certificate.reloaded'
  | 'crl.fetched'
  | 'crl.failed'
  | 'capture.started'
  | 'capture.ended'
  | 'penalty.imposed'
  | 'modality.locked'
  | 'modality.unlocked'
  | 'modality.expiring'
  | 'modality.silent'
  | 'modality.heard'
  | 'modality.changed'
  | 'upstream.up'
  | 'upstream.down'
  | 'gateway.started'
  | 'gateway.resumed'
  | 'gateway.stopped'
  | 'audit.resumed'
  | 'audit.checkpoint'
  | 'audit.broken'
  | 'syslog.down'
  | 'syslog.up'
  | 'syslog.lost'
  | 'shared.down'
  | 'shared.up'
  | 'alert.sent'
  | 'alert.failed';

/** A SOP class that was proposed and refused; by keyword if it has one. */
export interface RefusedContext {
  readonly sopClass: string;
  /** PS3.8 Table 9-18, in words. */
  readonly result: string;
  /** Set where the entry is the cause. */
  readonly reason?: ReasonCode | undefined;
}

/** Who asked for a reload. What a command says of itself is not proven: who has the token can say anything. */
export interface ReloadRequester {
  readonly by: 'signal' | 'admin' | 'watch';
  /** Of the admin HTTP: which key of the configuration holds the token that was shown. */
  readonly token?: 'admin.token' | 'admin.tokenFile';
  readonly sourceAddress?: string;
  /** `modality set`. */
  readonly command?: string;
  /** As the operating system names the account that ran the command. */
  readonly systemUser?: string;
}

/** Bytes of a peer around what the standard does not allow, without what could be of a patient. */
export interface Excerpt {
  readonly peer: 'modality' | 'archive' | 'upstream';
  /** Two hexadecimal digits for each byte, with a space between; `..` for one that is not shown. */
  readonly bytes: string;
  /** So many of them come before the PDU that is not allowed. */
  readonly start: number;
}

/** One line of the audit log, without its time. Absent facts are absent or undefined. */
export interface AuditEvent {
  readonly event: AuditEventName;
  readonly outcome: Outcome;
  readonly reason?: ReasonCode | undefined;
  /** Words for a person, if the reason alone does not say enough; never content from a data set. */
  readonly detail?: string | undefined;
  readonly connectionId?: string | undefined;
  readonly modality?: string | undefined;
  readonly listener?: string | undefined;
  readonly direction?: 'ingress' | 'egress' | undefined;
  readonly sourceAddress?: string | undefined;
  readonly sourcePort?: number | undefined;
  readonly callingAeTitle?: string | undefined;
  readonly calledAeTitle?: string | undefined;
  readonly tls?: TlsFacts | undefined;
  /** TLS of the way to the archive, on the line that says whether the association came about. */
  readonly upstreamTls?: TlsFacts | undefined;
  /** The maker of the modality, as it says: of an association that was accepted, or that the allowlist rejected. */
  readonly implementationClassUid?: string | undefined;
  readonly implementationVersionName?: string | undefined;
  /** SOP classes that it proposed, each once, by keyword if there is one: at most 128. */
  readonly proposedSopClasses?: readonly string[] | undefined;
  /** SOP classes of contexts that were refused, each once for each result: at most 128. */
  readonly refusedContexts?: readonly RefusedContext[] | undefined;
  /** The standard's spelling, e.g. `C-STORE`. */
  readonly command?: string | undefined;
  readonly sopClass?: string | undefined;
  readonly sopInstance?: string | undefined;
  /** Of a C-STORE, by keyword if there is one: how the data set is written. */
  readonly transferSyntax?: string | undefined;
  /** Where the other end asked instead of the peer that dialled us: the C-STORE of a C-GET, a report. */
  readonly requestor?: 'upstream' | undefined;
  readonly messageId?: number | undefined;
  readonly moveDestination?: string | undefined;
  /** DIMSE status of the final response, as `0x0000` (PS3.7 Annex C). */
  readonly status?: string | undefined;
  /** Data set bytes of the message (request and responses), of the whole association, or of all events of a sum. */
  readonly bytes?: number | undefined;
  readonly durationMs?: number | undefined;
  /** `host:port` of the upstream server. */
  readonly upstream?: string | undefined;
  /** Of an alert: the webhook, or `mail`. */
  readonly channel?: string | undefined;
  /** Of a certificate, list or entry that ends; as `time`. */
  readonly notAfter?: string | undefined;
  /** The line stands for so many events, lines that were not written, connections that were closed, or alerts. */
  readonly count?: number | undefined;
  /** Of the first of them; as `time`. */
  readonly since?: string | undefined;
  /** Of the last of them, where events were added up; as `time`. */
  readonly until?: string | undefined;
  /** Of the text of the configuration file, in hex. */
  readonly sha256?: string | undefined;
  /** For `aegis show errors`: not in the log. */
  readonly excerpt?: Excerpt | undefined;
  readonly requestedBy?: ReloadRequester | undefined;
  /**
   * What a reload changes, or would have changed, in words: at most 50, and a last one that counts the rest. Or what is
   * new about a modality.
   */
  readonly changes?: readonly string[] | undefined;
}

/** Where events go. Must not throw and must not block: it is called in the data path. */
export interface AuditSink {
  record(event: AuditEvent): void;
  /** Writes what was recorded so far. Called before bytes go to a peer, so that no answer is without its line. */
  flush?(): void;
  /** Pauses who caused a line of this outcome for as long as the sink cannot take more of them; usually not at all. */
  hold?(sender: Sender, outcome: Outcome): void;
}

/** Who is read and causes lines, such as a leg. Each pause is followed by one resume. */
export interface Sender {
  pause(): void;
  resume(): void;
}

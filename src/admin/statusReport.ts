/**
 * What the admin HTTP answers, for the server that writes it and the commands that read it: types only. docs/admin.md
 * documents them, and the names are stable. Text of peers is as it came: escape it before you show it.
 */
import type { SyslogStatus } from '../atna/runningExport';
import type { Outcome } from '../audit/events';
import type { ServerHealth } from '../gateway/upstreamHealth';
import type { SilentModality } from '../inventory/report';
import type { TlsFacts } from '../net/inboundConnection';
import type { ModalityLock } from '../policy/locks';
import type { ReasonCode } from '../policy/reasons';
import type { Problem } from '../text/problems';
import type { CertificateExpiry } from './certificateExpiries';

/** The answer of `/readyz`: every check by its name, and true where nothing is wrong. */
export interface Readiness {
  readonly isReady: boolean;
  readonly checks: {
    readonly listening: boolean;
    readonly notDraining: boolean;
    readonly upstreamUp: boolean;
    readonly certificatesValid: boolean;
    /** Only where `shared.whileAway` is `closed`. */
    readonly sharedUp?: boolean;
  };
}

/** The answer of `GET /api/v1/status`. */
export interface StatusReport extends Readiness {
  readonly version: string;
  /** ISO 8601, as all times. */
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly workers: number;
  readonly listeners: readonly ListenerStatus[];
  /** `upstream` is the called AE title that modalities use. */
  readonly upstreams: readonly UpstreamStatus[];
  /** What this gateway shares with others. Absent without `shared`. */
  readonly shared?: SharedStatus;
  /** Modalities that an operator has locked. */
  readonly locks: readonly ModalityLock[];
  /** Modalities that were not heard for longer than `expectEvery`. Absent without any. */
  readonly silent?: readonly SilentModality[];
  /** Those that are open, the oldest first. */
  readonly associations: readonly AssociationStatus[];
  /** Since the start. */
  readonly totals: Totals;
  /** The last ones, the newest first. */
  readonly denials: readonly Denial[];
  /** What ends first comes first. */
  readonly certificates: readonly CertificateStatus[];
  /** Those that are fetched; absent without any. */
  readonly revocationLists?: readonly RevocationListStatus[];
  /** Who is in the penalty box: an address, a /64 of IPv6, or `sha256:…` of a certificate. Absent without any. */
  readonly penalties?: readonly { readonly key: string; readonly until: string }[];
  /** Absent without one. */
  readonly syslog?: SyslogStatus;
  /** Absent before the first one. */
  readonly lastReload?: ReloadStatus;
  readonly pendingCallers: number;
}

export interface ListenerStatus {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

export interface SharedStatus {
  /** `host:port` of Redis. */
  readonly server: string;
  readonly site: string;
  readonly isUp: boolean;
  /** Since when it is up or away. */
  readonly since: string;
  /** Why it is away. */
  readonly detail?: string;
  /** Gateways that share, this one among them; absent while it is away. */
  readonly gateways?: number;
  readonly whileAway: 'alone' | 'closed';
}

/** `since` and `detail` are known once it has answered, or failed to. */
export type UpstreamStatus = ServerHealth;

export interface AssociationStatus {
  readonly connectionId: string;
  readonly direction: 'ingress' | 'egress';
  readonly modality: string;
  readonly listener: string;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly sourceAddress: string;
  readonly isTls: boolean;
  /** `host:port` of the server that was dialled. */
  readonly upstream: string;
  /** Of the way there; absent without TLS. */
  readonly upstreamTls?: TlsOfWay;
  readonly since: string;
  /** Completed and refused ones. */
  readonly commands: number;
  /** Data set bytes of completed commands, and of the one in progress so far. */
  readonly bytes: number;
  /** The command that is not answered yet; absent where there is none. */
  readonly inProgress?: CommandInProgress;
}

/** `group` is where Node tells it, e.g. `X25519MLKEM768`. */
export type TlsOfWay = Pick<TlsFacts, 'protocol' | 'cipher' | 'group'>;

export interface CommandInProgress {
  /** `C-STORE`. */
  readonly command: string;
  /** Data set bytes so far. */
  readonly bytes: number;
}

export interface Totals {
  readonly connectionsRefused: number;
  readonly associationsAccepted: number;
  readonly associationsRejected: number;
  readonly associationsAborted: number;
  readonly commandsCompleted: number;
  readonly commandsRefused: number;
  readonly relayedBytes: number;
}

export interface Denial {
  readonly time: string;
  /** `would-deny`: it was relayed, because the entry is in observe mode. */
  readonly outcome: Extract<Outcome, 'denied' | 'would-deny'>;
  readonly event: string;
  readonly reason: ReasonCode;
  /** The reason in words. */
  readonly text: string;
  readonly detail?: string;
  /** Of a refused certificate: which one it was. */
  readonly certificate?: string;
  /** Of a refused certificate: what to do. */
  readonly remedy?: string;
  readonly modality?: string;
  readonly listener?: string;
  readonly sourceAddress?: string;
  readonly callingAeTitle?: string;
  readonly calledAeTitle?: string;
  readonly command?: string;
  readonly sopClass?: string;
  readonly moveDestination?: string;
}

export interface CertificateStatus {
  readonly kind: CertificateExpiry['kind'];
  readonly name: string;
  readonly notAfter: string;
}

export interface RevocationListStatus {
  readonly url: string;
  /** The list that is held, in words; absent where there is none: certificates that need it are refused. */
  readonly list?: string;
  readonly nextUpdate?: string;
  /** When it was last fetched, changed or not; absent where not since the start. */
  readonly fetchedAt?: string;
  /** Why it cannot be fetched, or is not taken; absent where nothing is wrong. */
  readonly failure?: string;
  readonly failingSince?: string;
}

export interface ReloadStatus {
  readonly time: string;
  readonly isOk: boolean;
  /** Why it was rejected. */
  readonly detail?: string;
}

/** A problem of the configuration, with its place where it has one. */
export type ReloadProblem = Pick<Problem, 'message' | 'severity'> & Partial<Problem>;

/** The answer of `POST /api/v1/reload`. */
export interface ReloadReport {
  /** false: the running configuration stays. */
  readonly isReloaded: boolean;
  /** What the gateway runs from: an absolute path. */
  readonly file: string;
  /** Of the text of that file as it was taken over, hex; only where it was reloaded. */
  readonly sha256?: string;
  /** Errors where it was not reloaded, warnings where it was. */
  readonly problems: readonly ReloadProblem[];
  /** What is different now, a line each; only where it was reloaded. */
  readonly changes?: readonly string[];
  /** Associations that were ended because they are no longer allowed; only where it was reloaded. */
  readonly ended?: number;
}

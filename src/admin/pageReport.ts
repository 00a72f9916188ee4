/**
 * What the page at `/` asks of the admin HTTP: the shape of every answer, types only. docs/admin.md documents them, and
 * the names are stable. All times are ISO 8601 in UTC. Text of peers is as it came: escape it before you show it.
 */
import type { ReloadRequester } from '../audit/events';
import type { ModalityReport } from '../inventory/report';
import type { CertificateFacts, TlsFacts } from '../net/inboundConnection';
import type { Sheet } from '../onboarding/sheetMarkdown';
import type { ExplanationReport } from '../policy/explanationReport';
import type { ModalityLock } from '../policy/locks';
import type { ReasonCode } from '../policy/reasons';
import type { PendingCaller } from './pendingCaller';
import type {
  AssociationStatus,
  CertificateStatus,
  Denial,
  ReloadReport,
  ReloadStatus,
  Totals,
  UpstreamStatus,
} from './statusReport';

/**
 * The first that holds, in this order. `locked`: by an operator. `refused`: its last attempt was refused. `certificate`:
 * the one that it showed last ends within 30 days, or has ended. `silent`: not heard for longer than `expectEvery`.
 */
export type ModalityHealth = 'locked' | 'refused' | 'certificate' | 'silent' | 'ok';

/** `alarm`: somebody who should be is not served, or the audit log has gaps or was changed. `attention`: an operator should look. */
export type StateTone = 'ok' | 'attention' | 'alarm';

export interface StateSentence {
  /** `Enforcing; 2 of 41 modalities need you`. */
  readonly text: string;
  readonly tone: StateTone;
  /** What is behind it, the worst first, a sentence each; empty where the tone is `ok`. */
  readonly details: readonly string[];
}

/**
 * The answer of `GET /api/v1/overview`, and each frame of `GET /api/v1/events`: the first screen whole. The newest frame
 * counts; a reader that is slow misses those between.
 */
export interface Overview {
  readonly time: string;
  readonly version: string;
  readonly startedAt: string;
  readonly sentence: StateSentence;
  /** In the order of the configuration. */
  readonly upstreams: readonly UpstreamStatus[];
  readonly modalities: {
    readonly total: number;
    readonly byHealth: Readonly<Record<ModalityHealth, number>>;
    /** Those that are not `ok`, the worst first: at most 100. */
    readonly attention: readonly ModalityBrief[];
  };
  /** The last 20, the newest first. */
  readonly denials: readonly PageDenial[];
  readonly pending: {
    readonly total: number;
    /** The last 20, last seen first. */
    readonly callers: readonly PendingPageCaller[];
  };
  readonly associations: {
    readonly total: number;
    /** The last 50 that began, the newest first. */
    readonly open: readonly AssociationStatus[];
  };
  /** Since the start. */
  readonly totals: Totals;
  /** The present bucket of the history, to go on from `GET /api/v1/history`. */
  readonly now: HistoryBucket;
  readonly lastReload?: ReloadStatus;
  /** The next 5 that end. */
  readonly certificates: readonly CertificateStatus[];
  /** Changes with each configuration that counts: ask for the modalities and the configuration again. */
  readonly configurationSha256?: string;
}

export interface ModalityBrief {
  readonly name: string;
  readonly health: ModalityHealth;
  /** `Its last association was refused: …`; empty where it is ok. */
  readonly why: string;
}

/** A denial, what to do, and what the page may offer. */
export interface PageDenial extends Denial {
  /** What to do, of every reason. */
  readonly remedy: string;
  /** Of the association, where it came so far: `GET /api/v1/associations/ID`. */
  readonly connectionId?: string;
  /** The query of `GET /api/v1/explain` that asks about it, without `?`; absent where it cannot be asked. */
  readonly explain?: string;
  /** The pending caller that it is, where it is on the list: to be approved. */
  readonly pendingId?: string;
}

export interface PendingPageCaller extends PendingCaller {
  /** The reason in words, and what to do. */
  readonly text: string;
  readonly remedy: string;
  /** Whether a new entry would let it in: only then it can be approved. */
  readonly canBeApproved: boolean;
  /** Where it cannot: what would help instead. */
  readonly otherRemedy?: string;
  /** The permissions that all that it proposed would need: a hint, and no more. */
  readonly proposedPermissions: readonly string[];
  /** The name that a new entry gets if none is given. */
  readonly suggestedName: string;
  readonly explain?: string;
}

/** The answer of `GET /api/v1/pending/ID`. */
export type PendingDetail = PendingPageCaller;

/** The answer of `GET /api/v1/pending`. */
export interface PendingReport {
  /** Of all of them: an answer has a part. */
  readonly total: number;
  /** Last seen first. */
  readonly callers: readonly PendingPageCaller[];
}

/** 24 hours in buckets of 5 minutes. */
export interface HistoryBucket {
  /** Its beginning. */
  readonly from: string;
  /** Associations that were accepted. */
  readonly associations: number;
  /** Data set bytes of commands that were completed. */
  readonly bytes: number;
  /** Connections, associations and commands that were refused. */
  readonly refusals: number;
}

/** The answer of `GET /api/v1/history`: columns, the oldest first, without gaps; the last bucket is not over yet. */
export interface HistoryReport {
  readonly bucketSeconds: number;
  /** The beginning of the first bucket. */
  readonly from: string;
  readonly associations: readonly number[];
  readonly bytes: readonly number[];
  readonly refusals: readonly number[];
}

/** The answer of `GET /api/v1/modalities`. */
export interface ModalitiesReport {
  /** How many there are that fit the question. */
  readonly total: number;
  /** At most `limit` (default and bound 1,000) from `offset` on; by name. */
  readonly modalities: readonly ModalitySummary[];
}

export interface ModalitySummary extends ModalityBrief {
  readonly callingAeTitle: readonly string[];
  readonly from: readonly string[];
  /** Upstreams that it may call. */
  readonly calledAeTitle: readonly string[];
  readonly listeners: readonly string[];
  /** As in the configuration: `echo`, `store`. */
  readonly allow: readonly string[];
  readonly mode: 'enforce' | 'observe';
  readonly observeUntil?: string;
  readonly validFrom?: string;
  readonly validUntil?: string;
  /** When it last did something; absent where it never came. From the inventory: it survives a restart. */
  readonly lastSeen?: string;
  /** From where. */
  readonly lastAddress?: string;
  readonly lastDenial?: Denial;
  readonly counts: ModalityCounts;
  /** Open associations. */
  readonly open: number;
  /** Of the certificate that it showed last. */
  readonly certificateNotAfter?: string;
  readonly lock?: ModalityLock;
}

/** Since the start. */
export interface ModalityCounts {
  readonly associations: number;
  readonly commands: number;
  /** Data set bytes. */
  readonly bytes: number;
  /** Associations and commands that were refused to it. */
  readonly refusals: number;
}

/** The answer of `GET /api/v1/modalities/NAME`. */
export interface ModalityDetail extends ModalitySummary {
  /** The entry as it was loaded, with its defaults. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** What it may do, in words: `store images`. */
  readonly permissions: readonly string[];
  readonly certificate?: CertificateFacts;
  /** Of its last association. */
  readonly tls?: Pick<TlsFacts, 'protocol' | 'cipher' | 'group'>;
  readonly implementationClassUid?: string;
  readonly implementationVersionName?: string;
  /** What it is and does, further back than the start: as `GET /api/v1/inventory?modality=NAME` answers. */
  readonly inventory?: ModalityReport;
  readonly associations: readonly AssociationStatus[];
  /** What it did, was refused and changed, the newest first: few. The audit log has all. */
  readonly recent: readonly ModalityEvent[];
  /** How often it used each command, such as `C-STORE`; since the start. */
  readonly commands: Readonly<Record<string, number>>;
  /** The same of reasons that it was refused for. */
  readonly refusals: Readonly<Partial<Record<ReasonCode, number>>>;
}

/** A line of the audit log, shortened. */
export interface ModalityEvent {
  readonly time: string;
  readonly event: string;
  readonly outcome: string;
  readonly connectionId?: string;
  readonly reason?: ReasonCode;
  /** The reason in words. */
  readonly text?: string;
  readonly command?: string;
  readonly sopClass?: string;
  readonly sourceAddress?: string;
  readonly bytes?: number;
  readonly durationMs?: number;
  readonly detail?: string;
}

/** The answer of `GET /api/v1/modalities/NAME/sheet`: what `aegis modality sheet` writes, to be shown. */
export interface SheetReport {
  readonly sheet: Sheet;
  /** What it lacks. */
  readonly warnings: readonly string[];
}

/** The answer of `GET /api/v1/certificates`: all of them, the first to end comes first. */
export interface CertificatesReport {
  readonly certificates: readonly CertificateStatus[];
}

/**
 * The answer of `GET /api/v1/explain`, the same as of `aegis --json explain`. It takes `calling`, `called`, `from`,
 * `listener`, `command` (several times, if you like), `sopClass` and `moveDestination`. In place of the first four: `pending`
 * (the ID of a caller) or `modality` (a name), as it came last and with its certificate.
 */
export type ExplainReport = ExplanationReport;

/** The answer of `GET /api/v1/configuration`. */
export interface ConfigurationReport {
  /** An absolute path. */
  readonly file: string;
  /** Of its text as it was loaded, in hex. */
  readonly sha256: string;
  readonly loadedAt: string;
  /** As it counts, with defaults and variables of the environment. In place of a secret: `(secret)`. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Reloads, taken over or not, the newest first: at most 50. Survives a restart. */
  readonly history: readonly ConfigurationChange[];
}

export interface ConfigurationChange {
  readonly time: string;
  readonly isOk: boolean;
  readonly sha256?: string;
  readonly requestedBy?: ReloadRequester;
  /** What it changed, or would have changed, in words. */
  readonly changes: readonly string[];
  /** Why it was rejected. */
  readonly detail?: string;
}

/** The body of `POST /api/v1/pending/ID/approve`. */
export interface ApproveRequest {
  /** What it may do: `echo`, `store`. One or more. */
  readonly allow: readonly string[];
  /** Default: `suggestedName`. */
  readonly name?: string;
  /** Whether the certificate that it showed is required from now on; default: where it showed one. */
  readonly certificate?: boolean;
  /** Write nothing; answer what would be written. */
  readonly dryRun?: boolean;
  /** Who approves it, for the audit log. Not proven. */
  readonly by?: string;
}

/** The answer of `POST /api/v1/pending/ID/approve`: 200, or 422 where it was written and the reload was refused. */
export interface ApproveReport {
  readonly name: string;
  /** The configuration file that was changed, or would be: an absolute path. */
  readonly file: string;
  /** What was changed in it, as a person reads it. */
  readonly diff: string;
  readonly notes: readonly string[];
  /** Not with `dryRun`. */
  readonly isWritten: boolean;
  readonly reload?: ReloadReport;
}

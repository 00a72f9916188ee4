/**
 * What the page at `/` shows, put together from what others keep, when somebody asks. Remembers the history and the reloads
 * across restarts. Knows no HTTP.
 */
import { version } from '../../package.json';
import type { SyslogStatus } from '../atna/runningExport';
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import { withoutSecrets } from '../config/withoutSecrets';
import { DelayedWrite } from '../files/delayedWrite';
import type { ServerHealth } from '../gateway/upstreamHealth';
import { defaultEntryName } from '../onboarding/entryFields';
import { reasons, remedyOf } from '../policy/reasons';
import { AuditTrailView } from './auditTrailView';
import type { CertificateExpiries, CertificateExpiry } from './certificateExpiries';
import { ConfigurationHistory } from './configurationHistory';
import { History } from './history';
import { type Denied, denialOf, type LiveView } from './liveView';
import { stateSentence } from './modalityHealth';
import { type ModalityNews, ModalityViews } from './modalityViews';
import { PAGE_WRITE_DELAY_MS, readPageFile, writePageFile } from './pageFile';
import type { ConfigurationReport, Overview, PageDenial, PendingPageCaller } from './pageReport';
import type { PendingCaller } from './pendingCaller';
import type { PendingCallers } from './pendingCallers';
import { otherRemedy, proposedPermissions } from './pendingEntry';
import type { AssociationStatus, CertificateStatus } from './statusReport';

const MAX_ATTENTION = 100;
const MAX_DENIALS = 20;
const MAX_CALLERS = 20;
const MAX_OPEN = 50;
const MAX_CERTIFICATES = 5;

export interface PageSources {
  /** Asked each time: a reload may replace it. */
  configuration(): Configuration;
  readonly file: string;
  /** Of the text that the gateway started from. */
  readonly sha256: string;
  readonly startedAt: Date;
  readonly live: LiveView;
  readonly pending: PendingCallers;
  readonly expiries: CertificateExpiries;
  readonly inventory: ModalityNews['inventory'];
  locks(): ModalityNews['locks'];
  /** Where audit lines go, and whether they can be written there. */
  auditSinks(): Readonly<Record<string, boolean>>;
  syslog(): SyslogStatus | undefined;
  isDraining(): boolean;
  isListening(): boolean;
  warn(message: string): void;
}

/** What has to be waited for. */
interface Now {
  readonly upstreams: readonly ServerHealth[];
  readonly associations: readonly AssociationStatus[];
}

export class PageView implements AuditSink {
  readonly modalities: ModalityViews;
  readonly history: History;
  readonly reloads: ConfigurationHistory;
  readonly #sources: PageSources;
  readonly #auditTrail = new AuditTrailView();
  readonly #writer: DelayedWrite;

  constructor(sources: PageSources) {
    this.#sources = sources;
    const configuration = sources.configuration();
    const { stateDirectory } = configuration;
    const kept = readPageFile(stateDirectory, sources.warn);
    this.modalities = new ModalityViews(configuration);
    this.history = new History(kept.history);
    this.reloads = new ConfigurationHistory(sources.sha256, kept.reloads);
    this.#writer = new DelayedWrite({
      write: () =>
        writePageFile(stateDirectory, { history: this.history.report, reloads: this.reloads.kept }),
      failed: (message) => sources.warn(`the history of the page is not kept: ${message}`),
      delayMs: PAGE_WRITE_DELAY_MS,
    });
  }

  record(event: AuditEvent): void {
    this.modalities.record(event);
    this.#auditTrail.record(event);
    if (this.history.record(event)) this.#writer.changed();
    if (this.reloads.record(event)) this.#writer.changed();
  }

  /** A new configuration counts from now on. */
  replace(configuration: Configuration): void {
    this.modalities.replace(configuration);
  }

  /** Resolves when what is kept is written. */
  async close(): Promise<void> {
    await this.#writer.flush();
  }

  get news(): ModalityNews {
    const { expiries, locks, live, inventory } = this.#sources;
    const shown = expiries.list.filter(({ kind }) => kind === 'modality');
    return {
      locks: locks(),
      certificateEnds: new Map(shown.map(({ name, notAfter }) => [name, notAfter])),
      openByModality: live.associations.openByModality(),
      inventory,
    };
  }

  overview({ upstreams, associations }: Now): Overview {
    const { live, pending, expiries } = this.#sources;
    const { lastReload, totals } = live;
    const { observed, ...modalities } = this.modalities.overview(this.news, MAX_ATTENTION);
    const now = new Date();
    return {
      time: now.toISOString(),
      version,
      startedAt: this.#sources.startedAt.toISOString(),
      sentence: stateSentence({
        isListening: this.#sources.isListening(),
        isDraining: this.#sources.isDraining(),
        modalities: modalities.total,
        observed,
        byHealth: modalities.byHealth,
        upstreams,
        auditFaults: this.#auditTrail.faults(this.#sources.auditSinks(), this.#sources.syslog(), now),
        endedListeners: expiries.endedListeners(now),
        isLastReloadOk: lastReload?.isOk ?? true,
        pendingCallers: pending.size,
      }),
      upstreams,
      modalities,
      denials: live.denied.slice(0, MAX_DENIALS).map((denied) => this.#denial(denied)),
      pending: {
        total: pending.size,
        callers: this.callers(pending.list.slice(0, MAX_CALLERS)),
      },
      associations: { total: associations.length, open: associations.slice(-MAX_OPEN).reverse() },
      totals,
      now: this.history.present,
      ...(lastReload === undefined ? {} : { lastReload }),
      certificates: expiries.list.slice(0, MAX_CERTIFICATES).map(certificateStatus),
      configurationSha256: this.reloads.sha256,
    };
  }

  /** With what the page says of each. */
  callers(callers: readonly PendingCaller[]): PendingPageCaller[] {
    const configuration = this.#sources.configuration();
    const taken = new Set(Object.keys(configuration.modalities));
    return callers.map((caller) => {
      const { text, remedy } = reasons[caller.reason];
      const other = otherRemedy(caller, configuration);
      return {
        ...caller,
        text,
        remedy,
        canBeApproved: other === undefined,
        ...(other === undefined ? {} : { otherRemedy: other }),
        proposedPermissions: proposedPermissions(caller),
        suggestedName: defaultEntryName(caller.callingAeTitle, taken),
        explain: new URLSearchParams({ pending: caller.id }).toString(),
      };
    });
  }

  get configuration(): ConfigurationReport {
    const { sha256, loadedAt, reloads } = this.reloads;
    return {
      file: this.#sources.file,
      sha256,
      loadedAt,
      configuration: withoutSecrets(this.#sources.configuration()) as Readonly<Record<string, unknown>>,
      history: reloads,
    };
  }

  get certificates(): CertificateStatus[] {
    return this.#sources.expiries.list.map(certificateStatus);
  }

  #denial(denied: Denied): PageDenial {
    const { event } = denied;
    const pendingId = this.#sources.pending.of(event)?.id;
    const explain = explainQuery(event, pendingId);
    return {
      ...denialOf(denied),
      remedy: remedyOf(event.reason, event.direction) ?? '',
      ...(event.connectionId === undefined ? {} : { connectionId: event.connectionId }),
      ...(pendingId === undefined ? {} : { pendingId }),
      ...(explain === undefined ? {} : { explain }),
    };
  }
}

/** Undefined where it said no AE title and is not on the list. */
function explainQuery(event: AuditEvent, pendingId: string | undefined): string | undefined {
  const { callingAeTitle, calledAeTitle, sourceAddress, listener, command, sopClass, moveDestination } =
    event;
  const query = new URLSearchParams();
  if (pendingId !== undefined) query.set('pending', pendingId);
  else if (callingAeTitle !== undefined && calledAeTitle !== undefined && sourceAddress !== undefined) {
    query.set('calling', callingAeTitle);
    query.set('called', calledAeTitle);
    query.set('from', sourceAddress);
    if (listener !== undefined) query.set('listener', listener);
  } else return undefined;
  if (command !== undefined) {
    query.set('command', command.toLowerCase());
    if (sopClass !== undefined) query.set('sopClass', sopClass);
    if (moveDestination !== undefined) query.set('moveDestination', moveDestination);
  }
  return query.toString();
}

function certificateStatus({ kind, name, notAfter }: CertificateExpiry): CertificateStatus {
  return { kind, name, notAfter: notAfter.toISOString() };
}

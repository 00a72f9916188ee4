/**
 * Everything that watches a gateway by its audit events: the pending callers and their file, the ends of certificates,
 * the admin HTTP. What is not configured is not loaded. Begins before the gateway and ends after it.
 */
import type { AuditEvent, AuditSink } from '../audit/events';
import type { Configuration } from '../config/schema';
import type { HostAndPort } from '../net/hostAndPort';
import type { AdminServer } from './adminServer';
import { CertificateExpiries } from './certificateExpiries';
import { ExpiryWatch } from './expiryWatch';
import type { GatewayControl } from './gatewayControl';
import { PendingCallers } from './pendingCallers';
import { PendingFileWriter, recoverPendingFile } from './pendingFile';

type Warn = (message: string) => void;

/**
 * @example
 * const monitoring = await Monitoring.start(configuration, auditLog, warn);
 * const gateway = await startGateway(configuration, monitoring, warn);
 * monitoring.attach({ gateway, workers: 1, reload });
 */
export class Monitoring implements AuditSink {
  readonly #sinks: readonly AuditSink[];
  readonly #expiries: CertificateExpiries;
  readonly #expiryWatch: ExpiryWatch;
  readonly #pendingFile: PendingFileWriter | undefined;
  readonly #admin: AdminServer | undefined;

  private constructor(
    audit: AuditSink,
    expiries: CertificateExpiries,
    pending: Pending,
    admin?: AdminServer,
  ) {
    this.#expiries = expiries;
    this.#expiryWatch = new ExpiryWatch(this, () => expiries.list);
    this.#pendingFile = pending.file;
    this.#admin = admin;
    // Whoever could read the list: without a file and without HTTP nobody.
    const isListRead = pending.file !== undefined || admin !== undefined;
    this.#sinks = [audit, ...(isListRead ? [pending.callers] : []), ...(admin === undefined ? [] : [admin])];
  }

  /** Throws OperatorError where the port of the admin HTTP cannot be had, or a file of the configuration cannot be read. */
  static async start(configuration: Configuration, audit: AuditSink, warn: Warn): Promise<Monitoring> {
    const expiries = new CertificateExpiries(configuration);
    const pending = openPending(configuration, warn);
    const admin = await startAdmin(configuration, { expiries, pending: pending.callers });
    return new Monitoring(audit, expiries, pending, admin);
  }

  /** Of the admin HTTP, where there is one. */
  get address(): HostAndPort | undefined {
    return this.#admin?.address;
  }

  record(event: AuditEvent): void {
    for (const sink of this.#sinks) sink.record(event);
    const shown = this.#expiries.record(event);
    if (shown !== undefined) this.#expiryWatch.lookAt(shown);
  }

  /** The gateway has started. */
  attach(control: GatewayControl): void {
    this.#admin?.attach(control);
    this.#expiryWatch.look();
  }

  /** From now on the gateway takes no new associations. */
  draining(): void {
    this.#admin?.draining();
  }

  /** Reads what a new configuration names; nothing changes before the function that comes back is called. Throws OperatorError. */
  prepareReload(configuration: Configuration): () => void {
    const takeOver = this.#expiries.prepareReload(configuration);
    return () => {
      takeOver();
      this.#admin?.replace(configuration);
      this.#expiryWatch.look();
    };
  }

  async close(): Promise<void> {
    this.#expiryWatch.close();
    await this.#admin?.close();
    await this.#pendingFile?.close();
  }
}

interface Pending {
  readonly callers: PendingCallers;
  readonly file: PendingFileWriter | undefined;
}

function openPending({ pending: { file, maxEntries } }: Configuration, warn: Warn): Pending {
  if (file === undefined) return { callers: new PendingCallers({ maxEntries }), file: undefined };
  const writer = new PendingFileWriter({ file, callers: () => callers.list, failed: warn });
  const callers = new PendingCallers(
    { maxEntries, changed: () => writer.changed() },
    recoverPendingFile(file, warn),
  );
  return { callers, file: writer };
}

/** Before the gateway, so that a port that is taken is told before a modality can connect. */
async function startAdmin(
  configuration: Configuration,
  sources: { readonly expiries: CertificateExpiries; readonly pending: PendingCallers },
): Promise<AdminServer | undefined> {
  if (configuration.admin === undefined) return undefined;
  // Its libraries take longer to load than the rest of the gateway.
  const { AdminServer } = await import('./adminServer');
  return await AdminServer.start(configuration.admin, configuration, sources);
}

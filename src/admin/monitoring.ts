/**
 * Everything that watches a gateway by its audit events: the pending callers and their file, the inventory of the
 * modalities, the ends of certificates, alerts, the admin HTTP. It starts before the gateway and closes after it. What is
 * not configured is not loaded. Only puts these together.
 */
import { Alerts } from '../alerts/alerts';
import type { AuditEvent, AuditSink, Outcome, Sender } from '../audit/events';
import type { Configuration } from '../config/schema';
import { DelayedWrite } from '../files/delayedWrite';
import { Inventory } from '../inventory/inventory';
import { InheritedSockets } from '../net/inheritedSockets';
import type { HostAndPort } from '../text/hostAndPort';
import { AdminAccess } from './adminAccess';
import { AdminPort } from './adminPort';
import type { AdminServer, GatewayControl } from './adminServer';
import { CertificateExpiries } from './certificateExpiries';
import { ExpiryWatch } from './expiryWatch';
import type { AdminDoor } from './httpServer';
import { PendingCallers } from './pendingCallers';
import { PENDING_WRITE_DELAY_MS, recoverPendingFile, writePendingFile } from './pendingFile';

type Warn = (message: string) => void;

/** The name of its socket under systemd. */
const ADMIN_SOCKET = 'admin';

interface MonitoringParts {
  readonly configuration: Configuration;
  readonly audit: AuditSink;
  readonly warn: Warn;
  readonly pending: Pending;
  readonly expiries: CertificateExpiries;
  readonly alerts: Alerts;
  readonly door: AdminDoor | undefined;
}

/**
 * @example
 * const monitoring = await Monitoring.start(configuration, auditLog, warn);
 * const gateway = await startGateway(configuration, monitoring, warn);
 * await monitoring.attach(configuration, { gateway, workers: 1, reload });
 */
export class Monitoring implements AuditSink {
  readonly #audit: AuditSink;
  /** All but the audit log. */
  readonly #watchers: Pick<AuditSink, 'record'>[];
  /** What they have not seen yet: events of this turn. */
  #unseen: AuditEvent[] = [];
  #hasFailed = false;
  readonly #expiries: CertificateExpiries;
  readonly #expiryWatch: ExpiryWatch;
  readonly #pending: Pending;
  readonly #alerts: Alerts;
  readonly #warn: Warn;
  readonly #inventory: Inventory;
  readonly #door: AdminDoor | undefined;
  #admin: AdminServer | undefined;
  /** What the admin HTTP, where there is one, has missed so far. */
  readonly #missed: AuditEvent[] = [];

  private constructor({ configuration, audit, warn, pending, expiries, alerts, door }: MonitoringParts) {
    this.#audit = audit;
    this.#expiries = expiries;
    this.#expiryWatch = new ExpiryWatch(this, () => expiries.list);
    this.#pending = pending;
    this.#alerts = alerts;
    this.#warn = warn;
    this.#inventory = new Inventory({ configuration, audit: this, warn });
    this.#door = door;
    // Without a file and without HTTP, nobody could read the list; alerts want to know who is new in it.
    const isListRead = pending.file !== undefined || door !== undefined;
    const callers = {
      record: (event: AuditEvent) => {
        if (isListRead || alerts.isOn) pending.callers.record(event);
      },
    };
    this.#watchers = [callers, this.#inventory, alerts];
  }

  /** Throws OperatorError where the port of the admin HTTP cannot be had, or a file of the configuration cannot be read. */
  static async start(
    configuration: Configuration,
    audit: AuditSink,
    warn: Warn,
    sockets = new InheritedSockets(),
  ): Promise<Monitoring> {
    const expiries = new CertificateExpiries(configuration);
    const alerts = new Alerts((event) => monitoring.record(event), configuration);
    const pending = openPending(configuration, warn, alerts);
    // Before the gateway, so that a port in use is reported before a modality can connect.
    const door = await openAdmin(configuration, sockets);
    const monitoring = new Monitoring({ configuration, audit, warn, pending, expiries, alerts, door });
    return monitoring;
  }

  get inventory(): Inventory {
    return this.#inventory;
  }

  get pendingCallers(): PendingCallers {
    return this.#pending.callers;
  }

  /** Gets every event from now on, after those who keep what it may ask for. */
  alsoTell(sink: Pick<AuditSink, 'record'>): void {
    this.#watchers.push(sink);
  }

  /** Of the admin HTTP, where there is one. */
  get address(): HostAndPort | undefined {
    return this.#door?.port.address;
  }

  /** An answer to a peer waits for its line, and for nothing else: those that watch come at the end of the turn. */
  record(event: AuditEvent): void {
    if (event.event === 'gateway.stopped') {
      // The log ends with this line.
      this.#watchAll();
      this.#inventory.reportGathered();
    }
    this.#audit.record(event);
    if (this.#unseen.length === 0) setImmediate(this.#watchAll);
    this.#unseen.push(event);
  }

  readonly #watchAll = (): void => {
    const events = this.#unseen;
    this.#unseen = [];
    for (const event of events) {
      try {
        this.#watch(event);
      } catch (error) {
        this.#failed(error as Error);
      }
    }
  };

  /** Nobody is there to take it: thrown, it would end the process, and all associations with it. */
  #failed({ message }: Error): void {
    if (!this.#hasFailed) this.#warn(`what watches the gateway has failed: ${message}`);
    this.#hasFailed = true;
  }

  #watch(event: AuditEvent): void {
    for (const watcher of this.#watchers) watcher.record(event);
    if (this.#admin !== undefined) this.#admin.record(event);
    else if (this.#door !== undefined) this.#missed.push(event);
    const shown = this.#expiries.record(event);
    if (shown !== undefined) this.#expiryWatch.lookAt(shown);
  }

  flush(): void {
    this.#audit.flush?.();
  }

  hold(sender: Sender, outcome: Outcome): void {
    this.#audit.hold?.(sender, outcome);
  }

  /** The gateway has started: resolves when the admin HTTP answers. */
  async attach(configuration: Configuration, control: GatewayControl): Promise<void> {
    if (this.#door !== undefined) {
      // Its libraries take longer to load than the gateway does, and modalities need not wait for them.
      const { AdminServer } = await import('./adminServer');
      const sources = {
        expiries: this.#expiries,
        pending: this.#pending.callers,
        inventory: this.#inventory,
        warn: this.#warn,
      };
      const admin = new AdminServer(this.#door, { configuration, control, ...sources });
      for (const event of this.#missed.splice(0)) admin.record(event);
      this.#admin = admin;
      await admin.start();
    }
    this.#expiryWatch.look();
    this.#inventory.attach((name) => control.locks.list.some(({ modality }) => modality === name));
    this.#alerts.watchSinks(() => control.auditSinks?.() ?? {});
  }

  /** From now on the gateway takes no new associations. */
  draining(): void {
    this.#admin?.draining();
  }

  /** Reads what a new configuration names. The result takes it over when it is called. Throws OperatorError. */
  prepareReload(configuration: Configuration): () => void {
    const takeOver = this.#expiries.prepareReload(configuration);
    const takeOverAlerts = this.#alerts.prepareReload(configuration);
    return () => {
      takeOver();
      takeOverAlerts();
      this.#admin?.replace(configuration);
      this.#inventory.replace(configuration);
      this.#expiryWatch.look();
    };
  }

  async close(): Promise<void> {
    this.#watchAll();
    this.#expiryWatch.close();
    await this.#admin?.close();
    await this.#inventory.close();
    await this.#door?.port.close();
    await this.#pending.file?.flush();
    // It waits for others, so it comes last.
    await this.#alerts.close();
  }
}

interface Pending {
  readonly callers: PendingCallers;
  readonly file: DelayedWrite | undefined;
}

function openPending({ pending: { file, maxEntries } }: Configuration, warn: Warn, alerts: Alerts): Pending {
  const added = (event: AuditEvent) => alerts.pending(event);
  if (file === undefined) return { callers: new PendingCallers({ maxEntries, added }), file: undefined };
  const writer = new DelayedWrite({
    write: () => writePendingFile(file, callers.list),
    failed: (message) => warn(`pending.file: ${message}`),
    delayMs: PENDING_WRITE_DELAY_MS,
  });
  const callers = new PendingCallers(
    { maxEntries, added, changed: () => writer.changed() },
    recoverPendingFile(file, warn),
  );
  return { callers, file: writer };
}

async function openAdmin(
  { admin }: Configuration,
  sockets: InheritedSockets,
): Promise<AdminDoor | undefined> {
  if (admin === undefined) return undefined;
  const socket = sockets.take(ADMIN_SOCKET, admin);
  // Who reaches a socket that was taken by its name depends on its own address: beyond loopback, only the token opens.
  const access = new AdminAccess({ ...admin, host: socket?.host ?? admin.host });
  return { access, port: await AdminPort.open(admin, socket?.fd) };
}

/**
 * What `aegis start` starts: configuration, audit log, monitoring and gateway, one after the other. Signals and the end
 * are start.ts's.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { GatewayControl } from '../admin/adminServer';
import { Monitoring } from '../admin/monitoring';
import { AuditExport } from '../atna/auditExport';
import { AuditLog } from '../audit/auditLog';
import type { AuditSink } from '../audit/events';
import { loadConfiguration, textSha256 } from '../config/load';
import type { Configuration } from '../config/schema';
import { LocalPlaces } from '../gateway/associationPlaces';
import { Gateway } from '../gateway/gateway';
import { settleHeap } from '../gateway/heap';
import { LastAddresses } from '../gateway/lastAddresses';
import { describeAddresses } from '../gateway/lifeEvents';
import { rulesOf } from '../gateway/rules';
import type { GatewayOptions, RunningGateway } from '../gateway/runningGateway';
import { fetchBytes } from '../net/fetchBytes';
import { InheritedSockets } from '../net/inheritedSockets';
import type { LeasedPlaces } from '../shared/leasedPlaces';
import type { SharedState } from '../shared/sharedState';
import { formatHostAndPort } from '../text/hostAndPort';
import { Captures } from './captures';
import { ListRefresh } from './listRefresh';
import { ModalityLocks } from './modalityLocks';
import { PidFile } from './pidFile';
import { Reloads, type ReloadsOptions } from './reloads';
import { Systemd } from './systemd';
import { Predecessor, Records } from './takeOver';
import { type Say, warn } from './warnings';

interface Opened {
  readonly configuration: Configuration;
  readonly gateway: RunningGateway;
  readonly audit: AuditLog;
  readonly auditExport: AuditExport;
  /** The audit log, and everything else that reads what goes into it. */
  readonly monitoring: Monitoring;
  readonly pidFile: PidFile;
  readonly lists: ListRefresh;
  readonly locks: ModalityLocks;
  readonly captures: Captures;
  /** Undefined where the service is not one of systemd. */
  readonly systemd: Systemd | undefined;
  /** Undefined where nothing is shared. */
  readonly shared: SharedState | undefined;
  /** What the gateway records into. */
  readonly records: Records;
  /** Those that were open before this process. */
  readonly sockets: InheritedSockets;
  /** The process that this one took over from. */
  readonly predecessor: Predecessor | undefined;
}

export interface Running extends Opened {
  readonly reloads: Reloads;
}

/** Rejects, with nothing left open, where the gateway cannot start. */
export async function runGateway(file: string, options: ReloadsOptions, say: Say): Promise<Running> {
  const opening = open(file, say, {
    reload: (wanted, requestedBy) => reloads.inTurn(wanted, requestedBy),
    takeOverLists: () => reloads.takeOverLists(),
  });
  const reloads = new Reloads(file, opening, options, say);
  const opened = await opening;
  settleHeap();
  return { ...opened, reloads };
}

async function open(
  file: string,
  say: Say,
  { reload, takeOverLists }: Pick<GatewayControl, 'reload'> & Pick<Reloads, 'takeOverLists'>,
): Promise<Opened> {
  const systemd = Systemd.ofEnvironment(say);
  const predecessor = Predecessor.ofEnvironment();
  const sockets = predecessor?.sockets ?? InheritedSockets.ofSystemd();
  const loaded = loadConfiguration(file);
  const { configuration } = loaded;
  warn(loaded, say);
  if (predecessor !== undefined) {
    // Before the other one closes its files: it goes on where these cannot be used.
    rulesOf(configuration);
    if (workerCount(configuration) > 1) {
      const { checkShareable } = await import('../gateway/workers/sharedSockets');
      checkShareable(sockets);
    }
    await predecessor.prepared();
  }
  const locks = new ModalityLocks(configuration, say);
  const captures = new Captures(say);
  const audit = new AuditLog({
    stream: process.stdout,
    isReadable: process.stdout.isTTY,
    ...configuration.audit,
    stateDirectory: configuration.stateDirectory,
    say,
  });
  await audit.prepare();
  // A closed pipe at stdout ends every other command. It must not end the gateway.
  process.stdout.removeAllListeners('error');
  process.stdout.once('error', ({ message }) => say(`the audit log on stdout cannot be written: ${message}`));
  process.stdout.on('error', ignore);
  const lists = new ListRefresh({
    fetch: fetchBytes,
    // It records nothing before they are ready.
    record(event) {
      monitoring.record(event);
      if (event.event === 'crl.failed') say(`warning: ${event.detail}`);
    },
    takeOver: takeOverLists,
  });
  // Before anything reads them: at the first start, none is kept.
  const listsReady = await lists.prepare(configuration, false);
  const auditExport = await AuditExport.start(configuration, audit, say);
  const warnOf = (message: string) => say(`warning: ${message}`);
  const monitoring = await Monitoring.start(configuration, auditExport, warnOf, sockets).catch(
    async (error: unknown) => {
      await auditExport.close();
      throw error;
    },
  );
  const workers = workerCount(configuration);
  const records = new Records(monitoring, auditExport);
  const lastAddresses = new LastAddresses(configuration.stateDirectory, say);
  const local = new LocalPlaces(lastAddresses);
  let shared: SharedState | undefined;
  let gateway: RunningGateway | undefined;
  try {
    shared = await share(configuration, { locks, lastAddresses, monitoring });
    gateway = await startGateway(configuration, workers, records, say, {
      places: shared?.places(local) ?? local,
      locks: locks.list,
      imposed: (penalty) => shared?.imposed(penalty),
      disclosures: records,
      sockets,
    });
    audit.attach(monitoring);
    auditExport.attach(monitoring);
    const { lock } = allOf(gateway, predecessor);
    locks.attach({ gateway: { lock }, audit: monitoring });
    captures.attach({ gateway, audit: monitoring });
    shared?.attach({ gateway, audit: monitoring });
    for (const address of describeAddresses(gateway.addresses)) say(`listening on ${address}`);
    for (const unused of sockets.closeUnused([...gateway.addresses, monitoring.address])) {
      say(
        `warning: no listener has the address or the name of ${unused}, a socket of systemd: nobody answers there`,
      );
    }
    const statuses = () => lists.statuses;
    const auditSinks = () => audit.sinks;
    const source = { file: resolve(file), sha256: textSha256(loaded.text) };
    await monitoring.attach(configuration, {
      gateway,
      workers,
      source,
      locks,
      captures,
      reload,
      lists: statuses,
      auditSinks,
      syslog: () => auditExport.status,
      shared: () => shared?.status,
    });
    if (monitoring.address !== undefined) {
      say(`listening on ${formatHostAndPort(monitoring.address)} (admin HTTP)`);
    }
    const pidFile = new PidFile(say);
    await pidFile.moveTo(configuration.pidFile);
    listsReady();
    await predecessor?.running(records);
    systemd?.ready(gateway);
    return {
      configuration,
      gateway,
      audit,
      auditExport,
      monitoring,
      pidFile,
      lists,
      locks,
      captures,
      systemd,
      shared,
      records,
      sockets,
      predecessor,
    };
  } catch (error) {
    lists.close();
    await gateway?.stop();
    await shared?.close();
    await monitoring.close();
    await auditExport.close();
    throw error;
  }
}

/** Loaded only where it is configured. What Redis knows counts before anybody is let in. */
async function share(
  { shared, pending }: Configuration,
  {
    locks,
    lastAddresses,
    monitoring,
  }: Pick<Opened, 'locks' | 'monitoring'> & { lastAddresses: LastAddresses },
): Promise<SharedState | undefined> {
  if (shared === undefined) return undefined;
  const { SharedState } = await import('../shared/sharedState');
  const state = await SharedState.start(shared, {
    locks,
    lastAddresses,
    pending: monitoring.pendingCallers,
    maxPending: pending.maxEntries,
    inventory: monitoring.inventory,
  });
  monitoring.alsoTell(state);
  return state;
}

/** How many processes do the work; 1 is this one. */
function workerCount({ workers }: Configuration): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/** Throws OperatorError where the configuration cannot be used or a port cannot be had; nothing listens then. */
async function startGateway(
  configuration: Configuration,
  workers: number,
  audit: AuditSink,
  say: Say,
  { places, ...options }: GatewayOptions & { readonly places: LocalPlaces | LeasedPlaces },
): Promise<RunningGateway> {
  if (workers === 1) return await Gateway.start(configuration, audit, places, options);
  const { WorkerPool } = await import('../gateway/workers/workerPool');
  return await WorkerPool.start(configuration, workers, audit, say, { places, ...options });
}

/** A lock ends what the process before this one still serves, too. */
function allOf(gateway: RunningGateway, predecessor: Predecessor | undefined): Pick<RunningGateway, 'lock'> {
  return {
    lock: (locks) => {
      predecessor?.lock(locks);
      return gateway.lock(locks);
    },
  };
}

function ignore(): void {}

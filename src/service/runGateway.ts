/**
 * What `aegis start` starts: configuration, audit log, monitoring and gateway, one after the other. Signals and how it
 * ends are start.ts's.
 */
import type { GatewayControl } from '../admin/adminServer';
import { Monitoring } from '../admin/monitoring';
import { AuditLog } from '../audit/auditLog';
import { loadConfiguration } from '../config/load';
import type { Configuration } from '../config/schema';
import type { RunningGateway } from '../gateway/gateway';
import { settleHeap } from '../gateway/heap';
import { describeAddresses } from '../gateway/lifeEvents';
import { startGateway, workerCount } from '../gateway/workers/startGateway';
import { formatHostAndPort } from '../text/hostAndPort';
import { Reloads, type ReloadsOptions, warn } from './reloads';

type Say = (text: string) => void;

interface Opened {
  readonly configuration: Configuration;
  readonly gateway: RunningGateway;
  readonly audit: AuditLog;
  /** The audit log, and whoever else reads what goes into it. */
  readonly monitoring: Monitoring;
}

export interface Running extends Opened {
  readonly reloads: Reloads;
}

/** Rejects, with nothing left open, where the gateway cannot start. */
export async function runGateway(file: string, options: ReloadsOptions, say: Say): Promise<Running> {
  const opening = open(file, say, (wanted) => reloads.inTurn(wanted));
  const reloads = new Reloads(file, opening, options, say);
  const opened = await opening;
  settleHeap();
  return { ...opened, reloads };
}

async function open(file: string, say: Say, reload: GatewayControl['reload']): Promise<Opened> {
  const loaded = loadConfiguration(file);
  const { configuration } = loaded;
  await warn(loaded, say);
  const audit = new AuditLog({
    stream: process.stdout,
    isReadable: process.stdout.isTTY,
    file: configuration.audit.file,
    fileFailed: (message) => say(`the audit log file cannot be written: ${message}`),
  });
  // A reader of stdout that goes away (a closed pipe) ends every other command, but must not take the gateway down.
  process.stdout.removeAllListeners('error');
  process.stdout.once('error', ({ message }) => say(`the audit log on stdout cannot be written: ${message}`));
  process.stdout.on('error', ignore);
  const monitoring = await Monitoring.start(configuration, audit, (message) => say(`warning: ${message}`));
  let gateway: RunningGateway | undefined;
  try {
    gateway = await startGateway(configuration, monitoring, say);
    for (const address of describeAddresses(gateway.addresses)) say(`listening on ${address}`);
    await monitoring.attach(configuration, { gateway, workers: workerCount(configuration), reload });
    if (monitoring.address !== undefined) {
      say(`listening on ${formatHostAndPort(monitoring.address)} (admin HTTP)`);
    }
    return { configuration, gateway, audit, monitoring };
  } catch (error) {
    await gateway?.stop();
    await monitoring.close();
    throw error;
  }
}

const ignore = (): void => {};

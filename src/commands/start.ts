/**
 * `aegis start`: runs the gateway until SIGTERM or SIGINT, then drains. The audit log goes to stdout, words for
 * the operator to stderr.
 */
import type { GatewayControl } from '../admin/gatewayControl';
import type { Monitoring } from '../admin/monitoring';
import type { AuditLog } from '../audit/auditLog';
import type { Configuration } from '../config/schema';
import { ExitCode } from '../errors';
import type { RunningGateway } from '../gateway/gateway';
import { keepYoungGenerationSmall } from '../gateway/youngGeneration';
import { type CommandContext, type GlobalOptions, helpSections, type RegisterCommand } from './command';
import { Reloads, warn } from './reloads';

export const registerStart: RegisterCommand = (program, context) => {
  program
    .command('start')
    .description('run the gateway until SIGTERM or SIGINT; SIGHUP reloads')
    .option(
      '--watch',
      'reload too when the configuration, or a certificate, key or list that it names, changes',
    )
    .option('--enforce', 'with each reload, end the associations that are no longer allowed')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis start',
          'aegis --config /etc/aegis/aegis.jsonc start',
          'aegis start --watch --enforce',
          'kill -HUP PID     # reload the configuration',
        ],
        [
          '0  stopped by a signal, every association had ended',
          '1  a port cannot be had; associations had to be aborted, or a second signal cut the drain short',
          '2  the configuration, or a file that it names, cannot be used',
        ],
      ),
    )
    .action(async (options: StartOptions, command) => {
      const { config } = command.optsWithGlobals() as GlobalOptions;
      await start(config, options, context);
    });
};

interface StartOptions {
  readonly watch?: boolean;
  readonly enforce?: boolean;
}

type Say = (text: string) => void;

interface Running {
  readonly configuration: Configuration;
  readonly gateway: RunningGateway;
  readonly audit: AuditLog;
  /** The audit log, and whoever else reads what goes into it. */
  readonly monitoring: Monitoring;
}

async function start(file: string, options: StartOptions, context: CommandContext): Promise<void> {
  const say: Say = (text) => context.printError(`aegis: ${text}\n`);
  const starting = run(file, say, (wanted) => reloads.inTurn(wanted));
  const reloads = new Reloads(file, starting, options, say);
  // From the first moment: the default action of these signals would end a gateway that is still starting, or, as the
  // first process of a container, do nothing at all. That a start failed is told below.
  process.on('SIGHUP', () => void reloads.inTurn().catch(ignore));
  const stopped = untilStopped(starting, say);
  const { gateway, audit, monitoring } = await starting;
  keepYoungGenerationSmall();
  // The last resort. What escapes belongs to one connection or one timer; the others are none the worse for it.
  process.on('uncaughtException', ({ stack }) => say(`a defect of the gateway, please report it: ${stack}`));
  context.exit(await stopped);
  reloads.close();
  // A reader of stdout that takes nothing any more would hold up the end for as long as it lives.
  setTimeout(() => process.exit(), gateway.timeouts.closeSeconds * 1000).unref();
  // Only now: during the drain a monitor has to see that the gateway is not ready.
  await monitoring.close();
  await audit.close();
}

async function run(file: string, say: Say, reload: GatewayControl['reload']): Promise<Running> {
  const { loadConfiguration } = await import('../config/load');
  const { AuditLog } = await import('../audit/auditLog');
  const { Monitoring } = await import('../admin/monitoring');
  const { startGateway, workerCount } = await import('../gateway/startGateway');
  const { describeAddresses } = await import('../gateway/lifeEvents');
  const { formatHostAndPort } = await import('../net/hostAndPort');
  const loaded = loadConfiguration(file);
  await warn(loaded, say);
  const audit = new AuditLog({
    stream: process.stdout,
    isReadable: process.stdout.isTTY,
    file: loaded.configuration.audit.file,
    fileFailed: (message) => say(`the audit log file cannot be written: ${message}`),
  });
  // A reader of stdout that goes away (a closed pipe) ends every other command, but must not take the gateway down.
  process.stdout.removeAllListeners('error');
  process.stdout.once('error', ({ message }) => say(`the audit log on stdout cannot be written: ${message}`));
  process.stdout.on('error', ignore);
  const monitoring = await Monitoring.start(loaded.configuration, audit, (message) =>
    say(`warning: ${message}`),
  );
  let gateway: RunningGateway;
  try {
    gateway = await startGateway(loaded.configuration, monitoring, say);
  } catch (error) {
    await monitoring.close();
    throw error;
  }
  monitoring.attach({ gateway, workers: workerCount(loaded.configuration), reload });
  for (const address of describeAddresses(gateway.addresses)) say(`listening on ${address}`);
  if (monitoring.address !== undefined) {
    say(`listening on ${formatHostAndPort(monitoring.address)} (admin HTTP)`);
  }
  return { configuration: loaded.configuration, gateway, audit, monitoring };
}

/** Resolves when the drain that the first signal began is over. */
function untilStopped(starting: Promise<Running>, say: Say): Promise<ExitCode> {
  return new Promise((resolve) => {
    let signals = 0;
    const stop = async (signal: NodeJS.Signals, { gateway, monitoring }: Running) => {
      signals += 1;
      if (signals > 1) {
        say(`${signal} again: stopping at once`);
        await gateway.stop();
        return;
      }
      monitoring.draining();
      say(`${signal}: draining, ${describeWaiting(gateway)}`);
      const { aborted } = await gateway.stop();
      say(aborted === 0 ? 'stopped' : `stopped, associations aborted: ${aborted}`);
      resolve(aborted > 0 || signals > 1 ? ExitCode.Failed : ExitCode.Done);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => void starting.then((running) => stop(signal, running), ignore));
    }
  });
}

function describeWaiting({ connectionCount, timeouts }: RunningGateway): string {
  return connectionCount === 0
    ? 'no connection is open'
    : `open connections: ${connectionCount}, which have ${timeouts.drainSeconds} s to end`;
}

const ignore = (): void => {};

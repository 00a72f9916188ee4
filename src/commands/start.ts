/**
 * `aegis start`: runs the gateway until SIGTERM or SIGINT, then drains. The audit log goes to stdout, words for
 * the operator to stderr.
 */
import type { AdminServer } from '../admin/adminServer';
import type { AuditLog } from '../audit/auditLog';
import type { AuditSink } from '../audit/events';
import type { LoadedConfiguration } from '../config/load';
import type { Configuration } from '../config/schema';
import { ExitCode } from '../errors';
import type { RunningGateway } from '../gateway/gateway';
import { type CommandContext, type GlobalOptions, helpSections, type RegisterCommand } from './command';

export const registerStart: RegisterCommand = (program, context) => {
  program
    .command('start')
    .description('run the gateway until SIGTERM or SIGINT; SIGHUP reloads')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis start',
          'aegis --config /etc/aegis/aegis.jsonc start',
          'kill -HUP PID     # reload the configuration',
        ],
        [
          '0  stopped by a signal, every association had ended',
          '1  a port cannot be had; associations had to be aborted, or a second signal cut the drain short',
          '2  the configuration, or a file that it names, cannot be used',
        ],
      ),
    )
    .action(async (_options, command) => {
      const { config } = command.optsWithGlobals() as GlobalOptions;
      await start(config, context);
    });
};

type Say = (text: string) => void;

interface Running {
  readonly gateway: RunningGateway;
  readonly audit: AuditLog;
  /** The audit log, and whoever counts what goes into it. */
  readonly sink: AuditSink;
  readonly admin: AdminServer | undefined;
}

async function start(file: string, context: CommandContext): Promise<void> {
  const say: Say = (text) => context.printError(`aegis: ${text}\n`);
  const starting = run(file, say);
  // From the first moment: the default action of these signals would end a gateway that is still starting, or, as the
  // first process of a container, do nothing at all. That a start failed is told below.
  let settled: Promise<unknown> = starting;
  process.on('SIGHUP', () => {
    // One after the other, so that the last one counts.
    settled = settled.then(() => starting).then((running) => reload(file, running, say), ignore);
  });
  const stopped = untilStopped(starting, say);
  const { gateway, audit, admin } = await starting;
  // The last resort. What escapes belongs to one connection or one timer; the others are none the worse for it.
  process.on('uncaughtException', ({ stack }) => say(`a defect of the gateway, please report it: ${stack}`));
  context.exit(await stopped);
  // A reader of stdout that takes nothing any more would hold up the end for as long as it lives.
  setTimeout(() => process.exit(), gateway.timeouts.closeSeconds * 1000).unref();
  // Only now: during the drain a monitor has to see that the gateway is not ready.
  await admin?.close();
  await audit.close();
}

async function run(file: string, say: Say): Promise<Running> {
  const { loadConfiguration } = await import('../config/load');
  const { AuditLog } = await import('../audit/auditLog');
  const { startGateway } = await import('../gateway/startGateway');
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
  // A reader of stdout that goes away (a closed pipe) must not take the gateway down.
  process.stdout.once('error', ({ message }) => say(`the audit log on stdout cannot be written: ${message}`));
  process.stdout.on('error', ignore);
  const admin = await startAdmin(loaded.configuration);
  const sink = admin === undefined ? audit : teeOf(audit, admin);
  let gateway: RunningGateway;
  try {
    gateway = await startGateway(loaded.configuration, sink, say);
  } catch (error) {
    await admin?.close();
    throw error;
  }
  for (const address of describeAddresses(gateway.addresses)) say(`listening on ${address}`);
  if (admin !== undefined) say(`listening on ${formatHostAndPort(admin.address)} (admin HTTP)`);
  return { gateway, audit, sink, admin };
}

/** Before the gateway, so that a port that is taken is told before a modality can connect. */
async function startAdmin(configuration: Configuration): Promise<AdminServer | undefined> {
  if (configuration.admin === undefined) return undefined;
  // Its libraries take longer to load than the rest of the gateway.
  const { AdminServer } = await import('../admin/adminServer');
  return await AdminServer.start(configuration.admin, configuration);
}

function teeOf(...sinks: readonly AuditSink[]): AuditSink {
  return {
    record(event) {
      for (const sink of sinks) sink.record(event);
    },
  };
}

/** What does not keep the gateway from starting: an expired certificate still serves peers that do not look. */
async function warn({ configuration, problems, place }: LoadedConfiguration, say: Say): Promise<void> {
  const { inspectTlsFiles } = await import('../config/files');
  const { formatProblem } = await import('../config/problems');
  const expiring = place(inspectTlsFiles(configuration)).filter(({ kind }) => kind === 'expiry');
  for (const problem of [...problems, ...expiring]) say(`warning: ${formatProblem(problem)}`);
}

/** A configuration that can't be used changes nothing: the running one stays, and the log says why. */
async function reload(file: string, { gateway, sink, admin }: Running, say: Say): Promise<void> {
  const { loadConfiguration } = await import('../config/load');
  let loaded: LoadedConfiguration;
  try {
    loaded = loadConfiguration(file);
    const takeOver = admin?.prepareReload(loaded.configuration);
    await gateway.reload(loaded.configuration);
    takeOver?.();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    sink.record({ event: 'configuration.rejected', outcome: 'failed', detail });
    say(`${file} was not reloaded, the running configuration stays:\n${detail}`);
    return;
  }
  sink.record({ event: 'configuration.reloaded', outcome: 'info' });
  say(`${file} was reloaded`);
  await warn(loaded, say);
}

/** Resolves when the drain that the first signal began is over. */
function untilStopped(starting: Promise<Running>, say: Say): Promise<ExitCode> {
  return new Promise((resolve) => {
    let signals = 0;
    const stop = async (signal: NodeJS.Signals, { gateway, admin }: Running) => {
      signals += 1;
      if (signals > 1) {
        say(`${signal} again: stopping at once`);
        await gateway.stop();
        return;
      }
      admin?.draining();
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

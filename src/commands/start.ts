/**
 * `aegis start`: runs the gateway until SIGTERM or SIGINT, then drains. The audit log goes to stdout, words for the
 * operator to stderr. What is started is in runGateway.ts, which is loaded when it is asked for.
 */
import { ExitCode } from '../errors';
import type { RunningGateway } from '../gateway/runningGateway';
import { hasReloadSignal } from '../service/reloadSignal';
import type { ReloadsOptions } from '../service/reloads';
import type { Running } from '../service/runGateway';
import type { Say } from '../service/warnings';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../terminal/command';

export const registerStart: RegisterCommand = (program, context) => {
  program
    .command('start')
    .description('run the gateway until SIGTERM or SIGINT; SIGHUP reloads')
    .option(
      '--watch',
      'also reload when the configuration, or a certificate, key or list that it names, changes',
    )
    .option('--enforce', 'at each reload, end the associations that are no longer allowed')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis start',
          'aegis --config /etc/aegis/aegis.jsonc start',
          'aegis start --watch --enforce',
          'kill -HUP PID     # reload the configuration',
          'kill -USR2 PID    # a new process takes over, for example a new version',
        ],
        [
          '0  stopped by a signal, or another process took over; every association had ended',
          '1  a port cannot be opened; associations had to be aborted, or a second signal cut the drain short',
          '2  the configuration, or a file that it names, cannot be used',
        ],
      ),
    )
    .action(async (options: ReloadsOptions, command) => {
      const { config } = command.optsWithGlobals() as GlobalOptions;
      await start(config, options, context);
    });
};

/**
 * Windows can send neither SIGTERM nor SIGHUP. Service wrappers press Ctrl-C there; SIGBREAK is Ctrl-Break, and SIGHUP says
 * that the console was closed.
 */
const STOPPING: readonly NodeJS.Signals[] = hasReloadSignal()
  ? ['SIGTERM', 'SIGINT']
  : ['SIGINT', 'SIGBREAK', 'SIGHUP'];

async function start(file: string, options: ReloadsOptions, context: CommandContext): Promise<void> {
  const say: Say = (text) => context.printError(`aegis: ${text}\n`);
  const starting = import('../service/runGateway').then(({ runGateway }) => runGateway(file, options, say));
  // From the first moment. By default these signals would end a gateway that is still starting. And the first process
  // of a container would not notice them at all. A start that failed is reported below.
  const replacing = starting.then(async () => new (await import('../service/handOver')).HandOver(say));
  if (hasReloadSignal()) {
    process.on('SIGHUP', () => void starting.then(({ reloads }) => reloads.inTurn()).catch(ignore));
    process.on('SIGUSR2', () => {
      replacing.then(async (handOver) => await handOver.begin(await starting)).catch(ignore);
    });
  }
  replacing.catch(ignore);
  const stopped = untilStopped(starting, say);
  const running = await starting;
  const { gateway, systemd } = running;
  // The last resort. An error that escapes belongs to one connection or one timer. The others go on.
  process.on('uncaughtException', ({ stack }) => say(`a defect of the gateway, please report it: ${stack}`));
  const handOver = await replacing;
  context.exit(await Promise.race([stopped, handOver.ended]));
  systemd?.close();
  // A reader of stdout that hangs would otherwise keep this process.
  const endSoon = () => void setTimeout(() => process.exit(), gateway.timeouts.closeSeconds * 1000).unref();
  await handOver.finish(running, endSoon);
}

/** Resolves when the drain that the first signal began is over. */
function untilStopped(starting: Promise<Running>, say: Say): Promise<ExitCode> {
  return new Promise((resolve) => {
    let signals = 0;
    const stop = async (signal: NodeJS.Signals, { gateway, monitoring, systemd, predecessor }: Running) => {
      signals += 1;
      if (signals > 1) {
        say(`${signal} again: stopping at once`);
        await gateway.stop();
        return;
      }
      monitoring.draining();
      systemd?.stopping();
      say(`${signal}: draining, ${describeWaiting(gateway)}`);
      const [{ aborted }] = await Promise.all([gateway.stop(), predecessor?.stop()]);
      say(aborted === 0 ? 'stopped' : `stopped, associations aborted: ${aborted}`);
      resolve(aborted > 0 || signals > 1 ? ExitCode.Failed : ExitCode.Done);
    };
    for (const signal of STOPPING) {
      process.on(signal, () => void starting.then((running) => stop(signal, running), ignore));
    }
  });
}

function describeWaiting({ connectionCount, timeouts }: RunningGateway): string {
  return connectionCount === 0
    ? 'no connection is open'
    : `open connections: ${connectionCount}, which have ${timeouts.drainSeconds} s to end`;
}

function ignore(): void {}

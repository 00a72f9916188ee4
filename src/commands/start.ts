/**
 * `aegis start`: runs the gateway until SIGTERM or SIGINT, then drains. The audit log goes to stdout, words for
 * the operator to stderr.
 */
import type { AuditLog } from '../audit/auditLog';
import { ExitCode } from '../errors';
import type { Gateway } from '../gateway/gateway';
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
          '1  associations had to be aborted, or a second signal cut the drain short',
          '2  the configuration cannot be used, or a port cannot be had',
        ],
      ),
    )
    .action(async (_options, command) => {
      const { config } = command.optsWithGlobals() as GlobalOptions;
      await start(config, context);
    });
};

async function start(file: string, context: CommandContext): Promise<void> {
  const { loadConfiguration } = await import('../config/load');
  const { AuditLog } = await import('../audit/auditLog');
  const { Gateway } = await import('../gateway/gateway');
  const say = (text: string) => context.printError(`aegis: ${text}\n`);
  const { configuration, problems } = loadConfiguration(file);
  for (const { message } of problems) say(`warning: ${message}`);

  const audit = new AuditLog({
    stream: process.stdout,
    isReadable: process.stdout.isTTY,
    file: configuration.audit.file,
    fileFailed: (message) => say(`the audit log file cannot be written: ${message}`),
  });
  // A reader of stdout that goes away (a closed pipe) must not take the gateway down.
  process.stdout.on('error', () => {});
  const gateway = await Gateway.start(configuration, audit);
  for (const { name, host, port } of gateway.addresses) say(`listening on ${host}:${port} (${name})`);
  process.on('SIGHUP', () => reload(file, gateway, audit, say));
  context.exit(await untilStopped(gateway, say));
  await audit.close();
}

/** A configuration that can't be used changes nothing: the running one stays, and the log says why. */
function reload(file: string, gateway: Gateway, audit: AuditLog, say: (text: string) => void): void {
  void (async () => {
    const { loadConfiguration } = await import('../config/load');
    try {
      gateway.reload(loadConfiguration(file).configuration);
      audit.record({ event: 'configuration.reloaded', outcome: 'info' });
      say(`${file} was reloaded`);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      audit.record({ event: 'configuration.rejected', outcome: 'failed', detail });
      say(`${file} was not reloaded, the running configuration stays:\n${detail}`);
    }
  })();
}

async function untilStopped(gateway: Gateway, say: (text: string) => void): Promise<ExitCode> {
  return await new Promise((resolve) => {
    let signals = 0;
    const stop = (signal: NodeJS.Signals) => {
      signals += 1;
      if (signals > 1) {
        say(`${signal} again: stopping at once`);
        void gateway.stop();
        return;
      }
      say(`${signal}: no new associations; ${gateway.connectionCount} open connections may end`);
      void gateway.stop().then(({ aborted }) => {
        resolve(aborted > 0 || signals > 1 ? ExitCode.Failed : ExitCode.Done);
      });
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}

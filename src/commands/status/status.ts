/**
 * `aegis status`: what a running gateway is doing, asked over its admin HTTP; once or again and again. Options and exit
 * code only.
 */
import type { Command } from 'commander';
import type { AdminClient, AdminTarget } from '../../admin/adminClient';
import { ExitCode, OperatorError } from '../../errors';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';
import { durationOption } from '../../text/moments';

interface StatusOptions extends GlobalOptions {
  readonly url?: string;
  /** Seconds; true for the default. */
  readonly watch?: number | true;
}

/** Fast enough to see an association come, slow enough to be read. */
const WATCH_SECONDS = 2;
const WATCH_BOUNDS = { unit: 'seconds', min: 0.1, max: 3600 } as const;
/** Cursor to the top, the rest of the screen cleared: nothing of the scrollback is lost. */
const CLEAR_SCREEN = '\x1b[H\x1b[J';

export const registerStatus: RegisterCommand = (program, context) => {
  program
    .command('status')
    .description(
      'what the running gateway does: listeners, upstreams, associations, last denials, certificates',
    )
    .option(
      '--watch [seconds]',
      `again and again, every ${WATCH_SECONDS} seconds by default`,
      durationOption('--watch', WATCH_BOUNDS),
    )
    .option(
      '--url <url>',
      'the admin HTTP (default: admin of the configuration); its token is AEGIS__ADMIN__TOKEN',
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis status',
          'aegis status --watch',
          'aegis --json status',
          'aegis status --url http://127.0.0.1:9762',
        ],
        [
          '0  the gateway is ready to serve modalities',
          '1  it does not answer, or it is not ready; the first line says why',
          '2  wrong usage, or a configuration without admin',
        ],
      ),
    )
    .action(async (_options, command: Command) => {
      await status(command.optsWithGlobals<StatusOptions>(), context);
    });
};

async function status(options: StatusOptions, context: CommandContext): Promise<void> {
  const { AdminClient, adminTargetAt } = await import('../../admin/adminClient');
  const target =
    options.url === undefined ? await configuredTarget(options.config) : adminTargetAt(options.url);
  if (target === undefined) {
    throw new OperatorError(
      `${options.config} has no admin, so the gateway cannot be asked; add "admin": {} and restart it`,
    );
  }
  const client = new AdminClient(target);
  if (options.watch === undefined) context.exit(await show(client, options, context));
  else await watch(client, options, context);
}

async function configuredTarget(file: string): Promise<AdminTarget | undefined> {
  const { adminTargetOf } = await import('../../admin/adminClient');
  const { ConfigurationError } = await import('../../text/problems');
  try {
    return adminTargetOf(file);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const { message } = error;
    // A gateway that runs goes on with the configuration that it has.
    throw new OperatorError(
      `${message}\nuntil that is mended, name the admin HTTP of the running gateway: --url http://127.0.0.1:9762`,
    );
  }
}

async function show(client: AdminClient, options: StatusOptions, context: CommandContext): Promise<ExitCode> {
  const report = await client.status();
  if (options.json === true) {
    context.print(`${JSON.stringify(report, undefined, options.watch === undefined ? 2 : 0)}\n`);
  } else {
    const { statusText } = await import('./text');
    context.print(statusText(report));
  }
  return report.isReady ? ExitCode.Done : ExitCode.Failed;
}

/** Until Ctrl-C; a gateway that is away for a while is told and asked again. */
async function watch(client: AdminClient, options: StatusOptions, context: CommandContext): Promise<void> {
  const { setTimeout: delay } = await import('node:timers/promises');
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  const seconds = options.watch === true || options.watch === undefined ? WATCH_SECONDS : options.watch;
  const isScreen = process.stdout.isTTY === true && options.json !== true;
  while (!ended.signal.aborted) {
    if (isScreen) context.print(CLEAR_SCREEN);
    try {
      context.exit(await show(client, options, context));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      context.printError(`error: ${error.message}\n`);
      context.exit(ExitCode.Failed);
    }
    if (!isScreen && options.json !== true) context.print('\n');
    await delay(seconds * 1000, undefined, { signal: ended.signal }).catch(() => {});
  }
}

/** The work of `aegis status`: asks a running gateway over its admin HTTP, once or again and again, and prints. */
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient, type AdminTarget, adminTargetAt, adminTargetOf } from '../../admin/adminClient';
import { ExitCode, OperatorError } from '../../errors';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { ConfigurationError } from '../../text/problems';
import { statusReportText } from './text';

export interface StatusOptions extends GlobalOptions {
  readonly url?: string;
  /** Ask again after so many seconds. */
  readonly watch?: number;
}

/** Cursor to the top, the rest of the screen cleared: nothing of the scrollback is lost. */
const CLEAR_SCREEN = '\x1b[H\x1b[J';

export async function status(context: CommandContext, options: StatusOptions): Promise<void> {
  const target = options.url === undefined ? configuredTarget(options.config) : adminTargetAt(options.url);
  if (target === undefined) {
    throw new OperatorError(
      `${options.config} has no admin, so the gateway cannot be asked; add "admin": {} and restart it`,
    );
  }
  const client = new AdminClient(target);
  const { watch: watchSeconds } = options;
  if (watchSeconds === undefined) context.exit(await show(client, options, context));
  else await watch(client, watchSeconds, options, context);
}

function configuredTarget(file: string): AdminTarget | undefined {
  try {
    return adminTargetOf(file);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // A gateway that runs goes on with the configuration that it has.
    throw new OperatorError(
      `${error.message}\nuntil that is fixed, name the admin HTTP of the running gateway: --url http://127.0.0.1:9762`,
    );
  }
}

async function show(client: AdminClient, options: StatusOptions, context: CommandContext): Promise<ExitCode> {
  const report = await client.status();
  const isOnce = options.watch === undefined;
  context.print(
    options.json === true
      ? `${JSON.stringify(report, undefined, isOnce ? 2 : 0)}\n`
      : statusReportText(report),
  );
  return report.isReady ? ExitCode.Done : ExitCode.Failed;
}

/** Until Ctrl-C. A gateway that does not answer is reported, and asked again. */
async function watch(
  client: AdminClient,
  seconds: number,
  options: StatusOptions,
  context: CommandContext,
): Promise<void> {
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
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

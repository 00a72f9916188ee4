/**
 * What a command says once it has changed the configuration file: it reloads the gateway where that was asked for, asks
 * whether to where a person is there, or shows the line to type.
 */
import { AdminClient, adminTarget, readableConfiguration } from '../../admin/adminClient';
import type { ReloadProblem } from '../../admin/statusReport';
import { ExitCode, OperatorError } from '../../errors';
import { runningGatewayPid } from '../../service/pidFile';
import { hasReloadSignal } from '../../service/reloadSignal';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { canAsk, Questions } from '../../terminal/questions';
import { shellQuoted } from '../../text/quote';
import { type Reloaded, reloadRunning, showReloaded } from './reloadGateway';

export interface OfferOptions extends GlobalOptions {
  /** Without a question. */
  readonly reload?: boolean;
}

/**
 * What is left to do: the line to type, or nothing. Warnings that were `shown` are not shown again. Throws OperatorError
 * where a reload that was wanted failed.
 */
export async function offerReload(
  context: CommandContext,
  options: OfferOptions,
  shown: readonly string[] = [],
): Promise<string[]> {
  const gateway = await gatewayOf(options);
  if (options.reload !== true && !(gateway === 'running' && canAsk() && (await isWanted()))) {
    return [gateway === 'stopped' ? commandLine(options, 'start') : lineToType(gateway, options)];
  }
  try {
    showReloaded(context, options.config, await reloadRunning(options), shown);
    return [];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(
      `${error.message}\n${options.config} was written all the same; reload later with "${commandLine(options, 'reload')}"`,
      ExitCode.Failed,
    );
  }
}

/** The same for a machine: what came of `--reload`, or null. Sets the exit code. */
export async function reloadForJson(
  context: CommandContext,
  options: OfferOptions,
): Promise<Reloaded | { isReloaded: false; problems: readonly ReloadProblem[] } | null> {
  if (options.reload !== true) return null;
  const reloaded = await reloadRunning(options).catch((error: Error) => {
    if (!(error instanceof OperatorError)) throw error;
    return {
      isReloaded: false as const,
      problems: [{ message: error.message, severity: 'error' as const }],
    };
  });
  if (reloaded.isReloaded === false) context.exit(ExitCode.Failed);
  return reloaded;
}

async function isWanted(): Promise<boolean> {
  const questions = new Questions();
  try {
    const answer = await questions.ask('Reload the running gateway now? [y/N]', '', () => undefined);
    return /^y(es)?$/i.test(answer);
  } catch (error) {
    // Ctrl-C: the change is written, and the line to type follows.
    if (error instanceof OperatorError) return false;
    throw error;
  } finally {
    questions.close();
  }
}

/** `unreachable`: neither a token nor a PID file leads to it. */
type GatewayState = 'running' | 'stopped' | 'unreachable';

async function gatewayOf({ config }: OfferOptions): Promise<GatewayState> {
  try {
    const { admin, pidFile } = readableConfiguration(config);
    const client = admin === undefined ? undefined : new AdminClient(adminTarget(admin));
    if (client?.hasToken === true && (await isAnswering(client))) return 'running';
    if (pidFile !== undefined && hasReloadSignal())
      return runningGatewayPid(pidFile) === undefined ? 'stopped' : 'running';
    return client?.hasToken === true ? 'stopped' : 'unreachable';
  } catch (error) {
    // A token that cannot be read, a port that is not known: the reload itself says which.
    if (error instanceof OperatorError) return 'unreachable';
    throw error;
  }
}

function isAnswering(client: AdminClient): Promise<boolean> {
  return client.status().then(
    () => true,
    () => false,
  );
}

function lineToType(gateway: GatewayState, options: OfferOptions): string {
  return gateway === 'running'
    ? commandLine(options, 'reload')
    : hasReloadSignal()
      ? 'systemctl reload aegis    (or "kill -HUP PID": SIGHUP reloads the gateway)'
      : 'restart the service of the gateway';
}

/** To be copied from a terminal. */
export function commandLine({ config, isConfigNamed }: GlobalOptions, verb: string): string {
  const file = isConfigNamed === true ? ` --config ${shellQuoted(config)}` : '';
  return `aegis${file} ${verb}`;
}

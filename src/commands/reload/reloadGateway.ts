/**
 * Makes the running gateway reload: over its admin HTTP where the configuration has a token, else by a signal to the
 * process in `pidFile`. Says what came of it, and what cannot be known. Knows nothing of why.
 */
import { resolve } from 'node:path';
import { AdminClient, adminTarget, adminTargetAt, UnreachableError } from '../../admin/adminClient';
import type { ReloadProblem, ReloadReport } from '../../admin/statusReport';
import type { ReloadRequester } from '../../audit/events';
import { inspectTlsFiles } from '../../config/files';
import { readConfiguration, readConfigurationText, textSha256 } from '../../config/load';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import { runningGatewayPid } from '../../service/pidFile';
import { hasReloadSignal, reloadByHand } from '../../service/reloadSignal';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { systemUser } from '../../terminal/systemUser';
import { formatProblem } from '../../text/problems';
import { escapeUnsafe, safeLines } from '../../text/quote';

export interface ReloadOptions extends GlobalOptions {
  readonly enforce?: boolean;
  readonly url?: string;
}

/** What came of it. `check`: nobody was asked, because the file is wrong. A signal gets no answer: `isReloaded` is null. */
export type Reloaded =
  | ({ readonly by: 'admin' | 'check' } & ReloadReport)
  | { readonly by: 'signal'; readonly isReloaded: null; readonly pid: number; readonly auditFile?: string };

export async function reload(context: CommandContext, options: ReloadOptions): Promise<void> {
  const reloaded = await reloadRunning(options);
  context.exit(reloaded.isReloaded === false ? ExitCode.Failed : ExitCode.Done);
  if (options.json === true) context.print(`${JSON.stringify(reloaded, undefined, 2)}\n`);
  else showReloaded(context, options.config, reloaded);
}

/** Throws OperatorError where no gateway can be reached, or where it runs from another file. */
export async function reloadRunning(options: ReloadOptions): Promise<Reloaded> {
  if (options.url !== undefined) {
    const report = await new AdminClient(adminTargetAt(options.url)).reload(
      reloadRequester(options),
      options.enforce,
    );
    return { by: 'admin', ...report };
  }
  const file = resolve(options.config);
  const { configuration, problems, place } = readConfiguration(options.config);
  // The gateway cannot be found with it, and would refuse it.
  if (configuration === undefined) return { by: 'check', isReloaded: false, file, problems };
  const { pidFile, audit } = configuration;
  const admin = clientOf(configuration);
  const canSignal = pidFile !== undefined && hasReloadSignal();
  if (admin === undefined && !canSignal) throw new OperatorError(noWay(options.config));
  if (admin !== undefined) {
    try {
      const report = await admin.reload(reloadRequester(options), options.enforce);
      if (report.isReloaded && !isReloadOf(options.config, report)) {
        throw new OperatorError(otherFile(options.config, admin.url, report.file), ExitCode.Failed);
      }
      return { by: 'admin', ...report };
    } catch (error) {
      // With the port changed in the file, the process can still be found.
      if (!(error instanceof UnreachableError)) throw error;
      if (!canSignal) throw unreachable(error);
    }
  }
  if (options.enforce === true) {
    throw new OperatorError(
      'a signal cannot carry --enforce; set admin.tokenFile, or start the gateway with --enforce',
    );
  }
  const pid = runningGatewayPid(pidFile!);
  if (pid === undefined) {
    throw new OperatorError(
      `no gateway runs: ${escapeUnsafe(pidFile!)} names no process that is one; start it with "aegis start"`,
      ExitCode.Failed,
    );
  }
  // The gateway could refuse it with nobody to see that.
  const found = [...problems, ...place(inspectTlsFiles(configuration))];
  const errors = found.filter(({ severity, kind }) => severity === 'error' && kind !== 'expiry');
  if (errors.length > 0) return { by: 'check', isReloaded: false, file, problems: errors };
  process.kill(pid, 'SIGHUP');
  return {
    by: 'signal',
    isReloaded: null,
    pid,
    ...(audit.file === undefined ? {} : { auditFile: audit.file }),
  };
}

export function reloadRequester({ verb }: GlobalOptions): ReloadRequester {
  const account = systemUser();
  return {
    by: 'admin',
    command: verb ?? 'reload',
    ...(account === undefined ? {} : { systemUser: account }),
  };
}

/** Undefined where it could change nothing, for want of a token. */
function clientOf({ admin }: Configuration): AdminClient | undefined {
  const client = admin === undefined ? undefined : new AdminClient(adminTarget(admin));
  return client?.hasToken === true ? client : undefined;
}

function noWay(file: string): string {
  const missing = hasReloadSignal() ? 'neither an admin token nor pidFile' : 'no admin token';
  return `${escapeUnsafe(file)} has ${missing}, so the running gateway cannot be asked; ${reloadByHand()}, or add "admin": { "tokenFile": "…" } and restart it`;
}

function otherFile(file: string, url: string, running: string): string {
  return escapeUnsafe(
    `the gateway at ${url} reloaded ${running}, which does not say what ${file} says; make the change there (--config), or start the gateway with this file`,
  );
}

function unreachable({ message }: UnreachableError): UnreachableError {
  return new UnreachableError(
    `${message}\nstart it with "aegis start"; if it runs, admin was changed in the file since, which takes a restart`,
  );
}

/**
 * A gateway answers where the configuration says so, and a copy of it says the same. Paths tell nothing, containers have
 * their own; nor does what has changed, because the gateway may have taken the file over before it was asked.
 */
export function isReloadOf(file: string, { sha256 }: ReloadReport): boolean {
  return sha256 === textSha256(readConfigurationText(file));
}

/** 10,000 rows of a spreadsheet would push the warnings off the screen; --json has all of them. */
const MAX_CHANGES_SHOWN = 50;

/**
 * In words. Warnings that were `shown` are left out. Throws OperatorError, with every problem, where the gateway refused
 * the configuration.
 */
export function showReloaded(
  context: CommandContext,
  config: string,
  reloaded: Reloaded,
  shown: readonly string[] = [],
): void {
  if (reloaded.by === 'signal') {
    context.print(safeLines(signalLines(config, reloaded.pid, reloaded.auditFile)));
    return;
  }
  const { by, isReloaded, file, problems, changes = [], ended = 0 } = reloaded;
  const lines = problems.map((problem) => problemLine(config, problem));
  if (!isReloaded) {
    const what =
      by === 'admin' ? 'the gateway refused' : 'the gateway was not asked, because it would refuse';
    const last = `${what} ${escapeUnsafe(named(config, file))}; it goes on with its old configuration`;
    throw new OperatorError([...lines, last].join('\n'), ExitCode.Failed);
  }
  for (const line of lines) if (!shown.includes(line)) context.printError(`warning: ${line}\n`);
  const rest = changes.length - MAX_CHANGES_SHOWN;
  context.print(
    safeLines([
      `the gateway has reloaded ${named(config, file)}${changes.length + ended === 0 ? ': nothing has changed' : ''}`,
      ...changes.slice(0, MAX_CHANGES_SHOWN).map((change) => `  ${change}`),
      ...(rest > 0 ? [`  and ${rest} more`] : []),
      ...(ended === 0 ? [] : [`  associations ended: ${ended}`]),
    ]),
  );
}

function signalLines(config: string, pid: number, auditFile: string | undefined): string[] {
  return [
    `SIGHUP was sent to the gateway, process ${pid}`,
    `a signal gets no answer: whether it took ${config} over is not known here`,
    'look for "configuration.reloaded" or "configuration.rejected"',
    ...(auditFile === undefined ? [] : [`  in ${auditFile}, or`]),
    '  in what the gateway prints: journalctl -u aegis -n 20',
  ];
}

/** As the operator typed it, where the gateway runs from the same. */
function named(config: string, file: string): string {
  return resolve(config) === file ? config : file;
}

function problemLine(config: string, { file = '', path = '', ...problem }: ReloadProblem): string {
  return escapeUnsafe(formatProblem({ kind: 'configuration', ...problem, path, file: named(config, file) }));
}

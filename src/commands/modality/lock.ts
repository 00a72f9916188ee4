/**
 * `aegis modality lock` and `unlock`: shuts one modality out at once, or lets it in again. The running gateway does it,
 * over its admin HTTP. Where it cannot be asked, the file of locks is written here, and a signal makes it read the file.
 */
import {
  AdminClient,
  adminTarget,
  adminTargetAt,
  readableConfiguration,
  UnreachableError,
} from '../../admin/adminClient';
import type { LockReport, LockRequest } from '../../admin/lockRoutes';
import {
  changeLockFile,
  lockFile,
  lockReason,
  MAX_LOCK_REASON_LENGTH,
  withLock,
  withoutLock,
} from '../../config/lockFile';
import type { Configuration } from '../../config/schema';
import { freeName } from '../../config/schemaValues';
import { ExitCode, OperatorError } from '../../errors';
import { describeLock, type ModalityLock } from '../../policy/locks';
import { runningGatewayPid } from '../../service/pidFile';
import { hasReloadSignal, reloadByHand } from '../../service/reloadSignal';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { systemUser } from '../../terminal/systemUser';
import { spanOption } from '../../text/moments';
import { ConfigurationError } from '../../text/problems';
import { countOf, escapeUnsafe, nearestOf, quoteValue } from '../../text/quote';

interface GatewayOptions extends GlobalOptions {
  readonly url?: string;
}

interface LockOptions extends GatewayOptions {
  readonly reason: string;
  readonly for?: string;
}

export async function lock(context: CommandContext, options: LockOptions, modality: string): Promise<void> {
  const { success, data: reason } = lockReason.safeParse(options.reason);
  if (!success) {
    throw new OperatorError(`--reason takes 1 to ${MAX_LOCK_REASON_LENGTH} characters on one line`);
  }
  const forMs = options.for === undefined ? undefined : spanOption('--for', options.for);
  const by = account();
  const request: LockRequest = {
    modality,
    reason,
    ...(forMs === undefined ? {} : { forSeconds: forMs / 1000 }),
    ...(by === undefined ? {} : { by }),
  };
  const report = await askGateway(options, (gateway) => gateway.lock(request));
  if (report !== undefined) {
    showLocked(context, options, report);
    return;
  }
  const configuration = readableConfiguration(options.config);
  refuseUnknown(configuration, modality, options.config);
  const now = Date.now();
  const written: ModalityLock = {
    modality,
    reason,
    since: new Date(now).toISOString(),
    ...(forMs === undefined ? {} : { until: new Date(now + forMs).toISOString() }),
    ...(by === undefined ? {} : { by }),
  };
  await changeLockFile(configuration.stateDirectory, (locks) => withLock(locks, written));
  await showWritten(context, options, configuration, {
    words: `${quoteValue(modality)} is ${describeLock(written)}`,
    lock: written,
  });
}

export async function unlock(
  context: CommandContext,
  options: GatewayOptions,
  modality: string,
): Promise<void> {
  const by = account() ?? 'unknown';
  const isDone = await askGateway(options, async (gateway) => {
    await gateway.unlock(modality, by);
    return true;
  });
  if (isDone === true) {
    print(context, options, { unlocked: modality }, [`${quoteValue(modality)} is unlocked`]);
    return;
  }
  const configuration = readableConfiguration(options.config);
  let wasLocked = false;
  await changeLockFile(configuration.stateDirectory, (locks) => {
    const rest = withoutLock(locks, modality);
    wasLocked = rest.length < locks.length;
    return rest;
  });
  if (!wasLocked) throw new OperatorError(`${quoteValue(modality)} is not locked`, ExitCode.Failed);
  await showWritten(context, options, configuration, {
    words: `${quoteValue(modality)} is unlocked`,
    unlocked: modality,
  });
}

/** Who asks, for the log. */
function account(): string | undefined {
  const { success, data } = freeName.safeParse(systemUser());
  return success ? data : undefined;
}

/** Undefined where no gateway answers, or it takes no changes for want of a token. Throws OperatorError. */
async function askGateway<T>(
  { url, config }: GatewayOptions,
  ask: (gateway: AdminClient) => Promise<T>,
): Promise<T | undefined> {
  if (url !== undefined) return await ask(new AdminClient(adminTargetAt(url)));
  const gateway = clientOf(configurationOf(config));
  if (gateway?.hasToken !== true) return undefined;
  try {
    return await ask(gateway);
  } catch (error) {
    if (error instanceof UnreachableError) return undefined;
    throw error;
  }
}

/** Throws OperatorError, with the other way to the gateway, where the file says nothing that could be used. */
function configurationOf(file: string): Configuration {
  try {
    return readableConfiguration(file);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new OperatorError(
      `${error.message}\nask the running gateway without that file: --url http://127.0.0.1:9762, with its token in AEGIS__ADMIN__TOKEN`,
    );
  }
}

/** Undefined where nobody can know where it listens. */
function clientOf({ admin }: Configuration): AdminClient | undefined {
  return admin === undefined || admin.port === 0 ? undefined : new AdminClient(adminTarget(admin));
}

/** A lock of nobody would let the operator believe that it holds. */
function refuseUnknown({ modalities }: Configuration, name: string, file: string): void {
  if (Object.hasOwn(modalities, name)) return;
  const nearest = nearestOf(name, Object.keys(modalities));
  const help =
    nearest === undefined ? '"aegis modality list" shows all' : `did you mean ${quoteValue(nearest)}?`;
  throw new OperatorError(`${quoteValue(name)} is not a modality of ${escapeUnsafe(file)}; ${help}`);
}

function showLocked(context: CommandContext, options: GlobalOptions, report: LockReport): void {
  const { lock: set, ended, problem } = report;
  print(context, options, report, [
    `${quoteValue(set.modality)} is ${describeLock(set)}`,
    `${countOf(ended, 'association')} ended`,
  ]);
  if (problem === undefined) return;
  throw new OperatorError(
    `it counts only until the gateway stops, because it could not be written: ${escapeUnsafe(problem)}`,
    ExitCode.Failed,
  );
}

interface Written {
  readonly words: string;
  readonly lock?: ModalityLock;
  readonly unlocked?: string;
}

/** The file is written. Makes a gateway that runs read it, or says how. */
async function showWritten(
  context: CommandContext,
  options: GlobalOptions,
  configuration: Configuration,
  { words, ...facts }: Written,
): Promise<void> {
  const file = lockFile(configuration.stateDirectory);
  const { pidFile } = configuration;
  const pid = pidFile === undefined || !hasReloadSignal() ? undefined : runningGatewayPid(pidFile);
  const inFile = `${words}, in ${escapeUnsafe(file)}`;
  if (pid !== undefined) {
    process.kill(pid, 'SIGHUP');
    print(context, options, { ...facts, file, pid }, [
      inFile,
      `SIGHUP was sent to the gateway, process ${pid}: it reads the locks, and reloads its configuration`,
      'a signal gets no answer: "aegis status" shows what is locked',
    ]);
    return;
  }
  print(context, options, { ...facts, file }, [inFile]);
  const gateway = clientOf(configuration);
  if (gateway === undefined) {
    context.printError(
      `warning: whether a gateway runs is not known, because there is ${hasReloadSignal() ? 'neither admin nor pidFile' : 'no admin'}; if one does, make it read the file: ${reloadByHand()}\n`,
    );
    return;
  }
  const isRunning = await gateway.status().then(
    () => true,
    () => false,
  );
  if (isRunning) {
    throw new OperatorError(
      `the gateway at ${gateway.url} has not read it yet: ${reloadByHand()} now; with its token in AEGIS__ADMIN__TOKEN, this command does it at once`,
      ExitCode.Failed,
    );
  }
  if (options.json !== true) context.print('no gateway answers; the next start reads it\n');
}

function print(
  context: CommandContext,
  { json }: GlobalOptions,
  facts: object,
  lines: readonly string[],
): void {
  context.print(json === true ? `${JSON.stringify(facts, undefined, 2)}\n` : `${lines.join('\n')}\n`);
}

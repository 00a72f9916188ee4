/**
 * Where the pending callers are read from and taken off: a running gateway, or the file of one that does not run.
 * Shows nothing.
 */
import { AdminClient, adminTarget, readableConfiguration, UnreachableError } from '../../admin/adminClient';
import type { PendingCaller } from '../../admin/pendingCaller';
import { readPendingFile, writePendingFile } from '../../admin/pendingFile';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import { escapeUnsafe, nearestOf, quoteValue } from '../../text/quote';

export interface PendingSource {
  readonly callers: readonly PendingCaller[];
  /** What may keep callers off the list, for an operator who waits for one. */
  readonly hint: string | undefined;
  /** The gateway that runs; undefined where the list comes from its file. */
  readonly gateway?: AdminClient;
  /** Whether `remove` may be called. */
  readonly canRemove: boolean;
  remove(id: string): Promise<void>;
}

/** Throws OperatorError if there is neither a gateway nor a file to ask. */
export async function openPendingSource(configurationFile: string): Promise<PendingSource> {
  const configuration = readableConfiguration(configurationFile);
  const hint = hintOf(configuration);
  const { file } = configuration.pending;
  if (configuration.admin !== undefined) {
    const gateway = new AdminClient(adminTarget(configuration.admin));
    try {
      const callers = await gateway.pending();
      const remove = (id: string) => gateway.removePending(id);
      return { callers, hint, gateway, canRemove: gateway.hasToken, remove };
    } catch (error) {
      if (!(error instanceof UnreachableError) || file === undefined) throw error;
    }
  }
  if (file === undefined) {
    throw new OperatorError(
      `${configurationFile} has neither admin nor pending.file, so no list of pending callers is kept; add "admin": {} and restart the gateway`,
    );
  }
  return { ...fileSource(file), hint };
}

function fileSource(file: string): Omit<PendingSource, 'hint'> {
  let callers: readonly PendingCaller[];
  try {
    callers = readPendingFile(file);
  } catch (error) {
    throw new OperatorError(
      `pending.file ${file} cannot be used: ${escapeUnsafe((error as Error).message)}`,
      ExitCode.Failed,
    );
  }
  const remove = async (id: string) => {
    const rest = readPendingFile(file).filter((caller) => caller.id !== id);
    await writePendingFile(file, rest);
  };
  return {
    callers: callers.toSorted((one, other) => other.lastSeen.localeCompare(one.lastSeen)),
    canRemove: true,
    remove,
  };
}

/** Throws OperatorError if there is none, or more than one: an attacker may have made two look alike. */
export function pendingCaller(callers: readonly PendingCaller[], id: string): PendingCaller {
  const [caller, ...others] = callers.filter((candidate) => candidate.id === id);
  if (caller !== undefined && others.length === 0) return caller;
  if (caller !== undefined) {
    throw new OperatorError(
      `${id} stands for several pending callers; add the entry by hand`,
      ExitCode.Failed,
    );
  }
  const nearest = nearestOf(
    id,
    callers.map((candidate) => candidate.id),
  );
  const help = nearest === undefined ? '"aegis modality pending" lists them' : `did you mean ${nearest}?`;
  throw new OperatorError(`${quoteValue(id)} is not a pending caller; ${help}`, ExitCode.Failed);
}

function hintOf({ unknownAddresses }: Configuration): string | undefined {
  return unknownAddresses === 'reject'
    ? undefined
    : 'addresses that are in no entry are closed before they say who they are, and are not listed: set unknownAddresses to "reject" while you wait for new ones';
}

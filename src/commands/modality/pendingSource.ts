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

/** With fewer digits, a long list hardly ever has one caller only. */
const MIN_ID_LENGTH = 4;
/** The list has up to 10,000 callers. */
const MAX_IDS_NAMED = 5;

/** The beginning of an ID that no other caller of the list shares, at least 4 digits. By the ID. */
export function shortIds(callers: readonly PendingCaller[]): ReadonlyMap<string, string> {
  const sorted = callers.map(({ id }) => id).sort();
  return new Map(
    sorted.map((id, index) => {
      const shared = Math.max(commonLength(id, sorted[index - 1]), commonLength(id, sorted[index + 1]));
      return [id, id.slice(0, Math.max(MIN_ID_LENGTH, shared + 1))];
    }),
  );
}

function commonLength(one: string, other = ''): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

/**
 * By its ID, or the beginning of it where only one caller has that. Throws OperatorError if there is none, or more than
 * one: an attacker may have made two look alike.
 */
export function pendingCaller(callers: readonly PendingCaller[], text: string): PendingCaller {
  const wanted = text.toLowerCase();
  const found = wanted.length < MIN_ID_LENGTH ? [] : callers.filter(({ id }) => id.startsWith(wanted));
  const [caller, ...others] = found;
  if (caller !== undefined && others.length === 0) return caller;
  if (caller?.id === wanted) {
    throw new OperatorError(
      `${caller.id} stands for several pending callers; add the entry by hand`,
      ExitCode.Failed,
    );
  }
  if (caller !== undefined) {
    const named = found.slice(0, MAX_IDS_NAMED).map((each) => `  ${each.id}  ${whoIs(each)}`);
    const rest = found.length - named.length;
    throw new OperatorError(
      [
        `${quoteValue(text)} is the beginning of ${found.length} IDs; give more digits:`,
        ...named,
        ...(rest > 0 ? [`  and ${rest} more`] : []),
      ].join('\n'),
      ExitCode.Failed,
    );
  }
  const nearest = nearestOf(
    wanted,
    callers.map(({ id }) => id),
  );
  const help = nearest === undefined ? '"aegis modality pending" lists them' : `did you mean ${nearest}?`;
  const what =
    wanted.length < MIN_ID_LENGTH ? `needs ${MIN_ID_LENGTH} digits or more` : 'is not a pending caller';
  throw new OperatorError(`${quoteValue(text)} ${what}; ${help}`, ExitCode.Failed);
}

/** Text of strangers, escaped. */
function whoIs({ callingAeTitle, calledAeTitle, sourceAddress }: PendingCaller): string {
  return escapeUnsafe(
    callingAeTitle === '' ? sourceAddress : `${callingAeTitle}@${sourceAddress} to ${calledAeTitle}`,
  );
}

function hintOf({ unknownAddresses }: Configuration): string | undefined {
  return unknownAddresses === 'reject'
    ? undefined
    : 'addresses that are in no entry are closed before they say who they are, and are not listed: set unknownAddresses to "reject" while you wait for new ones';
}

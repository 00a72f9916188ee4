/**
 * `aegis modality approve`: makes a pending caller an entry of the allowlist, with the commands that were named and no
 * others.
 */

import type { PendingCaller } from '../../admin/pendingCaller';
import { type ApprovedEntry, approvalFault, entryOf, entryThatLetsIn } from '../../admin/pendingEntry';
import { addModalities, openConfiguration, saveEdit } from '../../config/editConfiguration';
import { loadConfiguration } from '../../config/load';
import type { CommandPermission } from '../../config/schema';
import { commandPermissions } from '../../dimse/permissions';
import { ExitCode, OperatorError } from '../../errors';
import { defaultEntryName } from '../../onboarding/entryFields';
import type { CommandContext } from '../../terminal/command';
import { canAsk, confirm, Questions } from '../../terminal/questions';
import { formatPath } from '../../text/problems';
import { escapeUnsafe, quoteValue, safeLines } from '../../text/quote';
import { commandLine, type OfferOptions, offerReload } from '../reload/offerReload';
import { isReloadOf, reloadRequester } from '../reload/reloadGateway';
import { callerLines } from './pending';
import { openPendingSource, type PendingSource, pendingCaller } from './pendingSource';

/** A change of the configuration file that was checked and is not written yet. */
export interface PlannedEntry {
  /** What it changes, to be shown. */
  readonly diff: string;
  /** Absent where the operator has to write it. */
  readonly save?: () => Promise<void>;
}

/** Plans a new entry in the configuration file. Throws OperatorError where the result could not be used. */
export type PlanEntry = (file: string, name: string, entry: ApprovedEntry) => Promise<PlannedEntry>;

interface ApproveOptions extends OfferOptions {
  readonly name?: string;
  readonly allow?: string;
  readonly certificate?: boolean;
  readonly dryRun?: boolean;
}

/** Plans and saves as every change of the configuration file. */
async function planInFile(file: string, name: string, entry: ApprovedEntry): Promise<PlannedEntry> {
  const edit = addModalities(openConfiguration(file), { [name]: entry });
  return { diff: edit.diff, save: () => saveEdit(edit) };
}

export function approveWith(planEntry: PlanEntry = planInFile) {
  return (context: CommandContext, options: ApproveOptions, id: string): Promise<void> =>
    approve(context, options, id, planEntry);
}

async function approve(
  context: CommandContext,
  options: ApproveOptions,
  wantedId: string,
  planEntry: PlanEntry,
): Promise<void> {
  const { configuration } = loadConfiguration(options.config);
  const source = await openPendingSource(options.config);
  const caller = pendingCaller(source.callers, wantedId);
  const { id } = caller;
  const approved = entryThatLetsIn(caller, configuration);
  if (approved !== undefined) {
    throw new OperatorError(
      `nothing was written: ${formatPath(['modalities', approved])} of ${escapeUnsafe(options.config)} lets it in already; next: ${commandLine(options, 'reload')}`,
      ExitCode.Failed,
    );
  }
  const fault = approvalFault(caller, configuration, { isCertificatePinned: options.certificate });
  if (fault !== undefined) throw new OperatorError(fault, ExitCode.Failed);
  const isAsked = options.allow === undefined;
  const allow =
    options.allow === undefined ? await askPermissions(caller, context) : parsePermissions(options.allow);
  const { entry, notes } = entryOf(caller, configuration, {
    allow,
    isCertificatePinned: options.certificate,
  });
  const name =
    options.name ?? defaultEntryName(caller.callingAeTitle, new Set(Object.keys(configuration.modalities)));
  const planned = await planEntry(options.config, name, entry);
  const say = (text: string) => context.print(`${escapeUnsafe(text)}\n`);
  context.print(planned.diff);
  for (const note of notes) say(`note: ${note}`);
  if (options.dryRun === true) {
    say('nothing was written (--dry-run)');
    return;
  }
  if (planned.save === undefined) {
    say(`nothing was written: add it there yourself, then: ${commandLine(options, 'reload')}`);
    return;
  }
  if (isAsked && !(await confirm('write this')))
    throw new OperatorError('nothing was written', ExitCode.Failed);
  await planned.save();
  say(`${formatPath(['modalities', name])} was added to ${options.config}`);
  await takeOver(id, source, options, context);
}

/** `echo,store` or `echo store`. Throws OperatorError. */
export function parsePermissions(text: string): CommandPermission[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !isPermission(name));
  if (unknown === undefined && names.length > 0) return [...new Set(names.filter(isPermission))];
  const what = unknown === undefined ? 'no command is named' : `${quoteValue(unknown)} is not a command`;
  throw new OperatorError(`${what}; accepted are ${commandPermissions.join(', ')}`);
}

function isPermission(name: string): name is CommandPermission {
  return (commandPermissions as readonly string[]).includes(name);
}

/**
 * Shows the caller and asks on the terminal, again after a wrong answer. Throws OperatorError if nobody can be asked, or
 * nothing is entered.
 */
async function askPermissions(caller: PendingCaller, context: CommandContext): Promise<CommandPermission[]> {
  if (!canAsk()) {
    throw new OperatorError(
      `name what it may do: --allow with one or more of ${commandPermissions.join(', ')}`,
    );
  }
  context.printError(safeLines(callerLines(caller)));
  const questions = new Questions();
  let permissions: CommandPermission[] = [];
  try {
    await questions.ask(`commands that it may use (${commandPermissions.join(' ')})`, '', (answer) => {
      try {
        permissions = parsePermissions(answer);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    });
    return permissions;
  } finally {
    questions.close();
  }
}

/**
 * With a token the gateway takes it over at once: a caller that was approved is to be let in, and nothing is left to
 * ask. It has then had its answer.
 */
async function takeOver(
  id: string,
  source: PendingSource,
  options: ApproveOptions,
  context: CommandContext,
): Promise<void> {
  const { gateway } = source;
  const { config: file } = options;
  if (gateway?.hasToken === true) {
    const reloaded = await gateway.reload(reloadRequester(options));
    if (!reloaded.isReloaded) {
      for (const { path = '', message } of reloaded.problems) {
        context.printError(`error: ${escapeUnsafe(`${path} ${message}`.trim())}\n`);
      }
      throw new OperatorError(
        `the gateway did not take ${file} over; its running configuration stays`,
        ExitCode.Failed,
      );
    }
    if (!isReloadOf(file, reloaded)) {
      throw new OperatorError(
        escapeUnsafe(
          `the entry was written to ${file}, but the gateway at ${gateway.url} does not have it: it runs from ${reloaded.file}, which says something else; add the entry there (--config), then reload`,
        ),
        ExitCode.Failed,
      );
    }
    context.print('the gateway has reloaded it\n');
  }
  if (source.canRemove) await source.remove(id);
  if (gateway?.hasToken === true) return;
  const isRunning = gateway !== undefined || options.reload === true;
  const next = isRunning ? await offerReload(context, options) : ['aegis start'];
  for (const line of next) context.print(`next: ${line}\n`);
  if (gateway !== undefined) context.print('the pending caller goes off the list when it is let in\n');
}

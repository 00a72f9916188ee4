/**
 * `aegis modality approve`: makes a pending caller an entry of the allowlist, with the commands that were named and no
 * others. Who writes the configuration file is given to it.
 */
import type { Command } from 'commander';
import type { PendingCaller } from '../../admin/pendingCaller';
import type { ReloadReport } from '../../admin/statusReport';
import type { CommandPermission } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import { type CommandContext, type GlobalOptions, helpSections } from '../../terminal/command';
import type { ApprovedEntry } from './pendingEntry';
import type { PendingSource } from './pendingSource';

/** A change of the configuration file that was checked and is not written yet. */
export interface PlannedEntry {
  /** What it changes, to be shown. */
  readonly diff: string;
  /** Absent where the operator has to write it. */
  readonly save?: () => Promise<void>;
}

/** Plans a new entry in the configuration file. Throws OperatorError where the result could not be used. */
export type PlanEntry = (file: string, name: string, entry: ApprovedEntry) => Promise<PlannedEntry>;

interface ApproveOptions extends GlobalOptions {
  readonly name?: string;
  readonly allow?: string;
  readonly certificate?: boolean;
  readonly dryRun?: boolean;
}

/** Adds the verb to `aegis modality`. */
export function registerModalityApprove(
  modality: Command,
  context: CommandContext,
  planEntry: PlanEntry,
): void {
  modality
    .command('approve')
    .description('let a pending caller in: adds the entry to the configuration file')
    .argument('<ID>', 'as "aegis modality pending" shows it')
    .option('--name <NAME>', 'name of the entry (default: the calling AE title in lower case)')
    .option('--allow <commands>', 'what it may do, such as echo,store (default: asked for)')
    .option('--certificate', 'fail unless it showed a certificate that can be pinned')
    .option(
      '--no-certificate',
      'let any certificate do that the listener trusts (default: the one that it showed)',
    )
    .option('--dry-run', 'show what would be written, and write nothing')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality approve 3f2a91c0d4e5 --allow echo,store',
          'aegis modality approve 3f2a91c0d4e5 --allow find,move --name workstation1 --dry-run',
          'aegis modality approve 3f2a91c0d4e5',
        ],
        [
          '0  the entry was written; with a token, the gateway has reloaded it',
          '1  no such ID, it is let in already, another remedy is needed, the reload was rejected, or the gateway runs from another file',
          '2  wrong usage or configuration',
        ],
      ),
    )
    .action(async (id: string, _options, command: Command) => {
      await approve(id, command.optsWithGlobals<ApproveOptions>(), planEntry, context);
    });
}

async function approve(
  id: string,
  options: ApproveOptions,
  planEntry: PlanEntry,
  context: CommandContext,
): Promise<void> {
  const { loadConfiguration } = await import('../../config/load');
  const { formatPath } = await import('../../text/problems');
  const { escapeUnsafe } = await import('../../text/quote');
  const { entryName, entryOf, entryThatLetsIn, otherRemedy } = await import('./pendingEntry');
  const { openPendingSource, pendingCaller } = await import('./pendingSource');
  const { configuration } = loadConfiguration(options.config);
  const source = await openPendingSource(options.config);
  const caller = pendingCaller(source.callers, id);
  const approved = entryThatLetsIn(caller, configuration);
  if (approved !== undefined) {
    throw new OperatorError(
      `nothing was written: ${formatPath(['modalities', approved])} of ${escapeUnsafe(options.config)} lets it in already; reload the gateway`,
      ExitCode.Failed,
    );
  }
  const remedy = otherRemedy(caller, configuration);
  if (remedy !== undefined) throw new OperatorError(`no new entry would help: ${remedy}`, ExitCode.Failed);
  if (options.certificate === true && caller.certificate === undefined) {
    throw new OperatorError(`${id} showed no certificate, so none can be pinned`, ExitCode.Failed);
  }
  const isAsked = options.allow === undefined;
  const allow = await permissionsOf(options, caller, context);
  const { entry, notes } = entryOf(caller, configuration, {
    allow,
    isCertificatePinned: options.certificate,
  });
  const name = options.name ?? entryName(caller, Object.keys(configuration.modalities));
  const planned = await planEntry(options.config, name, entry);
  const say = (text: string) => context.print(`${escapeUnsafe(text)}\n`);
  context.print(planned.diff);
  for (const note of notes) say(`note: ${note}`);
  if (options.dryRun === true) {
    say('nothing was written (--dry-run)');
    return;
  }
  if (planned.save === undefined) {
    say('nothing was written: add it there yourself, then reload the gateway');
    return;
  }
  if (isAsked) {
    const { confirmWriting } = await import('./questions');
    await confirmWriting();
  }
  await planned.save();
  say(`${formatPath(['modalities', name])} was added to ${options.config}`);
  await takeOver(id, source, options.config, context);
}

async function permissionsOf(
  { allow }: ApproveOptions,
  caller: PendingCaller,
  context: CommandContext,
): Promise<CommandPermission[]> {
  const { askPermissions, parsePermissions } = await import('./permissionList');
  if (allow !== undefined) return parsePermissions(allow);
  return await askPermissions(caller, context);
}

/**
 * A gateway answers where the configuration says so, and a copy of it says the same. Paths tell nothing, containers have
 * their own; nor does what has changed, because the gateway may have taken the file over before it was asked.
 */
async function refuseOtherFile(
  file: string,
  url: string,
  { file: running, sha256 }: ReloadReport,
): Promise<void> {
  const { readConfigurationText, textSha256 } = await import('../../config/load');
  const { escapeUnsafe } = await import('../../text/quote');
  if (sha256 === textSha256(readConfigurationText(file))) return;
  throw new OperatorError(
    escapeUnsafe(
      `the entry was written to ${file}, but the gateway at ${url} does not have it: it runs from ${running}, which says something else; add the entry there (--config), then reload`,
    ),
    ExitCode.Failed,
  );
}

/** The gateway takes it over at once where we may tell it to; the pending caller has then had its answer. */
async function takeOver(
  id: string,
  source: PendingSource,
  file: string,
  context: CommandContext,
): Promise<void> {
  const { gateway } = source;
  if (gateway?.hasToken === true) {
    const reloaded = await gateway.reload();
    if (!reloaded.isReloaded) {
      const { escapeUnsafe } = await import('../../text/quote');
      for (const { path = '', message } of reloaded.problems) {
        context.printError(`error: ${escapeUnsafe(`${path} ${message}`.trim())}\n`);
      }
      throw new OperatorError(
        `the gateway did not take ${file} over; its running configuration stays`,
        ExitCode.Failed,
      );
    }
    await refuseOtherFile(file, gateway.url, reloaded);
    context.print('the gateway has reloaded it\n');
  }
  if (source.canRemove) await source.remove(id);
  if (gateway === undefined) context.print('next: aegis start\n');
  else if (!gateway.hasToken) {
    context.print(
      'next: reload the gateway (SIGHUP, or "systemctl reload aegis"); the pending caller goes off the list when it is let in\n',
    );
  }
}

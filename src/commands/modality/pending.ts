/**
 * `aegis modality pending`: who was refused, to be looked at before anybody is let in. Shows, and takes off the list;
 * allows nothing.
 */
import type { Command } from 'commander';
import { OperatorError } from '../../errors';
import { type CommandContext, type GlobalOptions, helpSections } from '../../terminal/command';

interface PendingOptions extends GlobalOptions {
  readonly remove?: string;
}

/** Adds the verb to `aegis modality`. */
export function registerModalityPending(modality: Command, context: CommandContext): void {
  modality
    .command('pending')
    .description('callers that were refused, with all that is known of them')
    .option('--remove <ID>', 'take one off the list; it comes back when it is refused again')
    .addHelpText(
      'after',
      `
The list comes from the running gateway (admin), or from pending.file where it does not run.
With unknownAddresses "close", the default, an address that is in no entry is closed before it can say who it is:
such callers are not listed. Set it to "reject" while you wait for new ones.
${helpSections(
  ['aegis modality pending', 'aegis --json modality pending', 'aegis modality pending --remove 3f2a91c0d4e5'],
  ['0  done', '1  the gateway cannot be asked, or there is no such ID', '2  wrong usage or configuration'],
)}`,
    )
    .action(async (_options, command: Command) => {
      await pending(command.optsWithGlobals<PendingOptions>(), context);
    });
}

async function pending(options: PendingOptions, context: CommandContext): Promise<void> {
  const { openPendingSource, pendingCaller } = await import('./pendingSource');
  const source = await openPendingSource(options.config);
  if (options.remove !== undefined) {
    const { id } = pendingCaller(source.callers, options.remove);
    if (!source.canRemove) {
      throw new OperatorError(
        'the gateway changes nothing without a token: set AEGIS__ADMIN__TOKEN to that of the gateway',
      );
    }
    await source.remove(id);
    context.print(`${id} is no longer listed\n`);
    return;
  }
  if (options.json === true) {
    context.print(`${JSON.stringify({ callers: source.callers }, undefined, 2)}\n`);
    return;
  }
  const { pendingText } = await import('./pendingText');
  context.print(pendingText(source.callers, source.hint));
}

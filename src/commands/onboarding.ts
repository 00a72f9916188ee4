/**
 * `aegis modality pending` and `aegis modality approve`, added to `aegis modality`. Where nobody edits the
 * configuration file yet, the entry is shown, to be pasted.
 */
import type { RegisterCommand } from './command';
import { type PlanEntry, registerModalityApprove } from './modalityApprove';
import { registerModalityPending } from './modalityPending';

export const registerOnboarding: RegisterCommand = (program, context) => {
  const modality =
    program.commands.find((command) => command.name() === 'modality') ??
    program.command('modality').description('who may use the gateway, and who would like to');
  registerModalityPending(modality, context);
  registerModalityApprove(modality, context, showEntry);
};

const showEntry: PlanEntry = async (file, name, entry) => ({
  diff: `add to modalities of ${file}:\n  ${JSON.stringify(name)}: ${JSON.stringify(entry, undefined, 2).replaceAll('\n', '\n  ')}\n`,
});

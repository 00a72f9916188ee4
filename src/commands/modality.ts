/**
 * `aegis modality`: the allowlist from the command line. A verb a file; this one only lists them.
 */
import { helpSections, type RegisterCommand } from './command';
import { registerModalityAdd } from './modalityAdd';
import { type PlanEntry, registerModalityApprove } from './modalityApprove';
import { registerModalityExport } from './modalityExport';
import { registerModalityImport } from './modalityImport';
import { registerModalityList } from './modalityList';
import { registerModalityPending } from './modalityPending';
import { registerModalityRemove } from './modalityRemove';
import { registerModalitySheet } from './modalitySheet';
import { registerModalityShow } from './modalityShow';
import { registerModalityTest } from './modalityTest';

const verbs: readonly RegisterCommand[] = [
  registerModalityList,
  registerModalityShow,
  registerModalityAdd,
  registerModalityRemove,
  registerModalityTest,
  registerModalitySheet,
  registerModalityImport,
  registerModalityExport,
];

export const registerModality: RegisterCommand = (program, context) => {
  const modality = program
    .command('modality')
    .description(
      'who may use the gateway, and who would like to: the allowlist, spreadsheets, pending callers',
    )
    .addHelpText(
      'after',
      helpSections([
        'aegis modality list',
        'aegis modality add ct1 --calling CT1 --from 10.1.2.10 --allow echo --allow store',
        'aegis modality pending',
        'aegis modality approve --help',
      ]),
    );
  for (const register of verbs) register(modality, context);
  registerModalityPending(modality, context);
  registerModalityApprove(modality, context, planEntry);
};

const planEntry: PlanEntry = async (file, name, entry) => {
  const { addModalities, openConfiguration, saveEdit } = await import('../config/editConfiguration');
  const edit = addModalities(openConfiguration(file), { [name]: entry });
  return { diff: edit.diff, save: () => saveEdit(edit) };
};

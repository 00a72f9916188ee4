/**
 * `aegis modality`: the allowlist from the command line. A verb a file; this one only lists them.
 */
import { helpSections, type RegisterCommand } from '../../terminal/command';
import { registerModalityAdd } from './add';
import { type PlanEntry, registerModalityApprove } from './approve';
import { registerModalityExport } from './export';
import { registerModalityImport } from './import';
import { registerModalityList } from './list';
import { registerModalityPending } from './pending';
import { registerModalityRemove } from './remove';
import { registerModalitySheet } from './sheet';
import { registerModalityShow } from './show';
import { registerModalityTest } from './test';

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
  const { addModalities, openConfiguration, saveEdit } = await import('../../config/editConfiguration');
  const edit = addModalities(openConfiguration(file), { [name]: entry });
  return { diff: edit.diff, save: () => saveEdit(edit) };
};

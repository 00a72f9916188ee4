/**
 * `aegis modality`: the allowlist from the command line. A verb a file; this one only lists them.
 */
import type { RegisterCommand } from './command';
import { registerModalityAdd } from './modalityAdd';
import { registerModalityExport } from './modalityExport';
import { registerModalityImport } from './modalityImport';
import { registerModalityList } from './modalityList';
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
    .description('the allowlist: list, show, add, remove and test modalities, from and to spreadsheets');
  for (const register of verbs) register(modality, context);
};

/**
 * `aegis modality sheet`: writes the onboarding sheet of an entry, anew after a change or for one that was imported.
 */
import type { LoadedConfiguration } from '../../config/load';
import { ExitCode } from '../../errors';
import type { SheetFiles } from '../../onboarding/sheetFiles';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';

/** What every command that writes a sheet takes. */
export interface SheetOptions {
  readonly sheetDir: string;
  readonly host?: readonly string[];
  /** Folder of the CA. */
  readonly dir: string;
}

export const registerModalitySheet: RegisterCommand = (modality, context) => {
  modality
    .command('sheet')
    .description(
      'write the onboarding sheet of a modality, for whoever sets it up (Markdown, and HTML to print)',
    )
    .argument('<NAME>', 'name of the modality in the configuration')
    .option('--sheet-dir <directory>', 'folder of the sheets', 'onboarding')
    .option(
      '--host <name>',
      'name or address of the gateway; may be repeated (default: those of its certificates)',
      (name: string, names: string[] = []) => [...names, name],
    )
    .option('--dir <directory>', 'folder of the CA, where the certificate of the modality may be', 'certs')
    .option('--force', 'replace the sheet that is there')
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality sheet ct1', 'aegis modality sheet ct1 --host pacs.example.org --force'],
        [
          '0  done',
          '1  the sheet exists or cannot be written',
          '2  there is no such modality, or the configuration is not valid',
        ],
      ),
    )
    .action(async (name: string, _options, command) => {
      const options = command.optsWithGlobals() as SheetOptions & GlobalOptions & { force?: boolean };
      await sheet(name, options, context);
    });
};

async function sheet(
  name: string,
  options: SheetOptions & GlobalOptions & { readonly force?: boolean },
  context: CommandContext,
): Promise<void> {
  const { loadConfiguration } = await import('../../config/load');
  const { refuseReplacedSheets, sheetFiles } = await import('../../onboarding/sheetFiles');
  const { entryNamed } = await import('./entry');
  const loaded = loadConfiguration(options.config);
  entryNamed(loaded, name);
  const files = sheetFiles(options.sheetDir, name);
  await refuseReplacedSheets(files, options.force === true);
  const warnings = await writeSheetOf(name, loaded, options, files);
  context.exit(ExitCode.Done);
  if (options.json === true) {
    context.print(`${JSON.stringify({ ok: true, name, sheet: files, warnings }, undefined, 2)}\n`);
    return;
  }
  context.print(`${files.markdown}\n${files.html}\n`);
  for (const warning of warnings) context.printError(`warning: ${warning}\n`);
}

/** Returns what the sheet lacks. The entry is there. */
export async function writeSheetOf(
  name: string,
  { configuration }: LoadedConfiguration,
  { sheetDir, host, dir }: SheetOptions,
  files: SheetFiles,
): Promise<string[]> {
  const { findDeviceFiles } = await import('../../onboarding/deviceFiles');
  const { gatewayHosts, listenerFacts, reachProblems } = await import('../../onboarding/listenerFacts');
  const { onboardingSheet } = await import('../../onboarding/sheet');
  const { writeSheet } = await import('../../onboarding/sheetFiles');
  const entry = configuration.modalities[name]!;
  const { listeners, problems } = listenerFacts(configuration, entry);
  const hosts = host ?? gatewayHosts(listeners, entry);
  const deviceFiles = findDeviceFiles(dir, name, entry);
  const subject = { name, configuration, listeners, hosts, deviceFiles, date: new Date() };
  await writeSheet(sheetDir, files, onboardingSheet(subject));
  return [...problems, ...reachProblems(listeners, hosts, entry)];
}

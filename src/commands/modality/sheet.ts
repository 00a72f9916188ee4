/**
 * `aegis modality sheet`: writes the onboarding sheet of an entry: again after a change, or for an entry that was imported.
 */
import type { X509Certificate } from 'node:crypto';
import { type LoadedConfiguration, loadConfiguration } from '../../config/load';
import { ExitCode } from '../../errors';
import { makeFolder, writeFiles } from '../../files/write';
import {
  deviceFilesOf,
  findDeviceFiles,
  gatewayHosts,
  listenerFacts,
  reachProblems,
} from '../../onboarding/listenerFacts';
import { onboardingSheet } from '../../onboarding/sheet';
import {
  refuseReplacedSheets,
  type SheetFiles,
  sheetContents,
  sheetFiles,
} from '../../onboarding/sheetFiles';
import type { Sheet } from '../../onboarding/sheetMarkdown';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { entryNamed } from './entry';

/** What every command that writes a sheet takes. */
export interface SheetOptions {
  readonly sheetDir: string;
  readonly host?: readonly string[];
  /** Folder of the CA. */
  readonly dir: string;
}

export async function sheet(
  context: CommandContext,
  options: SheetOptions & GlobalOptions & { readonly force?: boolean },
  name: string,
): Promise<void> {
  const loaded = loadConfiguration(options.config);
  entryNamed(loaded, name);
  const files = sheetFiles(options.sheetDir, name);
  await refuseReplacedSheets([files], options.force === true);
  const warnings = await writeSheetOf(name, loaded, options, files);
  context.exit(ExitCode.Done);
  if (options.json === true) {
    context.print(`${JSON.stringify({ ok: true, name, sheet: files, warnings }, undefined, 2)}\n`);
    return;
  }
  context.print(`${files.markdown}\n${files.html}\n`);
  for (const warning of warnings) context.printError(`warning: ${warning}\n`);
}

/** Returns what the sheet lacks. The entry exists. */
export async function writeSheetOf(
  name: string,
  loaded: LoadedConfiguration,
  options: SheetOptions,
  files: SheetFiles,
): Promise<readonly string[]> {
  const { sheet, warnings } = sheetOf(name, loaded, options);
  await makeFolder(options.sheetDir);
  await writeFiles(sheetContents(files, sheet));
  return warnings;
}

export interface CompletedSheet {
  readonly sheet: Sheet;
  /** What it lacks. */
  readonly warnings: readonly string[];
}

/** `issued`: the certificate of the device where its files are not written yet. */
export function sheetOf(
  name: string,
  { configuration }: LoadedConfiguration,
  { host, dir }: Omit<SheetOptions, 'sheetDir'>,
  issued?: X509Certificate,
): CompletedSheet {
  const entry = configuration.modalities[name]!;
  const { listeners, problems } = listenerFacts(configuration, entry);
  const hosts = host ?? gatewayHosts(listeners, entry);
  const deviceFiles =
    issued === undefined ? findDeviceFiles(dir, name, entry) : deviceFilesOf(dir, name, issued, true);
  const subject = { name, configuration, listeners, hosts, deviceFiles, date: new Date() };
  const warnings = [...problems, ...reachProblems(listeners, hosts, entry)];
  return { sheet: onboardingSheet(subject), warnings };
}

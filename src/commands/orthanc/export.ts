/**
 * `aegis orthanc export`: the gateway's configuration as Orthanc has to know it. The text goes to stdout and nothing
 * else does, so that it can be redirected into a file.
 */
import { loadConfiguration } from '../../config/load';
import { parseSourceText } from '../../config/sourceText';
import { type ExportOptions, exportOrthanc } from '../../orthanc/export';
import { keptFrom } from '../../orthanc/exportEntries';
import { formatExport, notesOnVersion } from '../../orthanc/exportText';
import { loadOrthancConfiguration } from '../../orthanc/load';
import type { OrthancVersion } from '../../orthanc/version';
import { compilePolicy } from '../../policy/compile';
import type { CommandContext, GlobalOptions } from '../../terminal/command';

interface ExportCommandOptions extends ExportOptions, GlobalOptions {
  readonly orthancVersion?: OrthancVersion;
  readonly keep?: readonly string[];
}

export async function exportToOrthanc(
  { print, printError }: CommandContext,
  { orthancVersion: version, keep, config, json, ...options }: ExportCommandOptions,
): Promise<void> {
  const { configuration, file } = loadConfiguration(config);
  const exported = exportOrthanc(configuration, compilePolicy(configuration, Date.now()).policy, options);
  const kept = keep === undefined ? {} : { orthancOnly: keptFrom(loadOrthancConfiguration(keep)) };
  const text = formatExport(exported, { file, version, ...kept });
  const notes = [...exported.notes, ...notesOnVersion(exported, version)];
  if (json === true) {
    print(`${JSON.stringify({ settings: parseSourceText(text).value, notes }, undefined, 2)}\n`);
    return;
  }
  for (const note of notes) printError(`note: ${note}\n`);
  print(text);
}

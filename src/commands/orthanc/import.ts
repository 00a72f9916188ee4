/**
 * `aegis orthanc import`: Orthanc's modalities as a text to put into the configuration, or as a new configuration.
 * Never touches a file that is there.
 */
import { lookup } from 'node:dns/promises';
import { dirname } from 'node:path';
import { parseSourceText } from '../../config/sourceText';
import { OperatorError } from '../../errors';
import { existingOf, makeFolder, PUBLIC_MODE, writeFiles } from '../../files/write';
import { type OrthancConfiguration, placedLine } from '../../orthanc/configuration';
import { importOrthanc } from '../../orthanc/import';
import { type HostAddresses, hostNamesIn } from '../../orthanc/importModalities';
import { formatConfiguration, formatFragment } from '../../orthanc/importText';
import { loadOrthancConfiguration } from '../../orthanc/load';
import { parseModalities } from '../../orthanc/modality';
import type { CommandContext, GlobalOptions } from '../../terminal/command';

interface ImportCommandOptions extends GlobalOptions {
  readonly output?: string;
  readonly keepDefaults?: boolean;
  readonly resolve?: boolean;
  readonly observe?: boolean;
}

export async function importFromOrthanc(
  { print, printError }: CommandContext,
  { json, output, keepDefaults = false, resolve = false, observe = false }: ImportCommandOptions,
  files: readonly string[],
): Promise<void> {
  if (output !== undefined && (await existingOf([output])).length > 0) {
    throw new OperatorError(`--output ${output} exists already; name a new file, or import without --output`);
  }
  const configuration = loadOrthancConfiguration(files);
  const hostAddresses = resolve ? { hostAddresses: await resolveHosts(configuration) } : {};
  const imported = importOrthanc(configuration, { keepDefaults, isObserved: observe, ...hostAddresses });
  const text = output === undefined ? formatFragment(imported) : formatConfiguration(imported, files, output);
  if (output !== undefined) {
    await makeFolder(dirname(output));
    await writeFiles([{ path: output, content: text, mode: PUBLIC_MODE }]);
  }
  if (json === true) {
    const result = { output, configuration: parseSourceText(text).value, notes: imported.notes };
    print(`${JSON.stringify(result, undefined, 2)}\n`);
    return;
  }
  for (const note of imported.notes) printError(placedLine(note));
  if (output === undefined) print(text);
  else {
    const report = observe
      ? `  aegis --config ${output} observe report    (when it has run for some days)\n`
      : '';
    print(`${output} is written\n\nnext:\n  aegis --config ${output} check --offline\n${report}`);
  }
}

/** Undefined for a name that cannot be resolved here: the import reports it at its place. */
async function resolveHosts({ settings }: OrthancConfiguration): Promise<HostAddresses> {
  const names = hostNamesIn(parseModalities(settings.DicomModalities).modalities);
  const found = names.map(async (name): Promise<[string, string[] | undefined]> => {
    try {
      return [name, (await lookup(name, { all: true })).map(({ address }) => address)];
    } catch {
      return [name, undefined];
    }
  });
  return new Map(await Promise.all(found));
}

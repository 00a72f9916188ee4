/**
 * `aegis orthanc export`: the gateway's configuration as Orthanc has to know it. The text goes to stdout and nothing
 * else does, so that it can be redirected into a file. With --into, a file of Orthanc is changed in place.
 */
import { readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { loadConfiguration } from '../../config/load';
import { parseSourceText } from '../../config/sourceText';
import { ExitCode, OperatorError } from '../../errors';
import { readUtf8 } from '../../files/read';
import { replaceText } from '../../files/write';
import { placedLine } from '../../orthanc/configuration';
import { type ExportOptions, exportOrthanc } from '../../orthanc/export';
import { keptFrom } from '../../orthanc/exportEntries';
import { exportInto } from '../../orthanc/exportInto';
import { formatExport, notesOnVersion } from '../../orthanc/exportText';
import { loadOrthancConfiguration, READ_OPTIONS } from '../../orthanc/load';
import type { OrthancVersion } from '../../orthanc/version';
import { compilePolicy } from '../../policy/compile';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { canAsk, confirm } from '../../terminal/questions';
import { lineDiff } from '../../text/lineDiff';
import { countOf, escapeUnsafe, shellQuoted } from '../../text/quote';

interface ExportCommandOptions extends ExportOptions, GlobalOptions {
  readonly orthancVersion?: OrthancVersion;
  readonly keep?: readonly string[];
  readonly into?: string;
  readonly yes?: boolean;
}

export async function exportToOrthanc(
  context: CommandContext,
  { orthancVersion: version, keep, config, json, into, yes = false, ...options }: ExportCommandOptions,
): Promise<void> {
  const { print, printError } = context;
  const { configuration, file } = loadConfiguration(config);
  if (into === undefined && yes) throw new OperatorError('--yes goes with --into FILE only');
  const exported = exportOrthanc(configuration, compilePolicy(configuration, Date.now()).policy, options);
  const sources = keep ?? (into === undefined ? undefined : [into]);
  const kept = sources === undefined ? {} : { orthancOnly: keptFrom(loadOrthancConfiguration(sources)) };
  const text = formatExport(exported, { file, version, ...kept });
  const notes = [...exported.notes, ...notesOnVersion(exported, version)];
  if (into !== undefined) {
    const settings = parseSourceText(text).value as Readonly<Record<string, unknown>>;
    await putInto(context, { into, yes, isJson: json === true, settings, notes });
    return;
  }
  if (json === true) {
    print(`${JSON.stringify({ settings: parseSourceText(text).value, notes }, undefined, 2)}\n`);
    return;
  }
  for (const note of notes) printError(`note: ${note}\n`);
  print(text);
}

interface IntoRequest {
  readonly into: string;
  readonly yes: boolean;
  readonly isJson: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
}

/** Shows the change and asks, unless --yes. The file has the new text or the old one, whatever happens. */
async function putInto(
  { print, printError }: CommandContext,
  { into: file, yes, isJson, settings, notes }: IntoRequest,
): Promise<void> {
  const text = readUtf8(file, READ_OPTIONS);
  const result = exportInto({ file, text, env: process.env, settings, elsewhere: settingsBeside(file) });
  const diff = lineDiff(file, text, result.text);
  const isChanged = diff !== '';
  if (!isJson) {
    for (const note of notes) printError(`note: ${note}\n`);
    for (const note of result.notes) printError(placedLine({ ...note, file, severity: 'note' }));
    print(isChanged ? diff : `${escapeUnsafe(file)} says all of it already; nothing was written\n`);
  }
  if (isChanged && !yes) {
    if (isJson || !canAsk()) {
      throw new OperatorError('nothing was written: there is nobody to ask; give --yes', ExitCode.Failed);
    }
    if (!(await confirm('write this', 'n'))) throw new OperatorError('nothing was written', ExitCode.Failed);
  }
  if (isChanged) await replaceText(file, text, result.text);
  const { changed, added } = result;
  if (isJson) {
    const report = { file, isChanged, changed, added, diff, notes: [...notes, ...result.notes] };
    print(`${JSON.stringify(report, undefined, 2)}\n`);
  } else if (isChanged) {
    const counts = `${countOf(changed.length, 'entry')} changed, ${countOf(added.length, 'entry')} added`;
    print(
      `${escapeUnsafe(file)} was written: ${counts}\nnext:\n  aegis orthanc lint ${shellQuoted(file)}\n  restart Orthanc\n`,
    );
  }
}

/** Orthanc may be started with the folder, and takes a setting from one of its files only. A broken one is not ours. */
function settingsBeside(file: string): ReadonlyMap<string, string> {
  const folder = dirname(file);
  const others = readdirSync(folder).filter(
    (name) => extname(name).toLowerCase() === '.json' && name !== basename(file),
  );
  return new Map(
    others.flatMap((name) => {
      try {
        const { settings } = loadOrthancConfiguration([join(folder, name)]);
        return Object.keys(settings).map((key) => [key, name] as const);
      } catch (error) {
        if (error instanceof OperatorError) return [];
        throw error;
      }
    }),
  );
}

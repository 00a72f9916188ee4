/**
 * `aegis modality export`: the allowlist as a spreadsheet. Importing it gives the same allowlist again.
 */
import { openConfiguration } from '../../config/editConfiguration';
import { loadConfiguration } from '../../config/load';
import { ExitCode } from '../../errors';
import { SECRET_MODE, writeFiles } from '../../files/write';
import { exportCsv } from '../../onboarding/csvTable';
import { findReplaced } from '../../pki/folder';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { countOf } from '../../text/quote';

interface ExportOptions extends GlobalOptions {
  readonly output?: string;
  readonly force?: boolean;
}

export async function exportModalities(context: CommandContext, options: ExportOptions): Promise<void> {
  // A spreadsheet of half a configuration would lose the other half on its way back.
  const { configuration } = loadConfiguration(options.config);
  const csv = exportCsv(openConfiguration(options.config));
  context.exit(ExitCode.Done);
  if (options.output === undefined) {
    context.print(csv);
    return;
  }
  await findReplaced([options.output], options.force, 'choose another file, or replace it with --force');
  // Excel takes a file for UTF-8 by its byte order mark only; others are confused by it.
  const mark = /[^\x20-\x7e\r\n\t]/.test(csv) ? '\ufeff' : '';
  // The allowlist is confidential until the operator passes it on.
  await writeFiles([{ path: options.output, content: mark + csv, mode: SECRET_MODE }]);
  const count = countOf(Object.keys(configuration.modalities).length, 'modality');
  context.print(`${count} written to ${options.output}, readable by its owner only\n`);
}

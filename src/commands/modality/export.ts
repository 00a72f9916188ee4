/**
 * `aegis modality export`: the allowlist as a spreadsheet that `import` makes the same allowlist of.
 */
import { ExitCode } from '../../errors';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';

interface ExportOptions extends GlobalOptions {
  readonly output?: string;
  readonly force?: boolean;
}

export const registerModalityExport: RegisterCommand = (modality, context) => {
  modality
    .command('export')
    .description('write the modalities as CSV, one row each, for a spreadsheet')
    .option('--output <FILE.csv>', 'file to write (default: stdout)')
    .option('--force', 'replace the file that is there')
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality export > modalities.csv', 'aegis modality export --output modalities.csv'],
        ['0  done', '1  the file exists or cannot be written', '2  the configuration cannot be read'],
      ),
    )
    .action(async (_options, command) => {
      await exportModalities(command.optsWithGlobals() as ExportOptions, context);
    });
};

async function exportModalities(options: ExportOptions, context: CommandContext): Promise<void> {
  const { openConfiguration } = await import('../../config/editConfiguration');
  const { loadConfiguration } = await import('../../config/load');
  const { exportCsv } = await import('../../onboarding/exportCsv');
  // A spreadsheet of half a configuration would lose the other half on its way back.
  const { configuration } = loadConfiguration(options.config);
  const csv = exportCsv(openConfiguration(options.config));
  context.exit(ExitCode.Done);
  if (options.output === undefined) {
    context.print(csv);
    return;
  }
  const { countOf } = await import('../../text/quote');
  const { SECRET_MODE, writeFiles } = await import('../../files/write');
  const { findReplaced } = await import('../../pki/folder');
  await findReplaced([options.output], options.force, 'choose another file, or replace it with --force');
  // Excel takes a file for UTF-8 by its byte order mark only; others are confused by it.
  const mark = /[^\x20-\x7e\r\n\t]/.test(csv) ? '\ufeff' : '';
  // Who may come from where is nobody else's business until the operator passes it on.
  await writeFiles([{ path: options.output, content: mark + csv, mode: SECRET_MODE }]);
  const count = countOf(Object.keys(configuration.modalities).length, 'modality');
  context.print(`${count} written to ${options.output}, readable by its owner only\n`);
}

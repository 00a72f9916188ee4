/**
 * `aegis modality remove`: takes one entry out of the configuration file and shows the change.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode } from '../../errors';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';

interface RemoveOptions extends GlobalOptions {
  readonly dir: string;
  readonly sheetDir: string;
  readonly dryRun?: boolean;
}

export const registerModalityRemove: RegisterCommand = (modality, context) => {
  modality
    .command('remove')
    .description('take a modality out of the configuration file, which keeps its comments')
    .argument('<NAME>', 'name of the modality in the configuration')
    .option('--dry-run', 'show the change and write nothing')
    .option('--dir <directory>', 'folder of the CA, to see whether a certificate is left', 'certs')
    .option(
      '--sheet-dir <directory>',
      'folder of the onboarding sheets, to see whether its is left',
      'onboarding',
    )
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality remove ct1 --dry-run', 'aegis modality remove ct1'],
        [
          '0  done',
          '1  the file cannot be written, or was changed meanwhile',
          '2  there is no such modality, or the configuration would not be valid without it',
        ],
      ),
    )
    .action(async (name: string, _options, command) => {
      await remove(name, command.optsWithGlobals() as RemoveOptions, context);
    });
};

async function remove(name: string, options: RemoveOptions, context: CommandContext): Promise<void> {
  const { openConfiguration, removeModality, saveEdit } = await import('../../config/editConfiguration');
  const { formatPath } = await import('../../text/problems');
  const { nameArgument } = await import('../../text/quote');
  const edit = removeModality(openConfiguration(options.config), name);
  const isWritten = options.dryRun !== true;
  if (isWritten) await saveEdit(edit);
  context.exit(ExitCode.Done);
  if (options.json === true) {
    const result = { ok: true, isWritten, name, file: options.config, diff: edit.diff };
    context.print(`${JSON.stringify(result, undefined, 2)}\n`);
    return;
  }
  const { folderOption } = await import('../pki/reportText');
  const { sheetFiles } = await import('../../onboarding/sheetFiles');
  const sheets = Object.values(sheetFiles(options.sheetDir, name)).filter((file) => existsSync(file));
  const hasCertificate = /^[\w.-]+$/.test(name) && existsSync(join(options.dir, `${name}.crt`));
  const lines = isWritten
    ? [
        `removed ${formatPath(['modalities', name])} from ${options.config}`,
        '',
        'next: reload the gateway (SIGHUP)',
        ...(hasCertificate
          ? [
              `  aegis pki revoke${folderOption(options.dir)} ${nameArgument(name)}    (its certificate is accepted until then)`,
            ]
          : []),
        ...(sheets.length === 0 ? [] : [`  delete its onboarding sheet: ${sheets.join(', ')}`]),
      ]
    : ['nothing was written (--dry-run)'];
  context.print(`${edit.diff}${lines.join('\n')}\n`);
}

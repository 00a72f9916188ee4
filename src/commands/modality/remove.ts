/**
 * `aegis modality remove`: takes one entry out of the configuration file and shows the change.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openConfiguration, removeModality, saveEdit } from '../../config/editConfiguration';
import { ExitCode } from '../../errors';
import { sheetFiles } from '../../onboarding/sheetFiles';
import type { CommandContext } from '../../terminal/command';
import { formatPath } from '../../text/problems';
import { nameArgument } from '../../text/quote';
import { folderOption } from '../pki/reportText';
import { type OfferOptions, offerReload, reloadForJson } from '../reload/offerReload';

interface RemoveOptions extends OfferOptions {
  readonly dir: string;
  readonly sheetDir: string;
  readonly dryRun?: boolean;
}

export async function remove(context: CommandContext, options: RemoveOptions, name: string): Promise<void> {
  const edit = removeModality(openConfiguration(options.config), name);
  const isWritten = options.dryRun !== true;
  if (isWritten) await saveEdit(edit);
  context.exit(ExitCode.Done);
  if (options.json === true) {
    const reload = isWritten ? await reloadForJson(context, options) : null;
    const result = { ok: true, isWritten, name, file: options.config, diff: edit.diff, reload };
    context.print(`${JSON.stringify(result, undefined, 2)}\n`);
    return;
  }
  context.print(edit.diff);
  if (!isWritten) {
    context.print('nothing was written (--dry-run)\n');
    return;
  }
  context.print(`removed ${formatPath(['modalities', name])} from ${options.config}\n`);
  const sheets = Object.values(sheetFiles(options.sheetDir, name)).filter((file) => existsSync(file));
  const hasCertificate = /^[\w.-]+$/.test(name) && existsSync(join(options.dir, `${name}.crt`));
  const revoke = `aegis pki revoke${folderOption(options.dir)} ${nameArgument(name)}`;
  const next = [
    ...(await offerReload(context, options)),
    ...(hasCertificate ? [`${revoke}    (its certificate is accepted until then)`] : []),
    ...(sheets.length === 0 ? [] : [`delete its onboarding sheet: ${sheets.join(', ')}`]),
  ];
  if (next.length > 0) context.print(`\nnext:\n${next.map((line) => `  ${line}\n`).join('')}`);
}

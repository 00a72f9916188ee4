/** `aegis pki list`: what the CA has issued, the first to end first. */
import type { Command } from 'commander';
import { ExitCode } from '../../errors';
import { helpSections } from '../../terminal/command';
import { durationOption } from '../../text/moments';
import { type FolderOptions, MAX_DAYS, print, type RegisterVerb, verb } from './verb';

export const registerList: RegisterVerb = (pki, context) => {
  verb(pki, 'list', 'list what the CA has issued: when it ends, and whether it is valid, expired or revoked')
    .option(
      '--expiring-within <days>',
      'fail when something in use ends within so many days',
      durationOption('--expiring-within', { unit: 'days', min: 1, max: MAX_DAYS }),
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki list',
          'aegis --json pki list',
          'aegis pki list --expiring-within 30    (for monitoring)',
        ],
        [
          '0  done',
          '1  failed: a file cannot be read, or something in use ends within --expiring-within',
          '2  wrong usage',
        ],
      ),
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<FolderOptions & { expiringWithin?: number }>();
      const { inUse, listCertificates } = await import('../../pki/folderListing');
      const { reportList } = await import('./listReport');
      const certificates = await listCertificates(options.dir);
      const { expiringWithin } = options;
      if (
        expiringWithin !== undefined &&
        inUse(certificates).some(({ daysLeft }) => daysLeft < expiringWithin)
      ) {
        context.exit(ExitCode.Failed);
      }
      print(context, options, certificates, () => reportList(options.dir, certificates));
    });
};

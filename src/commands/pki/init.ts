/** `aegis pki init`: makes the CA of a folder, with its key encrypted where a passphrase is given. */
import type { Command } from 'commander';
import { OperatorError } from '../../errors';
import { type CommandContext, helpSections } from '../../terminal/command';
import { warnOfShortSecret } from './secretWarnings';
import {
  askTwice,
  exitCodes,
  type FolderOptions,
  givenPassphrase,
  print,
  type RegisterVerb,
  verb,
} from './verb';

interface InitOptions extends FolderOptions {
  readonly commonName?: string;
  readonly encrypt?: boolean;
  readonly force?: boolean;
}

export const registerInit: RegisterVerb = (pki, context) => {
  verb(pki, 'init', 'make a CA (ca.crt, ca.key) and its empty CRL (ca.crl)')
    .option('--common-name <text>', 'name of the CA (default: "Aegis CA" and random digits)')
    .option('--encrypt', 'encrypt ca.key with a passphrase that is asked for')
    .option('--passphrase-file <file>', 'encrypt ca.key with the passphrase in this file')
    .option('--force', 'replace the CA that is there; every certificate of it becomes worthless')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki init --encrypt',
          'aegis pki init --dir /etc/aegis/pki --common-name "Example Hospital DICOM CA"',
          'AEGIS_CA_PASSPHRASE=… aegis pki init    (ca.key is then encrypted)',
        ],
        exitCodes,
      ),
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<InitOptions>();
      const { createFolder, refuseExistingAuthority } = await import('../../pki/folder');
      const { reportInit } = await import('./issueReports');
      await refuseExistingAuthority(options.dir, options.force); // Before anybody is asked for a passphrase.
      const passphrase = await choosePassphrase(options, context);
      if (passphrase !== undefined) await warnOfShortSecret(context, 'passphrase', passphrase, 'ca.key');
      const created = await createFolder(options.dir, { ...options, passphrase });
      print(context, options, created, () => reportInit(options.dir, created));
    });
};

async function choosePassphrase(options: InitOptions, context: CommandContext): Promise<string | undefined> {
  const { canAsk } = await import('../../pki/secrets');
  const given = await givenPassphrase(options, context);
  if (given !== undefined || options.encrypt !== true) return given;
  if (!canAsk()) {
    throw new OperatorError(
      '--encrypt: there is nobody to ask; give the passphrase with --passphrase-file or AEGIS_CA_PASSPHRASE',
    );
  }
  const asked = await askTwice('new passphrase for ca.key: ', 'passphrase');
  if (asked === '') throw new OperatorError('the passphrase is empty; nothing was written');
  return asked;
}

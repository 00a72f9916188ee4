/**
 * The verbs of `aegis modality` that write an entry: their options and exit codes. Each does its work in a file of its own.
 */
import type { Command } from 'commander';
import { OperatorError } from '../../errors';
import { append, helpSections, type RegisterCommand, workOf } from '../../terminal/command';
import { quoteValue } from '../../text/quote';
import { RELOAD_OPTION } from '../reload/reload';

export const registerAdd: RegisterCommand = (modality, context) => {
  const command = modality
    .command('add')
    .description(
      'add a modality to the configuration file, with its certificate and the sheet for its vendor',
    )
    .argument('[NAME]', 'name of the modality (default: from its first calling AE title)')
    .option('--issue-certificate', 'issue its certificate with the CA in --dir, and accept only that one')
    .option('--no-sheet', 'write no onboarding sheet')
    .option(...RELOAD_OPTION)
    .option('--dry-run', 'show the change and write nothing');
  withSheet(withIssuing(refusingStrayWords(command)))
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality add    (on a terminal, it asks)',
          'aegis modality add --calling CT1 --from 10.1.2.10 --allow echo,store --issue-certificate',
          'aegis modality add us1 --calling US1 --from 10.1.4.20 --allow echo,store,findWorklist --listener plain',
          'aegis modality add ws1 --calling WS1 --calling WS1_QR --from 10.1.3.0/24 --allow echo,find,move --certificate cn:ws1',
          'aegis modality add --calling MR1 --from 10.1.2.30 --allow store --address 10.1.2.30:104 --dry-run',
        ],
        [
          '0  done',
          '1  a file exists, cannot be written, or was changed meanwhile; with --reload, the reload failed',
          '2  wrong usage, or the configuration would not be valid; nothing was written',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./add')).add));
};

export const registerSet: RegisterCommand = (modality, context) => {
  const command = named(
    modality,
    'set',
    'change keys of a modality in the configuration file, which keeps its comments',
  );
  refusingStrayWords(command)
    .option('--unset <key>', 'take a key out, back to its default; may be repeated', append)
    .option('--sheet-dir <directory>', 'folder of the sheets, to see whether it has one', 'onboarding')
    .option(...RELOAD_OPTION)
    .option('--dry-run', 'show the change and write nothing')
    .addHelpText(
      'after',
      `
An option with a list replaces the list. Addresses and permissions may begin
with + or -, for one more or one less.
${helpSections(
  [
    'aegis modality set ct1 --from 10.1.2.11',
    'aegis modality set ct1 --allow +find,-store --dry-run',
    'aegis modality set ct1 --mode observe --observe-until 2026-12-31 --reload',
    'aegis modality set ct1 --certificate certs/ct1.crt',
    'aegis modality set ct1 --unset certificate --unset address',
  ],
  [
    '0  done, or the entry says this already',
    '1  the file cannot be written, or was changed meanwhile; with --reload, the reload failed',
    '2  wrong usage, no such modality, or the configuration would not be valid; nothing was written',
  ],
)}`,
    )
    .action(workOf(context, async () => (await import('./set')).set));
};

export const registerRemove: RegisterCommand = (modality, context) => {
  named(modality, 'remove', 'take a modality out of the configuration file, which keeps its comments')
    .option('--dry-run', 'show the change and write nothing')
    .option('--dir <directory>', 'folder of the CA, to see whether its certificate is left', 'certs')
    .option('--sheet-dir <directory>', 'folder of the sheets, to see whether its sheet is left', 'onboarding')
    .option(...RELOAD_OPTION)
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality remove ct1 --dry-run',
          'aegis modality remove ct1',
          'aegis modality remove ct1 --reload',
        ],
        [
          '0  done',
          '1  the file cannot be written, or was changed meanwhile; with --reload, the reload failed',
          '2  there is no such modality, or the configuration would not be valid without it',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./remove')).remove));
};

export const registerImport: RegisterCommand = (modality, context) => {
  const command = modality
    .command('import')
    .description('add modalities from CSV, all or none; columns are the keys of an entry, and name')
    .argument(
      '<FILE.csv>',
      'comma, semicolon or tab separated, UTF-8 or UTF-16; the first line names the columns',
    )
    .option('--dry-run', 'show what each row would do and write nothing')
    .option('--update', 'change existing entries where a row differs')
    .option(...RELOAD_OPTION)
    .option(
      '--issue-certificates',
      'issue one for each row that needs one and names none, with the CA in --dir',
    )
    .option('--sheets', 'write the onboarding sheet of each row');
  withIssuing(withSheet(command))
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality import modalities.csv --dry-run',
          'aegis modality import modalities.csv',
          'aegis modality export > modalities.csv    (to see the columns, or to begin with)',
          'aegis modality import modalities.csv --update',
          'aegis modality import modalities.csv --issue-certificates --sheets',
        ],
        [
          '0  done',
          '1  a file exists, cannot be written, or was changed meanwhile; or Ctrl-C: nothing was written',
          '   with --reload: the reload failed',
          '2  a row has an error, and nothing was written; or the configuration has errors of its own',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./import')).importSpreadsheet));
};

/**
 * With a space instead of a comma, the second word of a list is an argument: one too many, or the name of an entry. Nobody
 * names an entry after a permission.
 */
export function refusingStrayWords(verb: Command): Command {
  return verb.allowExcessArguments().hook('preAction', async (_verb, { args, registeredArguments }) => {
    const { allow } = verb.opts<{ allow?: string | readonly string[] }>();
    const { commandPermissions } = await import('../../dimse/permissions');
    const permissions = args.filter((word) => (commandPermissions as readonly string[]).includes(word));
    const isTooMany = args.length > registeredArguments.length;
    if (allow !== undefined && permissions.length > 0 && (isTooMany || verb.name() === 'add')) {
      throw new OperatorError(
        `${quoteValue(permissions[0])} is not in the list of --allow, because a space ends it; write --allow ${[allow, permissions].flat().join(',')}`,
      );
    }
    if (!isTooMany) return;
    throw new OperatorError(
      `${quoteValue(args.at(-1))} is one argument too many; write a list with commas and without spaces, such as --allow echo,store`,
    );
  });
}

/** A verb about one entry. */
export function named(modality: Command, name: string, description: string): Command {
  return modality
    .command(name)
    .description(description)
    .argument('<NAME>', 'name of the modality in the configuration');
}

/** What every verb that writes a sheet takes; see SheetOptions. */
export function withSheet(verb: Command): Command {
  return verb
    .option('--sheet-dir <directory>', 'folder of the onboarding sheets', 'onboarding')
    .option(
      '--host <name>',
      'name or address of the gateway for the sheet; may be repeated (default: those of its certificates)',
      append,
    )
    .option('--dir <directory>', 'folder of the CA, with the certificate of the modality', 'certs')
    .option('--force', 'replace the onboarding sheet that is there');
}

/** What every verb that issues a certificate takes. */
function withIssuing(verb: Command): Command {
  return verb
    .option('--passphrase-file <file>', 'passphrase of ca.key (default: AEGIS_CA_PASSPHRASE, or asked for)')
    .option(
      '--p12-password-file <file>',
      'password of NAME.p12 (default: AEGIS_P12_PASSWORD, or asked for, or generated)',
    )
    .option('--legacy', 'encrypt NAME.p12 with triple DES, for devices that cannot read AES');
}

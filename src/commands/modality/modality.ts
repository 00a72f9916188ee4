/**
 * `aegis modality`: the allowlist from the command line. The options of every verb; each does its work in a file of its
 * own, which is imported when the verb is asked for.
 */
import type { Command } from 'commander';
import {
  append,
  type CommandContext,
  helpSections,
  type RegisterCommand,
  workOf,
} from '../../terminal/command';
import { parseAeTitle, parseTimeout } from '../echo/echo';
import type { PlanEntry } from './approve';

const NO_SUCH = '2  there is no such modality, or the configuration is not valid';

export const registerModality: RegisterCommand = (program, context) => {
  const modality = program
    .command('modality')
    .description('who may use the gateway, and who tried to: the allowlist, spreadsheets, pending callers')
    .addHelpText(
      'after',
      helpSections([
        'aegis modality list',
        'aegis modality add ct1 --calling CT1 --from 10.1.2.10 --allow echo --allow store',
        'aegis modality pending',
        'aegis modality approve --help',
      ]),
    );
  for (const register of verbs) register(modality, context);
  // The schema takes longer to load than a command to start.
  modality.hook('preSubcommand', async (_modality, verb) => {
    if (verb.name() === 'add') await addEntryOptions(verb);
  });
};

/** An option for each key of an entry. Each may be repeated where the key takes a list. */
export async function addEntryOptions(add: Command): Promise<void> {
  const { entryOptions } = await import('./draft');
  add.optionsGroup('Keys of the entry:');
  for (const { flags, description } of entryOptions) add.option(flags, description, append);
}

const registerList: RegisterCommand = (modality, context) => {
  modality
    .command('list')
    .description('list the modalities of the configuration')
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality list', 'aegis --json modality list'],
        ['0  done', '2  the configuration is not valid'],
      ),
    )
    .action(workOf(context, async () => (await import('./list')).list));
};

const registerShow: RegisterCommand = (modality, context) => {
  named(modality, 'show', 'show one modality in words: addresses, ports, certificates and permissions')
    .addHelpText(
      'after',
      helpSections(['aegis modality show ct1', 'aegis --json modality show ct1'], ['0  done', NO_SUCH]),
    )
    .action(workOf(context, async () => (await import('./show')).show));
};

const registerAdd: RegisterCommand = (modality, context) => {
  const command = modality
    .command('add')
    .description(
      'add a modality to the configuration file, with its certificate and the sheet for its vendor',
    )
    .argument('[NAME]', 'name of the modality (default: from its first calling AE title)')
    .option('--issue-certificate', 'issue its certificate with the CA in --dir, and accept only that one')
    .option('--no-sheet', 'write no onboarding sheet')
    .option('--dry-run', 'show the change and write nothing');
  withSheet(withIssuing(command))
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
          '1  a file exists, cannot be written, or was changed meanwhile',
          '2  wrong usage, or the configuration would not be valid; nothing was written',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./add')).add));
};

const registerRemove: RegisterCommand = (modality, context) => {
  named(modality, 'remove', 'take a modality out of the configuration file, which keeps its comments')
    .option('--dry-run', 'show the change and write nothing')
    .option('--dir <directory>', 'folder of the CA, to see whether its certificate is left', 'certs')
    .option('--sheet-dir <directory>', 'folder of the sheets, to see whether its sheet is left', 'onboarding')
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
    .action(workOf(context, async () => (await import('./remove')).remove));
};

const registerTest: RegisterCommand = (modality, context) => {
  named(modality, 'test', 'C-ECHO to the address of a modality, and when it was last let in or refused')
    .option('--calling <AET>', 'calling AE title (default: as the archive calls it)', parseAeTitle)
    .option('--timeout <seconds>', 'for connecting, and again for each answer', parseTimeout, 10)
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality test ct1', 'aegis --json modality test ct1'],
        [
          '0  it answered the C-ECHO with success',
          '1  it did not; the line says at which step and why',
          '2  there is no such modality, it has no address, or the configuration is not valid',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./test')).test));
};

const registerSheet: RegisterCommand = (modality, context) => {
  withSheet(
    named(modality, 'sheet', 'write the onboarding sheet of a modality (Markdown, and HTML to print)'),
  )
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality sheet ct1', 'aegis modality sheet ct1 --host pacs.example.org --force'],
        ['0  done', '1  the sheet exists or cannot be written', NO_SUCH],
      ),
    )
    .action(workOf(context, async () => (await import('./sheet')).sheet));
};

const registerImport: RegisterCommand = (modality, context) => {
  const command = modality
    .command('import')
    .description('add modalities from CSV, all or none; columns are the keys of an entry, and name')
    .argument(
      '<FILE.csv>',
      'comma, semicolon or tab separated, UTF-8 or UTF-16; the first line names the columns',
    )
    .option('--dry-run', 'show what each row would do and write nothing')
    .option('--update', 'change existing entries where a row differs')
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
          '2  a row has an error, and nothing was written; or the configuration has errors of its own',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./import')).importSpreadsheet));
};

const registerExport: RegisterCommand = (modality, context) => {
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
    .action(workOf(context, async () => (await import('./export')).exportModalities));
};

export const registerPending: RegisterCommand = (modality, context) => {
  modality
    .command('pending')
    .description('callers that were refused, with everything known about them')
    .option('--remove <ID>', 'take one off the list; it returns when it is refused again')
    .addHelpText(
      'after',
      `
The list comes from the running gateway (admin). If it does not run, the list comes from pending.file.
With unknownAddresses "close", the default, an address that is in no entry is closed before it can say who it is:
such callers are not listed. Set it to "reject" while you wait for new ones.
${helpSections(
  ['aegis modality pending', 'aegis --json modality pending', 'aegis modality pending --remove 3f2a91c0d4e5'],
  ['0  done', '1  the gateway cannot be asked, or there is no such ID', '2  wrong usage or configuration'],
)}`,
    )
    .action(workOf(context, async () => (await import('./pending')).pending));
};

/** `planEntry` is for tests that do not care how a configuration file is edited. */
export function registerApprove(modality: Command, context: CommandContext, planEntry?: PlanEntry): void {
  modality
    .command('approve')
    .description('let a pending caller in: adds the entry to the configuration file')
    .argument('<ID>', 'as "aegis modality pending" shows it')
    .option('--name <NAME>', 'name of the entry (default: from the calling AE title)')
    .option('--allow <commands>', 'what it may do, such as echo,store (default: asked for)')
    .option('--certificate', 'fail unless it showed a certificate that can be pinned')
    .option(
      '--no-certificate',
      'accept any certificate that the listener trusts (default: only the one that it showed)',
    )
    .option('--dry-run', 'show the change and write nothing')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality approve 3f2a91c0d4e5 --allow echo,store',
          'aegis modality approve 3f2a91c0d4e5 --allow find,move --name workstation1 --dry-run',
          'aegis modality approve 3f2a91c0d4e5',
        ],
        [
          '0  the entry was written; with a token, the gateway has reloaded it',
          '1  no such ID, it is let in already, another remedy is needed, the reload was rejected, or the gateway runs from another file',
          '2  wrong usage or configuration',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./approve')).approveWith(planEntry)));
}

const verbs: readonly RegisterCommand[] = [
  registerList,
  registerShow,
  registerAdd,
  registerRemove,
  registerTest,
  registerSheet,
  registerImport,
  registerExport,
  registerPending,
  registerApprove,
];

/** A verb about one entry. */
function named(modality: Command, name: string, description: string): Command {
  return modality
    .command(name)
    .description(description)
    .argument('<NAME>', 'name of the modality in the configuration');
}

/** What every verb that writes a sheet takes; see SheetOptions. */
function withSheet(verb: Command): Command {
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

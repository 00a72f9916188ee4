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
import { durationOption } from '../../text/moments';
import { parseAeTitle, parseTimeout } from '../echo/echo';
import type { PlanEntry } from './approve';
import {
  named,
  refusingStrayWords,
  registerAdd,
  registerImport,
  registerRemove,
  registerSet,
  withSheet,
} from './editVerbs';

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
        'aegis modality set ct1 --allow +find',
        'aegis modality lock ct1 --reason "sends what it should not"',
        'aegis modality pending',
        'aegis modality approve --help',
      ]),
    );
  for (const register of verbs) register(modality, context);
  // The schema takes longer to load than a command to start.
  modality.hook('preSubcommand', async (_modality, verb) => {
    if (['add', 'set'].includes(verb.name())) await addEntryOptions(verb);
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
    .option('--seen', 'when each was last let in, from where, by which certificate, and its last trouble')
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality list', 'aegis modality list --seen', 'aegis --json modality list'],
        ['0  done', '2  the configuration is not valid'],
      ),
    )
    .action(workOf(context, async () => (await import('./list')).list));
};

/** Ten years: longer than any log. */
const MAX_UNUSED_DAYS = 3650;

const registerUnused: RegisterCommand = (modality, context) => {
  modality
    .command('unused')
    .description('what entries allow and nobody used, and the smaller entry that would do')
    .option(
      '--days <days>',
      'how long nobody used it',
      durationOption('--days', { unit: 'days', min: 1, max: MAX_UNUSED_DAYS }),
      90,
    )
    .option(
      '--audit <file...>',
      'audit logs, also compressed (.gz); - is stdin (default: audit.file and what it was rotated to)',
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality unused',
          'aegis modality unused --days 30',
          'aegis --json modality unused --audit /var/log/aegis/audit.jsonl*',
        ],
        [
          '0  done; what nobody used is listed',
          '1  the log does not reach that far back',
          '2  the configuration is not valid, or a log cannot be read',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./unused')).unused));
};

const registerShow: RegisterCommand = (modality, context) => {
  named(modality, 'show', 'show one modality in words: addresses, ports, certificates and permissions')
    .addHelpText(
      'after',
      helpSections(['aegis modality show ct1', 'aegis --json modality show ct1'], ['0  done', NO_SUCH]),
    )
    .action(workOf(context, async () => (await import('./show')).show));
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

const URL_OPTION = [
  '--url <url>',
  'admin HTTP of the gateway, with its token in AEGIS__ADMIN__TOKEN; the configuration is not read then',
] as const;

const registerLock: RegisterCommand = (modality, context) => {
  named(modality, 'lock', 'refuse a modality from now on, and end its associations; survives restarts')
    .requiredOption('--reason <text>', 'why, for the log and for the person who unlocks it')
    .option('--for <time>', 'ends by itself after 90s, 30m, 2h or 7d (default: until it is unlocked)')
    .option(...URL_OPTION)
    .addHelpText(
      'after',
      `
The running gateway does it, if the configuration has its admin token. Without a
token, the lock is written to stateDirectory, and the gateway of pidFile gets
SIGHUP. If no gateway runs, the next start reads it.
${helpSections(
  [
    'aegis modality lock laptop1 --reason "stolen on Monday"',
    'aegis modality lock ct1 --reason "sends to the wrong archive" --for 2h',
    'aegis modality lock ct1 --reason "vendor on site" --url http://127.0.0.1:9762',
  ],
  [
    '0  it is locked; if no gateway runs, from the next start on',
    '1  the running gateway could not be asked, or the lock could not be written',
    '2  wrong usage, no such modality, or the configuration cannot be read',
  ],
)}`,
    )
    .action(workOf(context, async () => (await import('./lock')).lock));
};

const registerUnlock: RegisterCommand = (modality, context) => {
  named(modality, 'unlock', 'let a locked modality in again')
    .option(...URL_OPTION)
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality unlock ct1', 'aegis --json modality unlock ct1'],
        [
          '0  it is unlocked',
          '1  it was not locked, the running gateway could not be asked, or the file could not be written',
          '2  wrong usage, or the configuration cannot be read',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./lock')).unlock));
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
The list comes from the running gateway (admin). If it does not run, the list
comes from pending.file. With unknownAddresses "close", the default, an address
that is in no entry is closed before it can say who it is: such callers are not
listed. Set it to "reject" while you wait for new ones.
${helpSections(
  ['aegis modality pending', 'aegis --json modality pending', 'aegis modality pending --remove 3f2a'],
  ['0  done', '1  the gateway cannot be asked, or there is no such ID', '2  wrong usage or configuration'],
)}`,
    )
    .action(workOf(context, async () => (await import('./pending')).pending));
};

/** `planEntry` is for tests that do not care how a configuration file is edited. */
export function registerApprove(modality: Command, context: CommandContext, planEntry?: PlanEntry): void {
  refusingStrayWords(modality.command('approve'))
    .description('let a pending caller in: adds the entry to the configuration file')
    .argument('<ID>', 'as "aegis modality pending" shows it; 4 digits do if only one begins so')
    .option('--name <NAME>', 'name of the entry (default: from the calling AE title)')
    .option('--allow <commands>', 'what it may do, such as echo,store (default: asked for)')
    .option('--certificate', 'fail unless it showed a certificate that can be pinned')
    .option(
      '--no-certificate',
      'accept any certificate that the listener trusts (default: only the one that it showed)',
    )
    .option('--reload', 'then reload the running gateway; with an admin token, that is done anyway')
    .option('--dry-run', 'show the change and write nothing')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis modality approve 3f2a --allow echo,store',
          'aegis modality approve 3f2a --allow find,move --name workstation1 --dry-run',
          'aegis modality approve 3f2a',
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
  registerUnused,
  registerShow,
  registerAdd,
  registerSet,
  registerRemove,
  registerLock,
  registerUnlock,
  registerTest,
  registerSheet,
  registerImport,
  registerExport,
  registerPending,
  registerApprove,
];

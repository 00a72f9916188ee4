/**
 * `aegis modality add`: a new entry of the allowlist out of options or answers, with its certificate and the sheet for
 * whoever sets the device up. Order matters: nothing is issued before the entry is known to be good, and nothing is
 * written before the certificate is there.
 */
import type { Command } from 'commander';
import type { ConfigurationEdit, ModalityEntry } from '../../config/editConfiguration';
import { ExitCode, OperatorError } from '../../errors';
import type { SheetFiles } from '../../onboarding/sheetFiles';
import type { WrittenClientCertificate } from '../../pki/folderCertificates';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';
import type { Draft, EntryOptions } from './draft';
import type { SheetOptions } from './sheet';

interface AddOptions extends GlobalOptions, SheetOptions {
  readonly issueCertificate?: boolean;
  readonly passphraseFile?: string;
  readonly p12PasswordFile?: string;
  readonly legacy?: boolean;
  readonly sheet: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/**
 * An option for every key of an entry, each may be repeated where the key takes a list. Written out, because the
 * schema takes longer to load than a command to start; a test holds them together.
 */
const entryOptions: readonly (readonly [flags: string, description: string])[] = [
  ['--calling <AET>', 'calling AE title of the device'],
  ['--from <address>', 'IP address or CIDR block that it comes from'],
  ['--allow <command>', 'echo, find, findWorklist, move, get, store, storageCommitment, mpps, ups'],
  ['--called <AET>', 'archive that it may call (default: every upstream)'],
  ['--listener <name>', 'listener that it may use (default: every one with TLS)'],
  [
    '--certificate <match>',
    'certificate that it must show: cn:…, dns:…, sha256:…, spki-sha256:…, or a PEM file',
  ],
  [
    '--store-sop-class <class>',
    'what it may store: keyword, UID, or UID prefix ending in .* (default: everything)',
  ],
  ['--move-destination <AET>', 'AE title that it may have images sent to (default: its own)'],
  ['--max-associations <number>', 'how many associations it may have at once'],
  ['--mode <mode>', 'enforce, or observe: what it may not do is done and logged'],
  ['--observe-until <date>', 'when observe mode ends: 2026-12-31, or a date and time with an offset'],
  ['--egress-allow <command>', 'what the archive may send to it (default: every command)'],
  ['--address <host:port>', 'where it listens itself, for "aegis modality test"'],
  ['--address-called <AET>', 'called AE title towards it (default: its first calling AE title)'],
  ['--address-calling <AET>', 'calling AE title towards it (default: the one of the archive)'],
  ['--address-tls-profile <name>', 'TLS profile towards it (default: bcp195)'],
  ['--address-tls-trusted-certificates <file>', 'CA that signed its certificate; TLS is used towards it'],
  ['--address-tls-crl <file>', 'revocation list of that CA'],
  ['--address-tls-certificate <file>', 'certificate that is shown to it'],
  ['--address-tls-private-key <file>', 'private key of that certificate'],
  ['--address-tls-server-name <name>', 'name that its certificate must have (default: the host)'],
  ['--address-tls-pin <match>', 'certificate that it must show: sha256:…, spki-sha256:…'],
];

function describeOption(option: string): string {
  return entryOptions.find(([flags]) => flags.startsWith(`--${option} `))?.[1] ?? '';
}

const append = (value: string, values: string[] = []): string[] => [...values, value];

export const registerModalityAdd: RegisterCommand = (modality, context) => {
  const command: Command = modality
    .command('add')
    .description(
      'add a modality to the configuration file, with its certificate and the sheet for its vendor',
    )
    .argument('[NAME]', 'name of the modality (default: its first calling AE title in lower case)');
  for (const [flags, description] of entryOptions) command.option(flags, description, append);
  command
    .option('--issue-certificate', 'issue its certificate with the CA in --dir and accept that one only')
    .option('--dir <directory>', 'folder of the CA', 'certs')
    .option('--passphrase-file <file>', 'passphrase of ca.key (default: AEGIS_CA_PASSPHRASE, or asked for)')
    .option(
      '--p12-password-file <file>',
      'password of NAME.p12 (default: AEGIS_P12_PASSWORD, or asked for, or generated)',
    )
    .option('--legacy', 'encrypt NAME.p12 with triple DES, for devices that cannot read AES')
    .option('--sheet-dir <directory>', 'folder of the onboarding sheet', 'onboarding')
    .option(
      '--host <name>',
      'name or address of the gateway for the sheet (default: those of its certificates)',
      append,
    )
    .option('--no-sheet', 'write no onboarding sheet')
    .option('--force', 'replace the onboarding sheet that is there')
    .option('--dry-run', 'show the change and write nothing')
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
    .action(async (name: string | undefined, _options, self: Command) => {
      await add(name, self.optsWithGlobals() as AddOptions & EntryOptions, context);
    });
};

async function add(
  givenName: string | undefined,
  options: AddOptions & EntryOptions,
  context: CommandContext,
): Promise<void> {
  const { addModalities, openConfiguration, saveEdit } = await import('../../config/editConfiguration');
  const { refuseReplacedSheets, sheetFiles } = await import('../../onboarding/sheetFiles');
  const { entryOf, withCertificate } = await import('./draft');
  const { refuseIssued } = await import('../pki/revokedCertificates');
  const source = openConfiguration(options.config);
  const { draft, isIssuing, confirm } = await completeDraft(givenName, source, options);
  const { name } = draft;
  const files = options.sheet ? sheetFiles(options.sheetDir, name) : undefined;
  if (files !== undefined) await refuseReplacedSheets(files, options.force === true);
  if (isIssuing) await refuseIssued(options.dir, name);

  const edit = (completed: Draft): ConfigurationEdit => addModalities(source, { [name]: entryOf(completed) });
  const planned = edit(isIssuing ? withCertificate(draft, NOT_ISSUED_YET) : draft);
  if (options.dryRun === true) {
    const warnings = await warningsOf(planned, draft, options);
    await report(context, options, { name, edit: planned, warnings });
    return;
  }
  if (confirm !== undefined) {
    context.printError(shownDiff(planned));
    await confirm();
  }
  if (isIssuing) await refuseUnwritable(options.config);
  const issued = isIssuing ? await issueCertificate(draft, options, context) : undefined;
  const [summary] = issued?.certificates ?? [];
  const final = summary === undefined ? planned : edit(withCertificate(draft, summary.spkiFingerprint));
  await saveEdit(final).catch((error: Error) => {
    if (summary === undefined) throw error;
    throw new OperatorError(
      `${error.message}; the certificate ${summary.certificateFile} was issued: add the entry with --certificate ${summary.certificateFile}`,
      ExitCode.Failed,
    );
  });
  const lacking = files === undefined ? [] : await writeSheet(name, final, options, files);
  const { describeNameOfOther } = await import('../../pki/issuedLog');
  const shared = (issued?.namesOfOthers ?? []).map(describeNameOfOther);
  const warnings = [...(await warningsOf(final, draft, options)), ...shared, ...lacking];
  await report(context, options, { name, edit: final, issued, files, warnings });
}

/** Stands for the fingerprint of a public key that is not there yet, while everything else is checked. */
const NOT_ISSUED_YET = `spki-sha256:${Array<string>(32).fill('00').join(':')}`;

function shownDiff({ diff }: ConfigurationEdit): string {
  return diff.replace(NOT_ISSUED_YET, 'spki-sha256:(of the certificate that will be issued)');
}

interface CompletedDraft {
  readonly draft: Draft;
  readonly isIssuing: boolean;
  /** Set where somebody was asked: asks whether to write it, and throws OperatorError where not. */
  readonly confirm?: () => Promise<void>;
}

async function completeDraft(
  givenName: string | undefined,
  source: Parameters<typeof import('./questions').askForDraft>[1],
  options: AddOptions & EntryOptions,
): Promise<CompletedDraft> {
  const { canAsk } = await import('../../pki/secrets');
  const { draftFromOptions, faultsOfOptions, missingOptions } = await import('./draft');
  const draft = draftFromOptions(givenName, options, options.config);
  const faults = faultsOfOptions(draft, source);
  if (options.issueCertificate === true && options.certificate !== undefined) {
    faults.push('--issue-certificate and --certificate exclude each other: the entry accepts what is issued');
  }
  const missing = missingOptions(draft);
  if (!canAsk()) {
    // One that is faulty was told already.
    const absent = missing.filter(({ option }) => options[option] === undefined);
    faults.push(...absent.map(({ option }) => `--${option} is missing: ${describeOption(option)}`));
  }
  if (faults.length > 0) throw new OperatorError(faults.join('\n'));
  if (missing.length === 0) return { draft, isIssuing: options.issueCertificate === true };
  const { askForDraft } = await import('./questions');
  return askForDraft(draft, source, options);
}

/** Before a certificate is issued that no entry would accept. The file is replaced: its folder has to be writable. */
async function refuseUnwritable(config: string): Promise<void> {
  const { access, constants, realpath } = await import('node:fs/promises');
  const { dirname } = await import('node:path');
  const folder = dirname(await realpath(config).catch(() => config));
  await access(folder, constants.W_OK).catch(({ code }: NodeJS.ErrnoException) => {
    throw new OperatorError(
      `${config} cannot be replaced: nothing can be written to ${folder} (${code}); nothing was issued`,
      ExitCode.Failed,
    );
  });
}

async function issueCertificate(
  { name, values }: Draft,
  options: AddOptions,
  context: CommandContext,
): Promise<WrittenClientCertificate> {
  const { writeClientCertificate } = await import('../../pki/folderCertificates');
  const { choosePkcs12, openAuthority, warnOfUnfinishedRecord } = await import('../pki/verb');
  await warnOfUnfinishedRecord(options, context);
  const authority = await openAuthority(options, context);
  const pkcs12 = await choosePkcs12(name, options, context);
  // The gateway may dial it over TLS one day: the certificate then has to have the name that is dialled.
  const hosts = [...values].filter(([{ column }]) => column === 'host').map(([, host]) => String(host));
  return writeClientCertificate(options.dir, authority, {
    name,
    names: hosts,
    pkcs12,
  });
}

async function writeSheet(
  name: string,
  { result }: ConfigurationEdit,
  options: AddOptions,
  files: SheetFiles,
): Promise<string[]> {
  const { writeSheetOf } = await import('./sheet');
  try {
    return await writeSheetOf(name, result, options, files);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    // The entry is in the file by now, which is what was asked for.
    return [`the sheet was not written: ${error.message}; "aegis modality sheet" writes it anew`];
  }
}

async function warningsOf(
  { result }: ConfigurationEdit,
  draft: Draft,
  { certificate }: EntryOptions & { readonly certificate?: readonly string[] },
): Promise<string[]> {
  const { commaWarnings } = await import('./draft');
  const { warningsAbout } = await import('./entry');
  const { revocationWarnings } = await import('../pki/revokedCertificates');
  return [
    ...warningsAbout(result, draft.name),
    ...commaWarnings(draft),
    ...(await revocationWarnings(draft.name, result.configuration, certificate ?? [])),
  ];
}

interface Added {
  readonly name: string;
  readonly edit: ConfigurationEdit;
  readonly issued?: WrittenClientCertificate | undefined;
  readonly files?: SheetFiles | undefined;
  readonly warnings: readonly string[];
}

async function report(context: CommandContext, options: AddOptions, added: Added): Promise<void> {
  const { formatPath } = await import('../../text/problems');
  const { nameArgument } = await import('../../text/quote');
  const { name, edit, issued, files, warnings } = added;
  const isWritten = options.dryRun !== true;
  context.exit(ExitCode.Done);
  if (options.json === true) {
    const entry: ModalityEntry | undefined = edit.result.configuration.modalities[name];
    const result = { ok: true, isWritten, name, file: options.config, entry, diff: shownDiff(edit) };
    const rest = { certificate: issued ?? null, sheet: files ?? null, warnings };
    context.print(`${JSON.stringify({ ...result, ...rest }, undefined, 2)}\n`);
    return;
  }
  context.print(shownDiff(edit));
  for (const warning of warnings) context.printError(`warning: ${warning}\n`);
  if (!isWritten) {
    context.print('nothing was written (--dry-run)\n');
    return;
  }
  const row = (label: string, value: string) => `  ${label.padEnd(14)}${value}`;
  const password = issued?.pkcs12PasswordFile;
  const lines = [
    `added ${formatPath(['modalities', name])} to ${options.config}`,
    ...(issued === undefined ? [] : [row('certificate', `${issued.pkcs12File}, or .crt and .key beside it`)]),
    ...(password === undefined ? [] : [row('password', `generated, in ${password}; delete it afterwards`)]),
    ...(files === undefined ? [] : [row('sheet', files.html), row('', files.markdown)]),
    '',
    'next:',
    '  reload the gateway (SIGHUP)',
    ...(files === undefined
      ? []
      : ['  give the sheet to whoever sets up the device; keys and passwords travel apart from it']),
    `  aegis modality ${added.edit.result.configuration.modalities[name]?.address === undefined ? 'show' : 'test'} ${nameArgument(name)}`,
  ];
  context.print(`${lines.join('\n')}\n`);
}

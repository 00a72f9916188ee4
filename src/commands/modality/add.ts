/**
 * `aegis modality add`: a new entry of the allowlist from options or answers, with its certificate and the sheet for the
 * vendor. Order matters: nothing is issued before the entry is known to be good, and nothing is written before the
 * certificate exists.
 */

import { access, constants, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  addModalities,
  type ConfigurationEdit,
  type ConfigurationSource,
  type ModalityEntry,
  openConfiguration,
  saveEdit,
} from '../../config/editConfiguration';
import { ExitCode, OperatorError } from '../../errors';
import { refuseReplacedSheets, type SheetFiles, sheetFiles } from '../../onboarding/sheetFiles';
import { type WrittenClientCertificate, writeClientCertificate } from '../../pki/folderCertificates';
import { describeNameOfOther } from '../../pki/issuedLog';
import type { CommandContext } from '../../terminal/command';
import { canAsk, confirm } from '../../terminal/questions';
import { formatPath } from '../../text/problems';
import { nameArgument } from '../../text/quote';
import { refuseIssued, revocationWarnings } from '../pki/revokedCertificates';
import { choosePkcs12, openAuthority, warnOfUnfinishedRecord } from '../pki/verb';
import { type OfferOptions, offerReload, reloadForJson } from '../reload/offerReload';
import {
  commaWarnings,
  type Draft,
  draftFromOptions,
  type EntryOptions,
  entryOfDraft,
  faultsOfOptions,
  missingOptions,
  optionHelp,
  withCertificate,
} from './draft';
import { warningsAbout } from './entry';
import { askForDraft } from './questions';
import { type SheetOptions, writeSheetOf } from './sheet';

interface AddOptions extends OfferOptions, SheetOptions {
  readonly issueCertificate?: boolean;
  readonly passphraseFile?: string;
  readonly p12PasswordFile?: string;
  readonly legacy?: boolean;
  readonly sheet: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export async function add(
  context: CommandContext,
  options: AddOptions & EntryOptions,
  givenName: string | undefined,
): Promise<void> {
  const source = openConfiguration(options.config);
  const { draft, isIssuing, wasAsked } = await completeDraft(givenName, source, options);
  const { name } = draft;
  const files = options.sheet ? sheetFiles(options.sheetDir, name) : undefined;
  if (files !== undefined) await refuseReplacedSheets([files], options.force === true);
  if (isIssuing) await refuseIssued(options.dir, name);

  const edit = (completed: Draft): ConfigurationEdit =>
    addModalities(source, { [name]: entryOfDraft(completed) });
  const planned = edit(isIssuing ? withCertificate(draft, NOT_ISSUED_YET) : draft);
  if (options.dryRun === true) {
    const warnings = await warningsOf(planned, draft, options);
    await report(context, options, { name, edit: planned, warnings });
    return;
  }
  if (wasAsked) {
    context.printError(shownDiff(planned));
    if (!(await confirm('write this'))) throw new OperatorError('nothing was written', ExitCode.Failed);
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
  const shared = (issued?.namesOfOthers ?? []).map(describeNameOfOther);
  const warnings = [...(await warningsOf(final, draft, options)), ...shared, ...lacking];
  await report(context, options, { name, edit: final, issued, files, warnings });
}

/** Stands for the fingerprint of a public key that does not exist yet, while everything else is checked. */
const NOT_ISSUED_YET = `spki-sha256:${Array<string>(32).fill('00').join(':')}`;

function shownDiff({ diff }: ConfigurationEdit): string {
  return diff.replace(NOT_ISSUED_YET, 'spki-sha256:(of the certificate that will be issued)');
}

interface CompletedDraft {
  readonly draft: Draft;
  readonly isIssuing: boolean;
  /** Some of it was asked for on the terminal. */
  readonly wasAsked: boolean;
}

async function completeDraft(
  givenName: string | undefined,
  source: ConfigurationSource,
  options: AddOptions & EntryOptions,
): Promise<CompletedDraft> {
  const draft = draftFromOptions(givenName, options, options.config);
  const faults = faultsOfOptions(draft, source);
  if (options.issueCertificate === true && options.certificate !== undefined) {
    faults.push('--issue-certificate and --certificate exclude each other: the entry accepts what is issued');
  }
  const missing = missingOptions(draft);
  if (!canAsk()) {
    // A faulty one has been reported already.
    const absent = missing.filter(({ option }) => options[option] === undefined);
    faults.push(...absent.map((field) => `--${field.option} is missing: ${optionHelp(field)}`));
  }
  if (faults.length > 0) throw new OperatorError(faults.join('\n'));
  if (missing.length === 0) return { draft, isIssuing: options.issueCertificate === true, wasAsked: false };
  return { ...(await askForDraft(draft, source, options)), wasAsked: true };
}

/** Otherwise a certificate would be issued that no entry accepts. The file is replaced: its folder has to be writable. */
export async function refuseUnwritable(config: string): Promise<void> {
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
  await warnOfUnfinishedRecord(options, context);
  const authority = await openAuthority(options, context);
  const pkcs12 = await choosePkcs12(name, options, context);
  // The gateway may dial the device over TLS later; the certificate then needs the name that is dialled.
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
): Promise<readonly string[]> {
  try {
    return await writeSheetOf(name, result, options, files);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    // The entry is in the file, which is what was asked for.
    return [`the sheet was not written: ${error.message}; write it again with "aegis modality sheet"`];
  }
}

async function warningsOf(
  { result }: ConfigurationEdit,
  draft: Draft,
  { certificate }: EntryOptions & { readonly certificate?: readonly string[] },
): Promise<string[]> {
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
  const { name, edit, issued, files, warnings } = added;
  const isWritten = options.dryRun !== true;
  context.exit(ExitCode.Done);
  if (options.json === true) {
    const entry: ModalityEntry | undefined = edit.result.configuration.modalities[name];
    const result = { ok: true, isWritten, name, file: options.config, entry, diff: shownDiff(edit) };
    const reload = isWritten ? await reloadForJson(context, options) : null;
    const rest = { certificate: issued ?? null, sheet: files ?? null, reload, warnings };
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
  const written = [
    `added ${formatPath(['modalities', name])} to ${options.config}`,
    ...(issued === undefined ? [] : [row('certificate', `${issued.pkcs12File}, or .crt and .key beside it`)]),
    ...(password === undefined ? [] : [row('password', `generated, in ${password}; delete it afterwards`)]),
    ...(files === undefined ? [] : [row('sheet', files.html), row('', files.markdown)]),
  ];
  context.print(`${written.join('\n')}\n`);
  const isDialled = edit.result.configuration.modalities[name]?.address !== undefined;
  const next = [
    ...(await offerReload(context, options, warnings)),
    ...(files === undefined ? [] : ['give the sheet to the vendor; send keys and passwords separately']),
    `aegis modality ${isDialled ? 'test' : 'show'} ${nameArgument(name)}`,
  ];
  context.print(`\nnext:\n${next.map((line) => `  ${line}\n`).join('')}`);
}

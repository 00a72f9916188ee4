/**
 * What the verbs of `aegis pki` have in common: options, the CA with its passphrase, passwords of PKCS#12 files, output.
 */
import type { Command } from 'commander';
import { OperatorError } from '../../errors';
import type { CertificateAuthority } from '../../pki/authority';
import type { Pkcs12Choice } from '../../pki/folderPkcs12';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { durationOption } from '../../text/moments';
import { warnOfSharedSecret, warnOfShortSecret } from './secretWarnings';

export interface FolderOptions extends GlobalOptions {
  readonly dir: string;
  readonly passphraseFile?: string;
}

export interface Pkcs12Options {
  readonly legacy?: boolean;
  readonly p12PasswordFile?: string;
}

/** Adds one verb to `aegis pki`. */
export type RegisterVerb = (pki: Command, context: CommandContext) => void;

export const exitCodes: readonly string[] = [
  '0  done',
  '1  failed: a file exists, cannot be read or written',
  '2  wrong usage',
];

export const verb = (pki: Command, name: string, description: string): Command =>
  pki.command(name).description(description).option('--dir <directory>', 'folder of the CA', 'certs');

/** A verb that signs, and so needs the key of the CA. */
export const signingVerb = (pki: Command, name: string, description: string): Command =>
  verb(pki, name, description).option(
    '--passphrase-file <file>',
    'passphrase of ca.key (default: AEGIS_CA_PASSPHRASE, or asked for)',
  );

export const withNames = (command: Command, description: string): Command =>
  command.option('--name <DNS-or-IP>', description, (name, names: string[] = []) => [...names, name]);

/** As long as the CA itself; nothing is issued beyond its end. */
export const MAX_DAYS = 3650;

export const withDays = (command: Command, description: string): Command =>
  command.option(
    '--days <number>',
    description,
    durationOption('--days', { unit: 'days', min: 1, max: MAX_DAYS }),
  );

export const withPkcs12 = (command: Command): Command =>
  command
    .option('--legacy', 'encrypt NAME.p12 with triple DES, for devices that cannot read AES')
    .option(
      '--p12-password-file <file>',
      'password of NAME.p12 (default: AEGIS_P12_PASSWORD, or asked for, or generated)',
    );

/** Counts `--days` from now on, not from the backdated beginning. */
export async function notAfterOf({ days }: { readonly days?: number }): Promise<Date | undefined> {
  const { daysAfter } = await import('../../pki/validity');
  return days === undefined ? undefined : daysAfter(new Date(), days);
}

export async function givenPassphrase(
  options: FolderOptions,
  context: CommandContext,
): Promise<string | undefined> {
  const { readSecret } = await import('../../pki/secrets');
  const passphrase = await readSecret('passphrase', options.passphraseFile, 'AEGIS_CA_PASSPHRASE');
  await warnOfSharedSecret(context, 'passphrase', options.passphraseFile);
  return passphrase;
}

export async function openAuthority(
  options: FolderOptions,
  context: CommandContext,
): Promise<CertificateAuthority> {
  const { openFolder } = await import('../../pki/folder');
  const { askSecret, canAsk } = await import('../../pki/secrets');
  return openFolder(options.dir, async () => {
    const given = await givenPassphrase(options, context);
    return given === undefined && canAsk() ? askSecret('passphrase of the CA key: ') : given;
  });
}

/** Says so where the record of the CA has an end that was never written; a missing or damaged one is told by the verb. */
export async function warnOfUnfinishedRecord(
  { dir }: Pick<FolderOptions, 'dir'>,
  context: CommandContext,
): Promise<void> {
  const { authorityFiles } = await import('../../pki/folder');
  const { readIssuedLog } = await import('../../pki/issuedLog');
  const { issuedLog } = authorityFiles(dir);
  const log = await readIssuedLog(issuedLog).catch((error: unknown) => {
    if (!(error instanceof OperatorError)) throw error;
  });
  if (log?.isUnfinished !== true) return;
  context.printError(
    `warning: ${issuedLog} ends in an unfinished record, as a full disk or a crash leaves one; it is ignored. What was to be issued or revoked then was not: see aegis pki list, and repeat it\n`,
  );
}

/** Asks twice, because nobody sees what is typed. */
export async function askTwice(question: string, what: string): Promise<string> {
  const { askSecret } = await import('../../pki/secrets');
  const secret = await askSecret(question);
  if (secret !== '' && (await askSecret('the same again: ')) !== secret) {
    throw new OperatorError(`the two ${what}s differ; nothing was written`);
  }
  return secret;
}

export async function choosePkcs12(
  name: string,
  { legacy, p12PasswordFile }: Pkcs12Options,
  context: CommandContext,
): Promise<Pkcs12Choice> {
  const { canAsk, generatePassword, readSecret } = await import('../../pki/secrets');
  let password = await readSecret('PKCS#12 password', p12PasswordFile, 'AEGIS_P12_PASSWORD');
  await warnOfSharedSecret(context, 'password', p12PasswordFile);
  if (password === undefined && canAsk()) {
    password = await askTwice(`password for ${name}.p12 (empty: generate one): `, 'password');
  }
  const isPasswordGenerated = password === undefined || password === '';
  if (!isPasswordGenerated) await warnOfShortSecret(context, 'password', password!, `${name}.p12`);
  return {
    password: isPasswordGenerated ? generatePassword() : password!,
    isPasswordGenerated,
    isLegacy: legacy === true,
  };
}

export function print(
  context: CommandContext,
  options: GlobalOptions,
  result: unknown,
  report: () => string,
): void {
  context.print(options.json === true ? `${JSON.stringify(result, null, 2)}\n` : report());
}

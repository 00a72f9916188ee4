/**
 * What the verbs of `aegis pki` have in common: the CA with its passphrase, passwords of PKCS#12 files, warnings about
 * both, output. Knows nothing of options as they are written.
 */
import { OperatorError } from '../../errors';
import { describeSharing } from '../../files/read';
import { existingOf } from '../../files/write';
import { type CertificateAuthority, daysAfter } from '../../pki/authority';
import { authorityFiles, openFolder } from '../../pki/folder';
import type { Pkcs12Choice } from '../../pki/folderCertificates';
import { readIssuedLog } from '../../pki/issuedLog';
import { generatePassword, readSecret } from '../../pki/secrets';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { askSecret, canAsk } from '../../terminal/questions';
import { countOf } from '../../text/quote';

export interface FolderOptions extends GlobalOptions {
  readonly dir: string;
  readonly passphraseFile?: string;
}

export interface Pkcs12PasswordOptions {
  readonly legacy?: boolean;
  readonly p12PasswordFile?: string;
}

export interface FilePasswordOptions {
  readonly passwordFile?: string;
}

/** That of a file of somebody else; undefined where nobody knows it. */
export async function readFilePassword(
  file: string,
  what: 'private key' | 'PKCS#12 file',
  { passwordFile }: FilePasswordOptions,
): Promise<string | undefined> {
  const isPkcs12 = what === 'PKCS#12 file';
  // As `aegis pki client` leaves it beside the file.
  const [generated] = isPkcs12 ? await existingOf([`${file}.password`]) : [];
  const variable = isPkcs12 ? 'AEGIS_P12_PASSWORD' : 'AEGIS_CA_PASSPHRASE';
  const given = await readSecret('password', passwordFile ?? generated, variable);
  return given === undefined && canAsk() ? askSecret(`password of the ${what}: `) : given;
}

/** Counts `--days` from now on, not from the backdated beginning. */
export function notAfterOf({ days }: { readonly days?: number }): Date | undefined {
  return days === undefined ? undefined : daysAfter(new Date(), days);
}

export async function givenPassphrase(
  { passphraseFile }: FolderOptions,
  context: CommandContext,
): Promise<string | undefined> {
  const passphrase = await readSecret('passphrase', passphraseFile, 'AEGIS_CA_PASSPHRASE');
  warnOfSharedSecret(context, 'passphrase', passphraseFile);
  return passphrase;
}

export async function openAuthority(
  options: FolderOptions,
  context: CommandContext,
): Promise<CertificateAuthority> {
  return openFolder(options.dir, async () => {
    const given = await givenPassphrase(options, context);
    return given === undefined && canAsk() ? askSecret('passphrase of the CA key: ') : given;
  });
}

/** Warns where the record of the CA ends in an unfinished line. The verb itself reports a missing or damaged record. */
export async function warnOfUnfinishedRecord(
  { dir }: Pick<FolderOptions, 'dir'>,
  context: CommandContext,
): Promise<void> {
  const { issuedLog } = authorityFiles(dir);
  const log = await readIssuedLog(issuedLog).catch((error: unknown) => {
    if (!(error instanceof OperatorError)) throw error;
  });
  if (log?.isUnfinished !== true) return;
  context.printError(
    `warning: ${issuedLog} ends in an unfinished record, as a full disk or a crash leaves one; it is ignored. What was to be issued or revoked then was not: see aegis pki list, and repeat it\n`,
  );
}

/** Asks twice, because what is typed is not shown. */
export async function askTwice(question: string, what: string): Promise<string> {
  const secret = await askSecret(question);
  if (secret !== '' && (await askSecret('the same again: ')) !== secret) {
    throw new OperatorError(`the two ${what}s differ; nothing was written`);
  }
  return secret;
}

export async function choosePkcs12(
  name: string,
  options: Pkcs12PasswordOptions,
  context: CommandContext,
): Promise<Pkcs12Choice> {
  const given = await givenPkcs12Password(`${name}.p12`, options, context);
  if (given !== undefined || !canAsk()) return pkcs12Choice(given, options);
  const asked = await askTwice(`password for ${name}.p12 (empty: generate one): `, 'password');
  if (asked !== '') warnOfShortSecret(context, 'password', asked, `${name}.p12`);
  return pkcs12Choice(asked, options);
}

/** That of a file or the environment. */
export async function givenPkcs12Password(
  protectedFile: string,
  { p12PasswordFile }: Pkcs12PasswordOptions,
  context: CommandContext,
): Promise<string | undefined> {
  const password = await readSecret('PKCS#12 password', p12PasswordFile, 'AEGIS_P12_PASSWORD');
  warnOfSharedSecret(context, 'password', p12PasswordFile);
  if (password !== undefined) warnOfShortSecret(context, 'password', password, protectedFile);
  return password;
}

/** Without a password, one is generated. */
export function pkcs12Choice(
  password: string | undefined,
  { legacy }: Pick<Pkcs12PasswordOptions, 'legacy'>,
): Pkcs12Choice {
  const isPasswordGenerated = password === undefined || password === '';
  const chosen = isPasswordGenerated ? generatePassword() : password;
  return { password: chosen, isPasswordGenerated, isLegacy: legacy === true };
}

/** All shorter ones can be tried one after the other by anyone who has a copy of the encrypted file. */
const MIN_SECRET_CHARACTERS = 8;

/** For a secret that is chosen now; one that was chosen before is not judged. */
export function warnOfShortSecret(
  context: CommandContext,
  what: 'passphrase' | 'password',
  secret: string,
  protectedFile: string,
): void {
  const { length } = [...secret];
  if (length >= MIN_SECRET_CHARACTERS) return;
  context.printError(
    `warning: the ${what} has ${countOf(length, 'character')}, so anyone with a copy of ${protectedFile} can find it by trying; choose one of at least ${MIN_SECRET_CHARACTERS}\n`,
  );
}

/** Private keys of the gateway are refused for the same; here there may be a reason to share. */
function warnOfSharedSecret(
  context: CommandContext,
  what: 'passphrase' | 'password',
  file: string | undefined,
): void {
  const problem = file === undefined ? undefined : describeSharing(file, what);
  if (problem !== undefined) context.printError(`warning: ${problem}\n`);
}

export function print(
  context: CommandContext,
  options: GlobalOptions,
  result: unknown,
  report: () => string,
): void {
  context.print(options.json === true ? `${JSON.stringify(result, null, 2)}\n` : report());
}

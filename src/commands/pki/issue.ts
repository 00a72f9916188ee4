/**
 * `aegis pki init`, `server` and `client`: makes the CA of a folder and issues with keys that are made here. Says what
 * was written and what to do next; pki/ decides what a certificate contains.
 */
import { OperatorError } from '../../errors';
import { authorityFiles, type CreatedFolder, createFolder, refuseExistingAuthority } from '../../pki/folder';
import {
  findReplacedClientFiles,
  type WrittenCertificates,
  type WrittenClientCertificate,
  writeClientCertificate,
  writeServerCertificates,
} from '../../pki/folderCertificates';
import { describeNameOfOther } from '../../pki/issuedLog';
import type { CommandContext } from '../../terminal/command';
import { canAsk } from '../../terminal/questions';
import { safeLines } from '../../text/quote';
import {
  describe,
  describeAll,
  describePkcs12,
  entryLines,
  firstSteps,
  fromConfiguration,
  row,
  rows,
  stillAccepted,
} from './reportText';
import {
  askTwice,
  choosePkcs12,
  type FolderOptions,
  givenPassphrase,
  notAfterOf,
  openAuthority,
  type Pkcs12PasswordOptions,
  print,
  warnOfShortSecret,
} from './verb';

export interface InitOptions extends FolderOptions {
  readonly commonName?: string;
  readonly encrypt?: boolean;
  readonly force?: boolean;
}

export interface ServerOptions extends FolderOptions {
  readonly name?: string[];
  readonly days?: number;
  readonly force?: boolean;
}

export interface ClientOptions extends ServerOptions, Pkcs12PasswordOptions {}

export async function initAuthority(context: CommandContext, options: InitOptions): Promise<void> {
  await refuseExistingAuthority(options.dir, options.force); // Before the question for a passphrase.
  const passphrase = await choosePassphrase(options, context);
  if (passphrase !== undefined) warnOfShortSecret(context, 'passphrase', passphrase, 'ca.key');
  const created = await createFolder(options.dir, { ...options, passphrase });
  print(context, options, created, () => reportInit(options.dir, created));
}

async function choosePassphrase(options: InitOptions, context: CommandContext): Promise<string | undefined> {
  const given = await givenPassphrase(options, context);
  if (given !== undefined || options.encrypt !== true) return given;
  if (!canAsk()) {
    throw new OperatorError(
      '--encrypt: there is no terminal to ask at; give the passphrase with --passphrase-file or AEGIS_CA_PASSPHRASE',
    );
  }
  const asked = await askTwice('new passphrase for ca.key: ', 'passphrase');
  if (asked === '') throw new OperatorError('the passphrase is empty; nothing was written');
  return asked;
}

function reportInit(directory: string, created: CreatedFolder): string {
  const { privateKeyFile } = created.authority;
  return safeLines([
    ...describe(`CA "${created.authority.commonName}"`, created.authority),
    row('CRL', `${created.revocationListFile}, empty`),
    ...rows('replaced', created.replacedFiles),
    '',
    created.isKeyEncrypted
      ? `${privateKeyFile} is encrypted; without its passphrase nothing more can be issued`
      : `${privateKeyFile} is not encrypted: anyone who reads it can let in any device; keep it where only you have access, or start again with --encrypt --force`,
    '',
    'next:',
    ...firstSteps(directory),
  ]);
}

export async function issueServer(context: CommandContext, options: ServerOptions): Promise<void> {
  const authority = await openAuthority(options, context);
  const written = await writeServerCertificates(options.dir, authority, {
    names: options.name ?? [],
    notAfter: notAfterOf(options),
    force: options.force,
  });
  print(context, options, written, () => reportServer(options, written));
}

function reportServer({ dir, config }: ServerOptions, written: WrittenCertificates): string {
  const seen = (path: string) => fromConfiguration(config, path);
  const { certificate, revocationList } = authorityFiles(dir);
  const tls = {
    certificate: written.certificates.map((summary) => seen(summary.certificateFile)),
    privateKey: written.certificates.flatMap(({ privateKeyFile }) =>
      privateKeyFile === undefined ? [] : [seen(privateKeyFile)],
    ),
    trustedCertificates: seen(certificate),
    crl: seen(revocationList),
  };
  return safeLines([
    ...describeAll(written.certificates, ({ keyType }) => `server certificate, ${keyType.toUpperCase()}`),
    ...rows('replaced', written.replacedFiles),
    ...stillAccepted(dir, written),
    '',
    `next: in a listener of ${config}`,
    ...`"tls": ${JSON.stringify(tls, null, 2)}`.split('\n').map((line) => `  ${line}`),
    `  and copy ${certificate} to each modality, as the CA that it trusts`,
  ]);
}

export async function issueClient(
  context: CommandContext,
  options: ClientOptions,
  name: string,
): Promise<void> {
  await findReplacedClientFiles(options.dir, name, options.force); // Before the question for a password.
  const authority = await openAuthority(options, context);
  const written = await writeClientCertificate(options.dir, authority, {
    name,
    names: options.name ?? [],
    notAfter: notAfterOf(options),
    force: options.force,
    pkcs12: await choosePkcs12(name, options, context),
  });
  for (const other of written.namesOfOthers) {
    context.printError(`warning: ${describeNameOfOther(other)}\n`);
  }
  print(context, options, written, () => reportClient(name, options, written));
}

function reportClient(
  name: string,
  { dir, config }: ClientOptions,
  written: WrittenClientCertificate,
): string {
  const [summary] = written.certificates;
  const { pkcs12File, pkcs12PasswordFile } = written;
  return safeLines([
    ...describe(`client certificate "${name}"`, summary!),
    ...describePkcs12(written),
    ...rows('replaced', written.replacedFiles),
    ...stillAccepted(dir, written),
    '',
    'next:',
    `  copy ${pkcs12File} (or the .crt and .key files) to the modality, and ${authorityFiles(dir).certificate} as the CA that it trusts`,
    ...(pkcs12PasswordFile === undefined ? [] : [`  then delete ${pkcs12PasswordFile}`]),
    ...entryLines(config, summary!),
  ]);
}

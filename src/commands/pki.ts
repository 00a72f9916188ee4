/**
 * `aegis pki`: a small CA for sites that have none. Options and questions only; pki/ issues, pkiReport.ts words the
 * results. Everything heavy is imported inside the actions.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { OperatorError } from '../errors';
import { type RevocationReason, revocationReasons } from '../pki/revocationReason';
import { type CommandContext, type GlobalOptions, helpSections, type RegisterCommand } from './command';

export interface FolderOptions extends GlobalOptions {
  readonly dir: string;
  readonly passphraseFile?: string;
}

interface IssueOptions extends FolderOptions {
  readonly name?: string[];
  readonly days?: number;
  readonly force?: boolean;
}

const exitCodes = ['0  done', '1  failed: a file exists, cannot be read or written', '2  wrong usage'];
/** As long as the CA itself; nothing is issued beyond its end. */
const maxDays = 3650;

export const registerPki: RegisterCommand = (program, context) => {
  const pki = program
    .command('pki')
    .description('a small CA: certificates for the gateway and for each modality');
  registerInit(pki, context);
  registerServer(pki, context);
  registerClient(pki, context);
  registerRevoke(pki, context);
  registerList(pki, context);
};

function registerInit(pki: Command, context: CommandContext): void {
  verb(pki, 'init', 'make a CA (ca.crt, ca.key) and its empty CRL (ca.crl)')
    .option('--common-name <text>', 'name of the CA (default: "Aegis CA" and random digits)')
    .option('--passphrase-file <file>', 'encrypt ca.key with the passphrase in this file')
    .option('--force', 'replace the CA that is there; every certificate of it becomes worthless')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki init',
          'aegis pki init --dir /etc/aegis/pki --common-name "Example Hospital DICOM CA"',
          'AEGIS_CA_PASSPHRASE=… aegis pki init    (ca.key is then encrypted)',
        ],
        exitCodes,
      ),
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<FolderOptions & { commonName?: string; force?: boolean }>();
      const { createFolder } = await import('../pki/folder');
      const { reportInit } = await import('./pkiReport');
      const passphrase = await givenPassphrase(options);
      const created = await createFolder(options.dir, { ...options, passphrase });
      print(context, options, created, () => reportInit(options.dir, created));
    });
}

function registerServer(pki: Command, context: CommandContext): void {
  issuingVerb(
    pki,
    'server',
    'issue the certificates of the gateway, RSA and ECDSA (server.crt, server-ecdsa.crt)',
  )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki server --name pacs.example.org --name 10.1.0.2',
          'aegis pki server --name localhost --force',
        ],
        exitCodes,
      ),
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<IssueOptions>();
      const { writeServerCertificates } = await import('../pki/folderCertificates');
      const { reportServer } = await import('./pkiReport');
      const authority = await openAuthority(options);
      const written = await writeServerCertificates(options.dir, authority, await issuing(options));
      print(context, options, written, () => reportServer(options.dir, options.config, written));
    });
}

function registerClient(pki: Command, context: CommandContext): void {
  issuingVerb(pki, 'client', 'issue the certificate of one modality (NAME.crt, NAME.key, NAME.p12)')
    .argument('<NAME>', 'name of the modality: letters, digits, ".", "_" and "-"')
    .option('--legacy', 'encrypt NAME.p12 with triple DES, for devices that cannot read AES')
    .option(
      '--p12-password-file <file>',
      'password of NAME.p12 (default: AEGIS_P12_PASSWORD, or asked for, or generated)',
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki client ct1',
          'aegis pki client ct1 --name ct1.radiology.example --name 10.1.2.10    (the gateway dials it, too)',
          'aegis pki client us-1998 --legacy --p12-password-file password.txt',
        ],
        exitCodes,
      ),
    )
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<
        IssueOptions & { legacy?: boolean; p12PasswordFile?: string }
      >();
      const { findReplacedClientFiles, writeClientCertificate } = await import('../pki/folderCertificates');
      const { reportClient } = await import('./pkiReport');
      await findReplacedClientFiles(options.dir, name, options.force); // Before anybody is asked for a password.
      const authority = await openAuthority(options);
      const pkcs12 = {
        ...(await choosePkcs12Password(name, options.p12PasswordFile)),
        isLegacy: options.legacy === true,
      };
      const written = await writeClientCertificate(options.dir, authority, {
        ...(await issuing(options)),
        name,
        pkcs12,
      });
      print(context, options, written, () => reportClient(options.dir, options.config, name, written));
    });
}

function registerRevoke(pki: Command, context: CommandContext): void {
  verb(pki, 'revoke', 'revoke the certificates of a modality (or of "server") and write ca.crl anew')
    .argument('<NAME>', 'name that they were issued for')
    .option('--serial <hex>', 'only the certificate with this serial number')
    .addOption(new Option('--reason <reason>', 'why').choices(revocationReasons))
    .option('--passphrase-file <file>', 'passphrase of ca.key (default: AEGIS_CA_PASSPHRASE, or asked for)')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki revoke ct1',
          'aegis pki revoke ct1 --serial 7F94265D89634D0ACF9F5EE342EFBF3A --reason superseded',
        ],
        [
          ...exitCodes.slice(0, 1),
          '1  failed: no such certificate, or a file cannot be read or written',
          '2  wrong usage',
        ],
      ),
    )
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<
        FolderOptions & { serial?: string; reason?: RevocationReason }
      >();
      const { revokeCertificates } = await import('../pki/folderRevocation');
      const { reportRevocation } = await import('./pkiReport');
      const authority = await openAuthority(options);
      const revocation = await revokeCertificates(options.dir, authority, {
        name,
        serialNumber: options.serial,
        reason: options.reason,
      });
      print(context, options, revocation, () => reportRevocation(name, revocation));
    });
}

function registerList(pki: Command, context: CommandContext): void {
  verb(pki, 'list', 'list what the CA has issued, and whether it is valid, expired or revoked')
    .addHelpText('after', helpSections(['aegis pki list', 'aegis --json pki list'], exitCodes))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<FolderOptions>();
      const { listCertificates } = await import('../pki/folderRevocation');
      const { reportList } = await import('./pkiReport');
      const certificates = await listCertificates(options.dir);
      print(context, options, certificates, () => reportList(certificates));
    });
}

const verb = (pki: Command, name: string, description: string): Command =>
  pki.command(name).description(description).option('--dir <directory>', 'folder of the CA', 'certs');

const issuingVerb = (pki: Command, name: string, description: string): Command =>
  verb(pki, name, description)
    .option('--name <DNS-or-IP>', 'name or address that it is dialled by; may be repeated', appendName)
    .option('--days <number>', 'lifetime (default: 825, or what is left of that of the CA)', parseDays)
    .option('--passphrase-file <file>', 'passphrase of ca.key (default: AEGIS_CA_PASSPHRASE, or asked for)')
    .option('--force', 'replace the files that are there');

const appendName = (name: string, names: string[] = []): string[] => [...names, name];

function parseDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > maxDays) {
    throw new InvalidArgumentError(`accepted are whole numbers of days from 1 to ${maxDays}`);
  }
  return days;
}

/** Counts `--days` from now on, not from the backdated beginning. */
async function issuing(options: IssueOptions) {
  const { daysAfter } = await import('../pki/authority');
  const notAfter = options.days === undefined ? undefined : daysAfter(new Date(), options.days);
  return { names: options.name ?? [], notAfter, force: options.force };
}

async function givenPassphrase(options: FolderOptions): Promise<string | undefined> {
  const { readSecret } = await import('../pki/secrets');
  return readSecret('passphrase', options.passphraseFile, 'AEGIS_CA_PASSPHRASE');
}

export async function openAuthority(options: FolderOptions) {
  const { openFolder } = await import('../pki/folder');
  const { askSecret, canAsk } = await import('../pki/secrets');
  return openFolder(options.dir, async () => {
    const given = await givenPassphrase(options);
    return given === undefined && canAsk() ? askSecret('passphrase of the CA key: ') : given;
  });
}

export async function choosePkcs12Password(name: string, file: string | undefined) {
  const { askSecret, canAsk, generatePassword, readSecret } = await import('../pki/secrets');
  let password = await readSecret('PKCS#12 password', file, 'AEGIS_P12_PASSWORD');
  if (password === undefined && canAsk()) {
    password = await askSecret(`password for ${name}.p12 (empty: generate one): `);
    if (password !== '' && (await askSecret('the same again: ')) !== password) {
      throw new OperatorError('the two passwords differ; nothing was written');
    }
  }
  const isPasswordGenerated = password === undefined || password === '';
  return { password: isPasswordGenerated ? generatePassword() : password!, isPasswordGenerated };
}

function print(context: CommandContext, options: GlobalOptions, result: unknown, report: () => string): void {
  context.print(options.json === true ? `${JSON.stringify(result, null, 2)}\n` : report());
}

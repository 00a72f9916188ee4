/**
 * `aegis pki`: a small CA for sites that have none. Options only; the verbs do their work in files of their own, which
 * are imported when they are called.
 */
import { Option } from 'commander';
import type { Purpose } from '../../pki/leafCertificates';
import { helpSections, type RegisterCommand } from '../../terminal/command';
import { durationOption } from '../../text/moments';
import { revocationReasons } from '../../x509/revocationReasons';
import { type Register, repeated, verb } from './define';
import { gatewayVerbs } from './gatewayVerbs';
import type { InspectOptions } from './inspect';
import type { ClientOptions, InitOptions, ServerOptions } from './issue';
import type { ListOptions } from './list';
import type { RenewOptions } from './renew';
import type { RevokeOptions } from './revoke';
import type { SignOptions } from './sign';
import type { FolderOptions } from './verb';

/** As long as the CA itself; nothing is issued beyond its end. */
const DAYS_BOUNDS = { unit: 'days', min: 1, max: 3650 } as const;
const parseLifetime = durationOption('--days', DAYS_BOUNDS);

const directory = new Option('--dir <directory>', 'folder of the CA').default('certs');
/** For every verb that signs. */
const folder = [
  directory,
  new Option('--passphrase-file <file>', 'passphrase of ca.key (default: AEGIS_CA_PASSPHRASE, or asked for)'),
];
const dialledNames = repeated('--name <DNS-or-IP>', 'name or address that it is dialled by; may be repeated');
const days = new Option(
  '--days <number>',
  'lifetime (default: 825, or what is left of that of the CA)',
).argParser(parseLifetime);
const force = new Option('--force', 'replace the files that are there');
const pkcs12 = [
  new Option('--legacy', 'encrypt NAME.p12 with triple DES, for devices that cannot read AES'),
  new Option(
    '--p12-password-file <file>',
    'password of NAME.p12 (default: AEGIS_P12_PASSWORD, or asked for, or generated)',
  ),
];

const verbs: readonly Register[] = [
  verb<InitOptions>({
    name: 'init',
    description: 'make a CA (ca.crt, ca.key) and its empty CRL (ca.crl)',
    options: [
      directory,
      new Option('--common-name <text>', 'name of the CA (default: "Aegis CA" and random digits)'),
      new Option('--encrypt', 'encrypt ca.key with a passphrase that is asked for'),
      new Option('--passphrase-file <file>', 'encrypt ca.key with the passphrase in this file'),
      new Option('--force', 'replace the CA that is there; every certificate of it becomes worthless'),
    ],
    examples: [
      'aegis pki init --encrypt',
      'aegis pki init --dir /etc/aegis/pki --common-name "Example Hospital DICOM CA"',
      'AEGIS_CA_PASSPHRASE=… aegis pki init    (ca.key is then encrypted)',
    ],
    load: async () => (await import('./issue')).initAuthority,
  }),
  verb<ServerOptions>({
    name: 'server',
    description: 'issue the certificates of the gateway, RSA and ECDSA (server.crt, server-ecdsa.crt)',
    options: [...folder, dialledNames, days, force],
    examples: [
      'aegis pki server --name pacs.example.org --name 10.1.0.2',
      'aegis pki server --name localhost --force',
    ],
    load: async () => (await import('./issue')).issueServer,
  }),
  verb<ClientOptions>({
    name: 'client',
    description: 'issue the certificate of one modality (NAME.crt, NAME.key, NAME.p12)',
    argument: ['<NAME>', 'name of the modality: letters, digits, ".", "_" and "-"'],
    options: [...folder, dialledNames, days, ...pkcs12, force],
    examples: [
      'aegis pki client ct1',
      'aegis pki client ct1 --name ct1.radiology.example --name 10.1.2.10    (the gateway dials it, too)',
      'aegis pki client us-1998 --legacy --p12-password-file password.txt',
    ],
    load: async () => (await import('./issue')).issueClient,
  }),
  verb<SignOptions>({
    name: 'sign',
    description: 'sign the certification request of a device (NAME.crt)',
    argument: ['<FILE>', 'certification request (PKCS#10), PEM or DER'],
    options: [
      ...folder,
      new Option('--as <NAME>', 'name of the device (default: the common name of the request)'),
      new Option('--purpose <purpose>', 'client: a modality, which may be dialled, too; server: only dialled')
        .choices(['client', 'server'] satisfies Purpose[])
        .default('client'),
      repeated(
        '--name <DNS-or-IP>',
        'DNS name or IP address instead of those of the request; may be repeated',
      ),
      days,
      new Option('--yes', 'do not ask'),
      new Option('--force', 'replace NAME.crt that is there'),
    ],
    examples: [
      'aegis pki inspect ct1.csr',
      'aegis pki sign ct1.csr',
      'aegis pki sign request.der --as ct1 --name ct1.radiology.example --yes',
      'aegis pki sign archive.csr --purpose server',
    ],
    exitCodes: [
      '0  done',
      '1  failed: the request is not acceptable, was declined, or a file exists, cannot be read or written',
      '2  wrong usage, or the request does not name the device in a usable way',
    ],
    load: async () => (await import('./sign')).signRequest,
  }),
  verb<RenewOptions>({
    name: 'renew',
    description: 'issue a certificate again: same names, same key, new serial number and dates',
    argument: ['<NAME>', 'name of a modality, or "server", "ca" or "crl"'],
    options: [
      ...folder,
      new Option('--new-key', 'make another key of the same kind; "spki-sha256:" pins then have to change'),
      new Option('--days <number>', 'lifetime (default: 825, that of the CA 3650)').argParser(parseLifetime),
      ...pkcs12,
    ],
    examples: [
      'aegis pki renew ct1',
      'aegis pki renew ct1 --new-key',
      'aegis pki renew server',
      'aegis pki renew ca     (the same key: what it issued stays valid)',
      'aegis pki renew crl    (the same revocations in a new list)',
    ],
    exitCodes: [
      '0  done',
      '1  failed: no such certificate, it is revoked, or a file cannot be read or written',
      '2  wrong usage',
    ],
    load: async () => (await import('./renew')).renew,
  }),
  verb<RevokeOptions>({
    name: 'revoke',
    description: 'revoke the certificates of a modality (or of "server") and write ca.crl again',
    argument: ['<NAME>', 'name that they were issued for'],
    options: [
      ...folder,
      new Option('--serial <hex>', 'only the certificate with this serial number'),
      new Option('--reason <reason>', 'why').choices(revocationReasons),
    ],
    examples: [
      'aegis pki revoke ct1',
      'aegis pki revoke ct1 --serial 7F94265D89634D0ACF9F5EE342EFBF3A --reason superseded',
    ],
    exitCodes: [
      '0  done',
      '1  failed: no such certificate, or a file cannot be read or written',
      '2  wrong usage',
    ],
    load: async () => (await import('./revoke')).revoke,
  }),
  verb<ListOptions>({
    name: 'list',
    description: 'list what the CA has issued: when it ends, and whether it is valid, expired or revoked',
    options: [
      directory,
      new Option('--expiring-within <days>', 'fail when something in use ends within so many days').argParser(
        durationOption('--expiring-within', DAYS_BOUNDS),
      ),
    ],
    examples: [
      'aegis pki list',
      'aegis --json pki list',
      'aegis pki list --expiring-within 30    (for monitoring)',
    ],
    exitCodes: [
      '0  done',
      '1  failed: a file cannot be read, or something in use ends within --expiring-within',
      '2  wrong usage',
    ],
    load: async () => (await import('./list')).list,
  }),
  verb<InspectOptions>({
    name: 'inspect',
    description: 'say in words what is in a certificate, key, request, CRL or PKCS#12 file, PEM or DER',
    argument: ['<FILE>', 'the file'],
    options: [
      new Option(
        '--password-file <file>',
        'password of a PKCS#12 file (default: FILE.password, AEGIS_P12_PASSWORD, or asked for) or of a key (default: AEGIS_CA_PASSPHRASE, or asked for)',
      ),
    ],
    examples: [
      'aegis pki inspect certs/ct1.crt',
      'aegis pki inspect request.csr',
      'aegis pki inspect vendor.p12 --password-file password.txt',
      'aegis --json pki inspect certs/ca.crl',
    ],
    exitCodes: [
      '0  it could be read, and everything in it can be used today',
      '1  it cannot be read, or something in it has expired, is not valid yet, or is a request that cannot be signed',
      '2  wrong usage, or the password is missing',
    ],
    load: async () => (await import('./inspect')).inspect,
  }),
];

export const registerPki: RegisterCommand = (program, context) => {
  const pki = program
    .command('pki')
    .description(
      'certificates for the gateway and each modality: a small CA, or requests to that of the hospital',
    )
    .addHelpText(
      'after',
      helpSections([
        'aegis pki init',
        'aegis pki server --name aegis.hospital.example --name 10.1.2.3',
        'aegis pki client ct1',
        'aegis pki list',
        'aegis pki request --name aegis.hospital.example    (where the hospital has a CA)',
      ]),
    );
  for (const register of [...verbs, ...gatewayVerbs]) register(pki, context);
  pki.hook('preAction', async (_pki, verb) => {
    const { dir } = verb.opts<Partial<FolderOptions>>();
    if (dir === undefined) return;
    const { warnOfUnfinishedRecord } = await import('./verb');
    await warnOfUnfinishedRecord({ dir }, context);
  });
};

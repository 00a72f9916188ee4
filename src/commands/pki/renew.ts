/**
 * `aegis pki renew`: new dates for what is about to end: a modality, the gateway, the CA, its CRL. Says what is new, what
 * stays, and who needs the new files.
 */
import { readConfiguration } from '../../config/load';
import { OperatorError } from '../../errors';
import {
  type RenewedAuthority,
  type RenewedRevocationList,
  renewAuthority,
  renewRevocationList,
} from '../../pki/folderAuthority';
import {
  planRenewal,
  type RenewalPlan,
  type RenewedCertificates,
  renewAsPlanned,
} from '../../pki/folderRenewal';
import type { CommandContext } from '../../terminal/command';
import { formatDay } from '../../text/moments';
import { formatPath } from '../../text/problems';
import { safeLines } from '../../text/quote';
import { canonicalPin } from '../../x509/fingerprints';
import { commandLine } from '../reload/offerReload';
import { describe, describeAll, describePkcs12, row, rows, stillAccepted } from './reportText';
import {
  choosePkcs12,
  type FolderOptions,
  notAfterOf,
  openAuthority,
  type Pkcs12PasswordOptions,
  print,
} from './verb';

export interface RenewOptions extends FolderOptions, Pkcs12PasswordOptions {
  readonly newKey?: boolean;
  readonly days?: number;
}

export async function renew(context: CommandContext, options: RenewOptions, name: string): Promise<void> {
  if (name === 'ca') await renewCa(options, context);
  else if (name === 'crl') await renewCrl(options, context);
  else await renewCertificate(name, options, context);
}

async function renewCertificate(name: string, options: RenewOptions, context: CommandContext): Promise<void> {
  const plan = await planRenewal(options.dir, name, options.newKey === true); // Before the question for a passphrase.
  const authority = await openAuthority(options, context);
  const pkcs12 = plan.hasPkcs12
    ? await choosePkcs12(name, { ...options, legacy: options.legacy ?? plan.isLegacyPkcs12 }, context)
    : undefined;
  const renewed = await renewAsPlanned(options.dir, authority, plan, {
    notAfter: notAfterOf(options),
    pkcs12,
  });
  const pinnedEntries = findPinnedEntries(options.config, renewed);
  print(context, options, { ...renewed, pinnedEntries }, () =>
    reportRenewal(options, plan, renewed, pinnedEntries),
  );
}

async function renewCa(options: RenewOptions, context: CommandContext): Promise<void> {
  if (options.newKey === true) {
    throw new OperatorError(
      '--new-key: a CA with another key is another CA; make one in another folder with aegis pki init --dir DIR, and let listeners trust both (trustedCertificates) while the modalities change over',
    );
  }
  const renewed = await renewAuthority(
    options.dir,
    await openAuthority(options, context),
    notAfterOf(options),
  );
  print(context, options, renewed, () => reportRenewedAuthority(options, renewed));
}

async function renewCrl(options: RenewOptions, context: CommandContext): Promise<void> {
  if (options.newKey === true || options.days !== undefined) {
    throw new OperatorError('renew crl takes neither --new-key nor --days: the list lasts as long as the CA');
  }
  const renewed = await renewRevocationList(options.dir, await openAuthority(options, context));
  print(context, options, renewed, () => reportRenewedList(options, renewed));
}

/**
 * An entry of the configuration that names a renewed certificate by a fingerprint that has changed with it. The gateway
 * would refuse the modality as soon as it shows the new one.
 */
interface PinnedEntry {
  /** As in the configuration: `modalities.ct1.certificate`. */
  readonly path: string;
}

/** Empty where there is no configuration, or none that can be read: the CA may live on another machine. */
function findPinnedEntries(configurationFile: string, renewed: RenewedCertificates): PinnedEntry[] {
  let modalities: Readonly<Record<string, { readonly certificate?: readonly string[] | undefined }>>;
  try {
    modalities = readConfiguration(configurationFile).configuration?.modalities ?? {};
  } catch (error) {
    if (error instanceof OperatorError) return [];
    throw error;
  }
  const former = new Set(renewed.formerFingerprints.map(canonicalPin));
  const current = new Set(renewed.certificates.map(({ fingerprint }) => canonicalPin(fingerprint)));
  return Object.entries(modalities).flatMap(([name, { certificate = [] }]) => {
    const pins = certificate.map(canonicalPin);
    const isStale = pins.some((pin) => former.has(pin)) && !pins.some((pin) => current.has(pin));
    return isStale ? [{ path: formatPath(['modalities', name, 'certificate']) }] : [];
  });
}

function reportRenewal(
  options: RenewOptions,
  plan: RenewalPlan,
  renewed: RenewedCertificates,
  pinnedEntries: readonly PinnedEntry[],
): string {
  const { dir, config } = options;
  const { isKeyNew } = renewed;
  return safeLines([
    ...describeAll(
      renewed.certificates,
      () => `${plan.kind} certificate "${plan.name}", renewed for ${isKeyNew ? 'a new' : 'the same'} key`,
    ),
    ...describePkcs12(renewed),
    ...rows('kept', renewed.keptFiles),
    ...stillAccepted(dir, renewed),
    '',
    'next:',
    ...(plan.name === 'server' ? serverSteps(options, renewed) : deviceSteps(renewed, config, pinnedEntries)),
  ]);
}

function serverSteps(options: RenewOptions, { isKeyNew, certificates }: RenewedCertificates): string[] {
  const files = certificates.flatMap(({ certificateFile, privateKeyFile }) =>
    isKeyNew && privateKeyFile !== undefined ? [certificateFile, privateKeyFile] : [certificateFile],
  );
  return [
    `  put ${files.join(', ')} where the listener reads them`,
    `  ${commandLine(options, 'reload')}`,
    '  modalities that pin the certificate of the gateway, instead of trusting the CA, need the new one',
  ];
}

function deviceSteps(
  renewed: RenewedCertificates,
  configuration: string,
  pinnedEntries: readonly PinnedEntry[],
): string[] {
  const { certificates, isKeyNew, pkcs12File, pkcs12PasswordFile } = renewed;
  const [summary] = certificates;
  const { certificateFile, privateKeyFile, fingerprint, spkiFingerprint } = summary!;
  const files =
    isKeyNew && privateKeyFile !== undefined ? `${certificateFile} and ${privateKeyFile}` : certificateFile;
  return [
    `  copy ${pkcs12File === undefined ? files : `${pkcs12File} (or ${files})`} to the device`,
    ...(pkcs12PasswordFile === undefined ? [] : [`  then delete ${pkcs12PasswordFile}`]),
    ...pinnedEntries.map(
      ({ path }) =>
        `  ${path} in ${configuration} names the former one: add the new one before the device shows it`,
    ),
    ...(isKeyNew
      ? ['  entries that name it by "sha256:" or "spki-sha256:" need the new one:']
      : [
          '  entries that name it by "spki-sha256:", "cn:" or "dns:" stay as they are; by "sha256:" they need the new one:',
        ]),
    `    ${JSON.stringify(isKeyNew ? spkiFingerprint : fingerprint)}`,
  ];
}

function reportRenewedAuthority(options: RenewOptions, renewed: RenewedAuthority): string {
  const { authority, revocationListFile, keptFile, formerNotAfter } = renewed;
  return safeLines([
    ...describe(`CA "${authority.commonName}", renewed for the same key`, authority),
    row('CRL', `${revocationListFile}, ends with it`),
    row('kept', keptFile),
    '',
    'everything that the CA issued stays valid',
    '',
    'next:',
    `  copy ${authority.certificateFile} to each modality before ${formatDay(formerNotAfter)}, when the one that it has ends`,
    `  put ${authority.certificateFile} and ${revocationListFile} where the listeners read them`,
    `  ${commandLine(options, 'reload')}`,
  ]);
}

function reportRenewedList(
  options: RenewOptions,
  { revocationListFile, nextUpdate }: RenewedRevocationList,
): string {
  return safeLines([
    `CRL ${revocationListFile}, with all that was revoked`,
    row('next update', formatDay(nextUpdate)),
    '',
    'next:',
    `  ${commandLine(options, 'reload')}`,
    '  copy the CRL to everything else that checks it',
  ]);
}

/** `aegis pki renew`: new dates for what is about to end: a modality, the gateway, the CA, its CRL. */
import type { Command } from 'commander';
import { OperatorError } from '../../errors';
import { type CommandContext, helpSections } from '../../terminal/command';
import {
  choosePkcs12,
  type FolderOptions,
  notAfterOf,
  openAuthority,
  type Pkcs12Options,
  print,
  type RegisterVerb,
  signingVerb,
  withDays,
  withPkcs12,
} from './verb';

interface RenewOptions extends FolderOptions, Pkcs12Options {
  readonly newKey?: boolean;
  readonly days?: number;
}

export const registerRenew: RegisterVerb = (pki, context) => {
  const renew = signingVerb(
    pki,
    'renew',
    'issue a certificate anew: same names, same key, new serial number and dates',
  )
    .argument('<NAME>', 'name of a modality, or "server", "ca" or "crl"')
    .option('--new-key', 'make another key of the same kind; "spki-sha256:" pins then have to change');
  withDays(renew, 'lifetime (default: 825, that of the CA 3650)');
  withPkcs12(renew)
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki renew ct1',
          'aegis pki renew ct1 --new-key',
          'aegis pki renew server',
          'aegis pki renew ca     (the same key: what it issued stays valid)',
          'aegis pki renew crl    (the same revocations in a new list)',
        ],
        [
          '0  done',
          '1  failed: no such certificate, it is revoked, or a file cannot be read or written',
          '2  wrong usage',
        ],
      ),
    )
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<RenewOptions>();
      if (name === 'ca') await renewCa(options, context);
      else if (name === 'crl') await renewCrl(options, context);
      else await renewCertificate(name, options, context);
    });
};

async function renewCertificate(name: string, options: RenewOptions, context: CommandContext): Promise<void> {
  const { renewAsPlanned } = await import('../../pki/folderRenewal');
  const { planRenewal } = await import('../../pki/renewalPlan');
  const { reportRenewal } = await import('./renewReports');
  const { findPinnedEntries } = await import('./pinnedEntries');
  const plan = await planRenewal(options.dir, name, options.newKey === true); // Before anybody is asked for a passphrase.
  const authority = await openAuthority(options, context);
  const pkcs12 = plan.hasPkcs12
    ? await choosePkcs12(name, { ...options, legacy: options.legacy ?? plan.isLegacyPkcs12 }, context)
    : undefined;
  const renewed = await renewAsPlanned(options.dir, authority, plan, {
    notAfter: await notAfterOf(options),
    pkcs12,
  });
  const pinnedEntries = findPinnedEntries(options.config, renewed);
  print(context, options, { ...renewed, pinnedEntries }, () =>
    reportRenewal(options.dir, options.config, plan, renewed, pinnedEntries),
  );
}

async function renewCa(options: RenewOptions, context: CommandContext): Promise<void> {
  if (options.newKey === true) {
    throw new OperatorError(
      '--new-key: a CA with another key is another CA; make one in another folder with aegis pki init --dir DIR, and let listeners trust both (trustedCertificates) while the modalities change over',
    );
  }
  const { renewAuthority } = await import('../../pki/folderAuthority');
  const { reportRenewedAuthority } = await import('./renewReports');
  const renewed = await renewAuthority(
    options.dir,
    await openAuthority(options, context),
    await notAfterOf(options),
  );
  print(context, options, renewed, () => reportRenewedAuthority(renewed));
}

async function renewCrl(options: RenewOptions, context: CommandContext): Promise<void> {
  if (options.newKey === true || options.days !== undefined) {
    throw new OperatorError('renew crl takes neither --new-key nor --days: the list lasts as long as the CA');
  }
  const { renewRevocationList } = await import('../../pki/folderAuthority');
  const { reportRenewedList } = await import('./renewReports');
  const renewed = await renewRevocationList(options.dir, await openAuthority(options, context));
  print(context, options, renewed, () => reportRenewedList(renewed));
}

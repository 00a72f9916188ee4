/** `aegis pki revoke`: revokes certificates and writes the CRL. */
import { type Command, Option } from 'commander';
import { helpSections } from '../../terminal/command';
import { type RevocationReason, revocationReasons } from '../../x509/revocationList';
import { type FolderOptions, openAuthority, print, type RegisterVerb, signingVerb } from './verb';

interface RevokeOptions extends FolderOptions {
  readonly serial?: string;
  readonly reason?: RevocationReason;
}

export const registerRevoke: RegisterVerb = (pki, context) => {
  signingVerb(pki, 'revoke', 'revoke the certificates of a modality (or of "server") and write ca.crl anew')
    .argument('<NAME>', 'name that they were issued for')
    .option('--serial <hex>', 'only the certificate with this serial number')
    .addOption(new Option('--reason <reason>', 'why').choices(revocationReasons))
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki revoke ct1',
          'aegis pki revoke ct1 --serial 7F94265D89634D0ACF9F5EE342EFBF3A --reason superseded',
        ],
        ['0  done', '1  failed: no such certificate, or a file cannot be read or written', '2  wrong usage'],
      ),
    )
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<RevokeOptions>();
      const { revokeCertificates } = await import('../../pki/folderRevocation');
      const { reportRevocation } = await import('./issueReports');
      const authority = await openAuthority(options, context);
      const revocation = await revokeCertificates(options.dir, authority, {
        name,
        serialNumber: options.serial,
        reason: options.reason,
      });
      print(context, options, revocation, () => reportRevocation(name, revocation));
    });
};

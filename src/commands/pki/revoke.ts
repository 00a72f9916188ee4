/** `aegis pki revoke`: revokes certificates and writes the CRL. */
import { type RevocationResult, revokeCertificates } from '../../pki/folderAuthority';
import type { CommandContext } from '../../terminal/command';
import { formatDay } from '../../text/moments';
import { safeLines } from '../../text/quote';
import type { RevocationReason } from '../../x509/revocationReasons';
import { commandLine } from '../reload/offerReload';
import { row } from './reportText';
import { type FolderOptions, openAuthority, print } from './verb';

export interface RevokeOptions extends FolderOptions {
  readonly serial?: string;
  readonly reason?: RevocationReason;
}

export async function revoke(context: CommandContext, options: RevokeOptions, name: string): Promise<void> {
  const authority = await openAuthority(options, context);
  const revocation = await revokeCertificates(options.dir, authority, {
    name,
    serialNumber: options.serial,
    reason: options.reason,
  });
  print(context, options, revocation, () => reportRevocation(options, name, revocation));
}

function reportRevocation(
  options: RevokeOptions,
  name: string,
  { revoked, revocationListFile }: RevocationResult,
): string {
  return safeLines([
    ...(revoked.length === 0
      ? [`nothing left to revoke for "${name}": all of it is revoked or expired`]
      : revoked.map(
          (entry) => `revoked ${entry.serialNumber} (${entry.file}, issued ${formatDay(entry.time)})`,
        )),
    row('CRL', revocationListFile),
    '',
    'next:',
    `  ${commandLine(options, 'reload')}`,
    '  copy the CRL to everything else that checks it',
  ]);
}

/**
 * `aegis pki sign`: issues a certificate for a request of a device that has made its key itself. Shows what was asked
 * for before anything is signed; somebody at a terminal is asked.
 */
import { type Command, Option } from 'commander';
import { ExitCode, OperatorError } from '../../errors';
import type { Purpose } from '../../pki/leafCertificates';
import { helpSections } from '../../terminal/command';
import {
  type FolderOptions,
  notAfterOf,
  openAuthority,
  print,
  type RegisterVerb,
  signingVerb,
  withDays,
  withNames,
} from './verb';

interface SignOptions extends FolderOptions {
  readonly as?: string;
  readonly name?: string[];
  readonly purpose: Purpose;
  readonly days?: number;
  readonly yes?: boolean;
  readonly force?: boolean;
}

export const registerSign: RegisterVerb = (pki, context) => {
  const sign = signingVerb(pki, 'sign', 'sign the certification request of a device (NAME.crt)')
    .argument('<FILE>', 'certification request (PKCS#10), PEM or DER')
    .option('--as <NAME>', 'name of the device (default: the common name of the request)')
    .addOption(
      new Option('--purpose <purpose>', 'client: a modality, which may be dialled, too; server: only dialled')
        .choices(['client', 'server'] satisfies Purpose[])
        .default('client'),
    );
  withNames(sign, 'DNS name or IP address instead of those of the request; may be repeated');
  withDays(sign, 'lifetime (default: 825, or what is left of that of the CA)')
    .option('--yes', 'do not ask')
    .option('--force', 'replace NAME.crt that is there')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki inspect ct1.csr',
          'aegis pki sign ct1.csr',
          'aegis pki sign request.der --as ct1 --name ct1.radiology.example --yes',
          'aegis pki sign archive.csr --purpose server',
        ],
        [
          '0  done',
          '1  failed: the request is not acceptable, was declined, or a file exists, cannot be read or written',
          '2  wrong usage, or the request names the device in no usable way',
        ],
      ),
    )
    .action(async (file: string, _options, command: Command) => {
      const options = command.optsWithGlobals<SignOptions>();
      const { readRequestFile } = await import('../../pki/requestFile');
      const { planSigning, signAsPlanned } = await import('../../pki/folderRequests');
      const { reportRequest, reportSigned } = await import('./signReport');
      const request = await readRequestFile(file);
      const plan = await planSigning(options.dir, request, {
        name: options.as,
        names: options.name,
        purpose: options.purpose,
        force: options.force,
      });
      context.printError(reportRequest(file, request, plan));
      if (options.yes !== true) await confirm();
      const authority = await openAuthority(options, context);
      const written = await signAsPlanned(options.dir, authority, plan, await notAfterOf(options));
      print(context, options, written, () => reportSigned(options.dir, options.config, plan, written));
    });
};

/** Where nobody can be asked, whoever runs the command has decided. */
async function confirm(): Promise<void> {
  const { canAsk } = await import('../../pki/secrets');
  const { confirm: ask } = await import('../../terminal/questions');
  if (canAsk() && !(await ask('sign it', 'n'))) {
    throw new OperatorError('declined; nothing was signed', ExitCode.Failed);
  }
}

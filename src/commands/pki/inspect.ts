/** `aegis pki inspect`: what is in a file, in words. Needs no CA. */
import type { Command } from 'commander';
import { ExitCode } from '../../errors';
import { type GlobalOptions, helpSections } from '../../terminal/command';
import { print, type RegisterVerb } from './verb';

interface InspectOptions extends GlobalOptions {
  readonly passwordFile?: string;
}

export const registerInspect: RegisterVerb = (pki, context) => {
  pki
    .command('inspect')
    .description('say in words what is in a certificate, key, request, CRL or PKCS#12 file, PEM or DER')
    .argument('<FILE>', 'the file')
    .option(
      '--password-file <file>',
      'password of a PKCS#12 file (default: FILE.password, AEGIS_P12_PASSWORD, or asked for) or of a key (default: AEGIS_CA_PASSPHRASE, or asked for)',
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki inspect certs/ct1.crt',
          'aegis pki inspect request.csr',
          'aegis pki inspect vendor.p12 --password-file password.txt',
          'aegis --json pki inspect certs/ca.crl',
        ],
        [
          '0  it could be read, and everything in it can be used today',
          '1  it cannot be read, or something in it has expired, is not valid yet, or is a request that cannot be signed',
          '2  wrong usage, or the password is missing',
        ],
      ),
    )
    .action(async (file: string, _options, command: Command) => {
      const options = command.optsWithGlobals<InspectOptions>();
      const { inspectFile } = await import('../../x509/inspection');
      const { isUsable, reportInspection } = await import('./inspectReport');
      const contents = await inspectFile(file, (what) => readPassword(file, what, options));
      context.exit(contents.every(isUsable) ? ExitCode.Done : ExitCode.Failed);
      print(context, options, { file, contents }, () => reportInspection(file, options.config, contents));
    });
};

async function readPassword(
  file: string,
  what: 'private key' | 'PKCS#12 file',
  { passwordFile }: InspectOptions,
): Promise<string | undefined> {
  const { askSecret, canAsk, readSecret } = await import('../../pki/secrets');
  const { existingOf } = await import('../../files/write');
  const isPkcs12 = what === 'PKCS#12 file';
  // As `aegis pki client` leaves it beside the file.
  const [generated] = isPkcs12 ? await existingOf([`${file}.password`]) : [];
  const given = await readSecret(
    'password',
    passwordFile ?? generated,
    isPkcs12 ? 'AEGIS_P12_PASSWORD' : 'AEGIS_CA_PASSPHRASE',
  );
  return given === undefined && canAsk() ? askSecret(`password of the ${what}: `) : given;
}

/**
 * `aegis echo`: a C-ECHO to the gateway itself, an upstream, a modality or any address, with each step and its time.
 * Options only.
 */
import { InvalidArgumentError, Option } from 'commander';
import type { TlsProfile } from '../../config/schema';
import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';
import { OWN_AE_TITLE } from '../../text/aeTitle';
import { durationOption } from '../../text/moments';

const profiles: Readonly<Record<TlsProfile, true>> = {
  bcp195: true,
  'bcp195-modified': true,
  'bcp195-nd': true,
  'bcp195-extended': true,
  'aes-legacy': true,
};

/** An hour is longer than anybody waits for one answer. */
export const parseTimeout = durationOption('--timeout', { unit: 'seconds', min: 0.001, max: 3600 });

export const registerEcho: RegisterCommand = (program, context) => {
  program
    .command('echo')
    .description('C-ECHO to the gateway itself, an upstream, a modality or any address, step by step')
    .argument('[TARGET]', 'name of an upstream or modality, or host:port (default: the first listener)')
    .option(
      '--calling <AET>',
      `calling AE title (default: ${OWN_AE_TITLE}; to a modality that of the archive)`,
      parseAeTitle,
    )
    .option(
      '--called <AET>',
      'called AE title (default: the one of the target; for host:port ANY-SCP)',
      parseAeTitle,
    )
    .option('--timeout <seconds>', 'for connecting, and again for each answer', parseTimeout, 10)
    .option('--tls', 'use TLS where the configuration does not say so; the options below imply it')
    .option('--ca <file>', 'CA that signed the certificate of the peer')
    .option('--certificate <file>', 'certificate to show to the peer')
    .option('--private-key <file>', 'private key of that certificate')
    .option('--server-name <name>', 'name that the certificate of the peer must have (default: the host)')
    .addOption(new Option('--profile <name>', 'TLS profile (default: bcp195)').choices(Object.keys(profiles)))
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis echo ORTHANC',
          'aegis echo --calling CT1 --certificate certs/ct1.crt --private-key certs/ct1.key',
          'aegis echo ct1',
          'aegis echo 10.1.2.10:2762 --called CT1 --ca certs/ca.crt --certificate a.crt --private-key a.key',
        ],
        [
          '0  the peer answered with success and released the association',
          '1  a step failed; the line says which and why',
          '2  wrong usage or configuration',
          '130  interrupted with Ctrl-C',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./verify')).echo));
};

/** PS3.5 §6.2, VR AE. */
export function parseAeTitle(text: string): string {
  const title = text.trim();
  if (/^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(title)) return title;
  throw new InvalidArgumentError('AE titles have 1 to 16 printable ASCII characters, no backslash');
}

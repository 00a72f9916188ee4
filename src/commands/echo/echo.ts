/**
 * `aegis echo`: a C-ECHO to the gateway itself, an upstream, a modality or any address, with each step and its time.
 * Options and exit code only; verification/ speaks DICOM.
 */
import { InvalidArgumentError, Option } from 'commander';
import type { TlsProfile } from '../../config/schema';
import { ExitCode } from '../../errors';
import type { ClientTlsConfiguration } from '../../net/tlsContext';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';
import { OWN_AE_TITLE } from '../../text/aeTitle';
import { durationOption } from '../../text/moments';
import type { Echo } from './report';
import type { EchoTarget } from './target';

interface EchoOptions extends GlobalOptions {
  readonly calling?: string;
  readonly called?: string;
  readonly timeout: number;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly serverName?: string;
  readonly profile?: TlsProfile;
}

const profiles: Readonly<Record<TlsProfile, true>> = {
  bcp195: true,
  'bcp195-modified': true,
  'bcp195-nd': true,
  'bcp195-extended': true,
  'aes-legacy': true,
};

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
        ],
      ),
    )
    .action(async (target: string | undefined, _options, command) => {
      await echo(target, command.optsWithGlobals() as EchoOptions, context);
    });
};

/** PS3.5 §6.2, VR AE. */
export function parseAeTitle(text: string): string {
  const title = text.trim();
  if (/^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(title)) return title;
  throw new InvalidArgumentError('AE titles have 1 to 16 printable ASCII characters, no backslash.');
}

/** An hour is longer than anybody waits for one answer. */
export const parseTimeout = durationOption('--timeout', { unit: 'seconds', min: 0.001, max: 3600 });

async function echo(name: string | undefined, options: EchoOptions, context: CommandContext): Promise<void> {
  const { findEchoTargets } = await import('./target');
  const { echoJson, echoText } = await import('./report');
  const targets = findEchoTargets(name, options.config).map((target) => withTls(target, options));
  const echoes: Echo[] = [];
  for (const target of targets) {
    const done = await verifyTarget(target, options);
    echoes.push(done);
    if (options.json !== true) context.print(echoText(done));
  }
  const isOk = echoes.every(({ report }) => report.isOk);
  if (options.json === true) {
    context.print(`${JSON.stringify({ ok: isOk, echoes: echoes.map(echoJson) }, undefined, 2)}\n`);
  }
  context.exit(isOk ? ExitCode.Done : ExitCode.Failed);
}

/** Who asks, and how long each step may take. */
export type VerifyOptions = Pick<EchoOptions, 'calling' | 'called' | 'timeout'>;

export async function verifyTarget(target: EchoTarget, options: VerifyOptions): Promise<Echo> {
  const { verify } = await import('../../verification/verification');
  const { loadClientTlsContext } = await import('../../net/tlsContext');
  const callingAeTitle = options.calling ?? target.callingAeTitle;
  const calledAeTitle = options.called ?? target.calledAeTitle;
  const report = await verify({
    host: target.host,
    port: target.port,
    tls: target.tls && loadClientTlsContext(target.tls),
    callingAeTitle,
    calledAeTitle,
    timeoutMs: options.timeout * 1000,
  });
  return { target, callingAeTitle, calledAeTitle, report };
}

/** What the command line says about TLS wins over the configuration. */
function withTls(target: EchoTarget, options: EchoOptions): EchoTarget {
  const { ca, certificate, privateKey, serverName, profile } = options;
  const given = { certificate, privateKey, serverName, profile };
  const isGiven = [ca, ...Object.values(given)].some((value) => value !== undefined);
  if (target.tls === undefined && !isGiven && options.tls !== true) return target;
  const tls: ClientTlsConfiguration = {
    profile: 'bcp195',
    trustedCertificates: [],
    ...target.tls,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(ca === undefined ? {} : { trustedCertificates: [ca] }),
  };
  return { ...target, tls };
}

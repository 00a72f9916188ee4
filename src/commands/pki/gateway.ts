/**
 * `aegis pki request` and `install`: says what to do with a request, and what became of its answer. pki/ decides what is
 * asked for and what is good enough.
 */
import { type Installation, type InstalledCertificate, installAnswer } from '../../pki/gatewayAnswer';
import { type WrittenRequest, writeGatewayRequest } from '../../pki/gatewayRequest';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { safeLines } from '../../text/quote';
import type { RequestKey } from '../../x509/algorithms';
import type { Recognised } from '../../x509/inspected';
import { recogniseFile } from '../../x509/inspection';
import { commandLine } from '../reload/offerReload';
import { describe, folderOption, fromConfiguration, row, rows } from './reportText';
import { type FilePasswordOptions, print, readFilePassword } from './verb';

export interface RequestOptions extends GlobalOptions {
  readonly dir: string;
  readonly name?: string[];
  readonly key: RequestKey;
  readonly subject?: string[];
  readonly force?: boolean;
}

export interface InstallOptions extends GlobalOptions, FilePasswordOptions {
  readonly dir: string;
  readonly name?: string[];
  readonly trust?: boolean;
}

export async function request(context: CommandContext, options: RequestOptions): Promise<void> {
  const { dir, name = [], subject = [], key, force } = options;
  const written = await writeGatewayRequest(dir, { names: name, key, subject, force });
  print(context, options, written, () => reportRequest(options, written));
}

function reportRequest({ dir }: RequestOptions, written: WrittenRequest): string {
  const { requestFile } = written;
  return safeLines([
    'certification request',
    row('subject', written.subject),
    row('names', written.names.join(', ')),
    row('key', written.key),
    row('public key', written.spkiFingerprint),
    row('request', requestFile),
    row('private key', `${written.privateKeyFile}; it never leaves this machine`),
    ...rows('replaced', written.replacedFiles),
    ...(written.inUse === undefined
      ? []
      : [row('in use', `${written.inUse}, until the answer is installed`)]),
    '',
    'next:',
    `  send ${requestFile} to the CA of the hospital; for AD CS, on Windows:`,
    '  certreq -submit -attrib "CertificateTemplate:WebServer" server.csr server.cer',
    '  ask for "Server Authentication" and for the chain of the CA (.p7b)',
    `  aegis pki install${folderOption(dir)} FILE...    (what the CA sends back)`,
  ]);
}

export async function install(
  context: CommandContext,
  options: InstallOptions,
  files: readonly string[],
): Promise<void> {
  const found: Recognised[] = [];
  for (const file of files) {
    found.push(...(await recogniseFile(file, (what) => readFilePassword(file, what, options))));
  }
  const parts = found.flatMap((one): Recognised[] => (one.kind === 'pkcs12' ? [...one.contents] : [one]));
  const installation = await installAnswer(
    options.dir,
    {
      certificates: parts.flatMap((part) => (part.kind === 'certificate' ? [part.certificate] : [])),
      privateKeys: parts.flatMap((part) =>
        part.kind === 'private-key' && part.key !== undefined ? [part.key] : [],
      ),
    },
    { names: options.name, isTrusted: options.trust === true },
  );
  for (const warning of installation.certificates.flatMap(({ warnings }) => warnings)) {
    context.printError(`warning: ${warning}\n`);
  }
  print(context, options, installation, () => reportInstallation(options, installation));
}

function reportInstallation(options: InstallOptions, installation: Installation): string {
  const { config } = options;
  const { certificates, authorityFile } = installation;
  const isRenewal = certificates.every(({ keptFiles }) => keptFiles.length > 0);
  const seen = (path: string) => fromConfiguration(config, path);
  const tls = {
    certificate: certificates.map(({ certificateFile }) => seen(certificateFile)),
    privateKey: certificates.map(({ privateKeyFile }) => seen(privateKeyFile ?? '')),
    ...(authorityFile === undefined ? {} : { trustedCertificates: seen(authorityFile) }),
  };
  const roots = [...new Set(certificates.map(({ root }) => root))];
  return safeLines([
    ...certificates.flatMap((certificate, index) => [
      ...(index === 0 ? [] : ['']),
      ...certificateLines(certificate),
    ]),
    ...(authorityFile === undefined ? [] : [row('its CA', authorityFile)]),
    '',
    'next:',
    ...(isRenewal
      ? []
      : [
          `  in a listener of ${config}`,
          ...`"tls": ${JSON.stringify(tls, null, 2)}`.split('\n').map((line) => `    ${line}`),
        ]),
    `  ${commandLine(options, 'reload')}`,
    `  each modality must trust the root CA: ${roots.join(' and ')}`,
    ...(authorityFile === undefined
      ? []
      : [`  with ${authorityFile}, every device of this CA passes TLS: name the certificate in each entry`]),
  ]);
}

function certificateLines(certificate: InstalledCertificate): string[] {
  const { keyType, intermediates, root, isRootKnown, keptFiles } = certificate;
  return [
    ...describe(`server certificate, ${keyType.toUpperCase()}`, certificate),
    row('chain', intermediates.length === 0 ? 'none: the root CA has issued it' : intermediates.join('; ')),
    row('root', isRootKnown ? root : `${root}; not among the files, so the chain was checked up to it`),
    ...rows('kept', keptFiles),
  ];
}

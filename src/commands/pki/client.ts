/** `aegis pki client`: issues the certificate of one modality, with a key that is made here. */
import type { Command } from 'commander';
import { helpSections } from '../../terminal/command';
import {
  choosePkcs12,
  exitCodes,
  type FolderOptions,
  notAfterOf,
  openAuthority,
  type Pkcs12Options,
  print,
  type RegisterVerb,
  signingVerb,
  withDays,
  withNames,
  withPkcs12,
} from './verb';

interface ClientOptions extends FolderOptions, Pkcs12Options {
  readonly name?: string[];
  readonly days?: number;
  readonly force?: boolean;
}

export const registerClient: RegisterVerb = (pki, context) => {
  const client = signingVerb(
    pki,
    'client',
    'issue the certificate of one modality (NAME.crt, NAME.key, NAME.p12)',
  ).argument('<NAME>', 'name of the modality: letters, digits, ".", "_" and "-"');
  withNames(client, 'name or address that it is dialled by; may be repeated');
  withDays(client, 'lifetime (default: 825, or what is left of that of the CA)');
  withPkcs12(client)
    .option('--force', 'replace the files that are there')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki client ct1',
          'aegis pki client ct1 --name ct1.radiology.example --name 10.1.2.10    (the gateway dials it, too)',
          'aegis pki client us-1998 --legacy --p12-password-file password.txt',
        ],
        exitCodes,
      ),
    )
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<ClientOptions>();
      const { findReplacedClientFiles, writeClientCertificate } = await import(
        '../../pki/folderCertificates'
      );
      const { reportClient } = await import('./issueReports');
      await findReplacedClientFiles(options.dir, name, options.force); // Before anybody is asked for a password.
      const authority = await openAuthority(options, context);
      const written = await writeClientCertificate(options.dir, authority, {
        name,
        names: options.name ?? [],
        notAfter: await notAfterOf(options),
        force: options.force,
        pkcs12: await choosePkcs12(name, options, context),
      });
      const { describeNameOfOther } = await import('../../pki/namesOfOthers');
      for (const other of written.namesOfOthers) {
        context.printError(`warning: ${describeNameOfOther(other)}\n`);
      }
      print(context, options, written, () => reportClient(options.dir, options.config, name, written));
    });
};

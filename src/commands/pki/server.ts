/** `aegis pki server`: issues the certificates of the gateway. */
import type { Command } from 'commander';
import { helpSections } from '../../terminal/command';
import {
  exitCodes,
  type FolderOptions,
  notAfterOf,
  openAuthority,
  print,
  type RegisterVerb,
  signingVerb,
  withDays,
  withNames,
} from './verb';

interface ServerOptions extends FolderOptions {
  readonly name?: string[];
  readonly days?: number;
  readonly force?: boolean;
}

export const registerServer: RegisterVerb = (pki, context) => {
  const server = signingVerb(
    pki,
    'server',
    'issue the certificates of the gateway, RSA and ECDSA (server.crt, server-ecdsa.crt)',
  );
  withNames(server, 'name or address that it is dialled by; may be repeated');
  withDays(server, 'lifetime (default: 825, or what is left of that of the CA)')
    .option('--force', 'replace the files that are there')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis pki server --name pacs.example.org --name 10.1.0.2',
          'aegis pki server --name localhost --force',
        ],
        exitCodes,
      ),
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<ServerOptions>();
      const { writeServerCertificates } = await import('../../pki/folderCertificates');
      const { reportServer } = await import('./issueReports');
      const authority = await openAuthority(options, context);
      const written = await writeServerCertificates(options.dir, authority, {
        names: options.name ?? [],
        notAfter: await notAfterOf(options),
        force: options.force,
      });
      print(context, options, written, () => reportServer(options.dir, options.config, written));
    });
};

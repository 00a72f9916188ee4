/** `aegis support-bundle`: its options and exit codes. The work is in makeBundle.ts, which is loaded when it is asked for. */
import { helpSections, type RegisterCommand, workOf } from '../terminal/command';

export const registerSupportBundle: RegisterCommand = (program, context) => {
  program
    .command('support-bundle')
    .description('put what a bug report needs into one file, without secrets and without patient data')
    .argument('<FILE>', 'a new file, *.tar.gz')
    .option(
      '--url <url>',
      'the admin HTTP (default: admin of the configuration); its token is AEGIS__ADMIN__TOKEN',
    )
    .addHelpText(
      'after',
      `
In it: versions, the configuration without tokens, passwords and the paths of
URLs, what "aegis check --offline" says, and the last 1,000 lines of audit.file.
Of a gateway that runs: status, metrics, and the last protocol errors. Private
keys are not read. Names, AE titles, addresses and UIDs stay: look at the file
before you send it.
${helpSections(
  ['aegis support-bundle aegis.tar.gz', 'tar -tzf aegis.tar.gz', 'tar -xOzf aegis.tar.gz configuration.json'],
  ['0  written', '1  the file exists or cannot be written', '2  wrong usage'],
)}`,
    )
    .action(workOf(context, async () => (await import('./makeBundle')).makeBundle));
};

/** `aegis show`: its verbs, options and exit codes. The work is in showErrors.ts, which is loaded when it is asked for. */
import { helpSections, type RegisterCommand, workOf } from '../terminal/command';

const EXIT_CODES = [
  '0  shown',
  '1  the gateway cannot be asked, or refused',
  '2  wrong usage, or a configuration without admin',
];

export const registerShow: RegisterCommand = (program, context) => {
  const show = program
    .command('show')
    .description('show what the running gateway keeps')
    .addHelpText('after', helpSections(['aegis show errors'], EXIT_CODES));
  show
    .command('errors')
    .description('the last protocol violation of each peer: why, when, and the bytes around it')
    .option(
      '--url <url>',
      'the admin HTTP (default: admin of the configuration); its token is AEGIS__ADMIN__TOKEN',
    )
    .addHelpText(
      'after',
      `
The gateway keeps them in memory, for 100 peers, until it stops. Bytes that
could be of a patient are shown as "..". Of a PDU that came in several pieces,
the bytes are not known.
${helpSections(
  ['aegis show errors', 'aegis --json show errors', 'aegis show errors --url http://127.0.0.1:9762'],
  EXIT_CODES,
)}`,
    )
    .action(workOf(context, async () => (await import('./showErrors')).showErrors));
};

/**
 * `aegis demo`: the gateway at work, with nothing to install or edit. Options only.
 */
import { helpSections, type RegisterCommand, workOf } from '../terminal/command';

export const registerDemo: RegisterCommand = (program, context) => {
  program
    .command('demo')
    .description('see the gateway at work: allowed and refused requests, with an archive of its own')
    .option('--keep', 'keep everything running until Ctrl-C, and say how to talk to it')
    .addHelpText(
      'after',
      helpSections(
        ['aegis demo', 'aegis demo --keep', 'aegis --json demo'],
        [
          '0  everything was answered, logged and stored as expected',
          '1  something was not; the table says what was expected',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./playDemo')).playDemo));
};
